"""The control socket of a generation that another superdaemon has started: the master answers there, and what
its metrics process asks.

Used by master. Two generations of one server may live at a time, and have one path. So the new one tries
again until the old one, which closes its socket when it stops, has left it.
"""

from __future__ import annotations

import marshal
import os
from collections.abc import Iterable, Iterator, Sequence
from signal import SIGHUP
from time import monotonic, time

from rhebok.control.path import control_path
from rhebok.control.server import ControlSocket
from rhebok.errors import os_reason
from rhebok.listening.accept_queues import drops
from rhebok.listening.listeners import Listener
from rhebok.records import TYPE_CHECKING
from rhebok.superdaemon.generations import Generation, Generations, Phase

if TYPE_CHECKING:
    import logging
    from typing import Any

    from rhebok.serving.scoreboard import Scoreboard
    from rhebok.superdaemon.answers import Answers
    from rhebok.superdaemon.exporter import Exporter

RETRY = 1.0  # seconds
NEVER = float("inf")
MEASURES = b"measures"  # the question for all, other than for the state alone (metrics/link.py)


class OneGeneration:
    """What the answers ask an engine: this generation, which cannot deploy another one."""

    def __init__(self, number: int) -> None:
        self.count = number
        self.generations = Generations()
        self.generations[os.getpid()] = Generation(number, os.getpid(), Phase.SERVING)

    def want_deploy(self) -> None:
        """The workers are replaced, by the same code."""
        os.kill(os.getpid(), SIGHUP)


class MasterDesk:
    """Of one master. path: None: there is no control socket. exporter: None: there are no metrics.
    caches: there is a cache."""

    def __init__(
        self,
        path: str | None,
        listeners: Sequence[Listener],
        scoreboard: Scoreboard,
        log: logging.Logger,
        number: int = 0,
        exporter: Exporter | None = None,
        caches: bool = False,
    ) -> None:
        self._path = path
        self._caches = caches
        self._exporter = exporter
        self._not_ready = "the generation is not ready"
        self._listeners = listeners
        self._scoreboard = scoreboard
        self._log = log
        self._number = number
        self._control: ControlSocket | None = None
        self._answers: Answers | None = None
        self._retry_at = 0.0
        self._complained = False
        self._started, self._started_at, self._dropped = monotonic(), time(), drops()
        if exporter:
            exporter.answers(self._measure)

    def serves(self) -> None:
        """All workers are ready."""
        self._not_ready = ""

    def look(self) -> None:
        """Called in each turn of the master's loop."""
        if self._control is None and self._path is not None and monotonic() >= self._retry_at:
            self._bind(self._path)
        for each in self._askers():
            each.look()

    def _askers(self) -> Iterator[ControlSocket | Exporter]:
        if self._control:
            yield self._control
        if self._exporter:
            yield self._exporter

    def _bind(self, path: str) -> None:
        try:
            self._control = ControlSocket(path)
        except OSError as error:
            self._retry_at = monotonic() + RETRY
            if not self._complained:
                self._log.info("no control socket at %s yet: %s", path, os_reason(error))
            self._complained = True
        else:
            self._control.answers(self._answer)
            if self._complained and self._caches:  # until now the old generation was told what to purge
                self._informed().books.purge("all", "*")

    def next_at(self) -> float:
        """When to look although nothing has come."""
        retry_at = NEVER if self._control or self._path is None else self._retry_at
        return min(retry_at, *(each.next_at() for each in self._askers()), NEVER)

    def descriptors(self) -> Iterable[int]:
        """What to wait for."""
        return [fd for each in self._askers() for fd in each.descriptors()]

    def close(self) -> None:
        """The generation stops: its successor may have the path."""
        for each in self._askers():
            each.close()
        self._control = self._exporter = self._path = None

    def forget(self) -> None:
        """In a worker."""
        for each in self._askers():
            each.forget()
        self._control = self._exporter = self._path = None

    def _answer(self, command: str, argument: Any) -> dict[str, Any]:
        if command == "stop":
            raise ValueError(f"process {os.getppid()} would start this server again: stop that one")
        answer = self._informed().answer(command, argument)
        if command == "reload":
            return {"done": "all workers are replaced; new code takes a HUP to the superdaemon"}
        if command == "status":
            answer |= {"deploys": 0, "failed_deploys": 0}
        return answer

    def _measure(self, question: bytes) -> bytes:
        """For the metrics process (metrics/link.py)."""
        found: dict[str, Any] = {"ready": not self._not_ready, "why": self._not_ready}
        if question == MEASURES:
            found |= self._informed().measures()
            found |= {"deploys": 0, "deploys_failed": 0, "started": self._started_at}
        return marshal.dumps(found)

    def _informed(self) -> Answers:
        if self._answers is None:
            from rhebok.superdaemon.answers import Answers

            engine = OneGeneration(self._number)
            self._answers = Answers(self._listeners, engine, self._started, self._log, self._dropped)
            if self._scoreboard.fd is not None:
                self._answers.books.open(self._number, os.dup(self._scoreboard.fd))
        return self._answers


def master_desk(
    settings: Any,
    listeners: Sequence[Listener],
    scoreboard: Scoreboard,
    log: logging.Logger,
    number: str,
    exporter: Exporter | None = None,
) -> MasterDesk:
    """Of a generation that has no supervisor of ours."""
    path = control_path(settings.control, listeners[0].name, os.environ, os.geteuid())
    generation = int(number) if number.isdecimal() else 0
    return MasterDesk(path, listeners, scoreboard, log, generation, exporter, caches=settings.cache > 0)
