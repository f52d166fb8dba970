"""The control socket of a generation that another superdaemon has started: the master answers there.

Used by master. Two generations of one server may live at a time, and have one path. So the new one tries
again until the old one, which closes its socket when it stops, has left it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from signal import SIGHUP
from time import monotonic

from rhebok.control.path import control_path
from rhebok.control.server import ControlSocket
from rhebok.errors import os_reason
from rhebok.listening.listeners import Listener
from rhebok.records import TYPE_CHECKING
from rhebok.superdaemon.generations import Generation, Generations, Phase

if TYPE_CHECKING:
    import logging
    from typing import Any

    from rhebok.serving.scoreboard import Scoreboard
    from rhebok.superdaemon.answers import Answers

RETRY = 1.0  # seconds


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
    """Of one master. path: None: there is no control socket."""

    def __init__(
        self,
        path: str | None,
        listeners: Sequence[Listener],
        scoreboard: Scoreboard,
        log: logging.Logger,
        number: int = 0,
    ) -> None:
        self._path = path
        self._listeners = listeners
        self._scoreboard = scoreboard
        self._log = log
        self._number = number
        self._control: ControlSocket | None = None
        self._answers: Answers | None = None
        self._retry_at = 0.0
        self._complained = False
        self._started = monotonic()

    def look(self) -> None:
        """Called in each turn of the master's loop."""
        if self._control is None and self._path is not None and monotonic() >= self._retry_at:
            self._bind(self._path)
        if self._control:
            self._control.look()

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

    def next_at(self) -> float:
        """When to look although nothing has come."""
        if self._control:
            return self._control.next_at()
        return float("inf") if self._path is None else self._retry_at

    def descriptors(self) -> Iterable[int]:
        """What to wait for."""
        return self._control.descriptors() if self._control else ()

    def close(self) -> None:
        """The generation stops: its successor may have the path."""
        if self._control:
            self._control.close()
        self._control = self._path = None

    def forget(self) -> None:
        """In a worker."""
        if self._control:
            self._control.forget()
        self._control = self._path = None

    def _answer(self, command: str, argument: Any) -> dict[str, Any]:
        if command == "stop":
            raise ValueError(f"process {os.getppid()} would start this server again: stop that one")
        answer = self._informed().answer(command, argument)
        if command == "reload":
            return {"done": "all workers are replaced; new code takes a HUP to the superdaemon"}
        if command == "status":
            answer |= {"deploys": 0, "failed_deploys": 0}
        return answer

    def _informed(self) -> Answers:
        if self._answers is None:
            from rhebok.superdaemon.answers import Answers

            self._answers = Answers(self._listeners, OneGeneration(self._number), self._started, self._log)
            if self._scoreboard.fd is not None:
                self._answers.books.open(self._number, os.dup(self._scoreboard.fd))
        return self._answers


def master_desk(
    settings: Any, listeners: Sequence[Listener], scoreboard: Scoreboard, log: logging.Logger, number: str
) -> MasterDesk:
    """Of a generation that has no supervisor of ours."""
    path = control_path(settings.control, listeners[0].name, os.environ, os.geteuid())
    return MasterDesk(path, listeners, scoreboard, log, int(number) if number.isdecimal() else 0)
