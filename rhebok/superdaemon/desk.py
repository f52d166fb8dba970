"""The supervisor's side of the boards, of the control socket and of the metrics process. Used by supervisor.

A board is kept as a descriptor until somebody asks, also after the end of its generation. What reads it
(answers.py) is imported only then.
"""

from __future__ import annotations

import marshal
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rhebok.control.server import ControlSocket
from rhebok.listening.accept_queues import drops
from rhebok.listening.listeners import Listener
from rhebok.records import TYPE_CHECKING
from rhebok.superdaemon.engine import Engine, LeveledLog
from rhebok.superdaemon.generations import Generation
from rhebok.superdaemon.notify import board_descriptor

if TYPE_CHECKING:
    from typing import Any

    from rhebok.superdaemon.answers import Answers
    from rhebok.superdaemon.exporter import Exporter

MOST_UNREAD = 16  # boards
MEASURES = b"measures"  # the question for all, other than for the state alone (metrics/link.py)


class Desk:
    """Of one supervisor."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        control: ControlSocket | None,
        log: LeveledLog,
        exporter: Exporter | None = None,
    ) -> None:
        """control and exporter: who can ask; None: nobody."""
        self._log = log
        self._listeners = listeners
        self._control = control
        self._exporter = exporter
        self._boards: dict[int, int] = {}  # descriptors that nobody has read, by number of the generation
        self._read: set[int] = set()  # numbers of generations whose boards are in the books
        self._answers: Answers | None = None
        self._deploys = self._failed_deploys = 0
        self._started, self._started_at, self._dropped = time.monotonic(), time.time(), drops()
        if control:
            control.answers(self._answer)
        if exporter:
            exporter.answers(self._measure)

    def attach(self, engine: Engine) -> None:
        """Called once, first."""
        self._engine = engine

    def said(self, generation: Generation | None, said: Mapping[str, str]) -> None:
        """A message has come, with a board perhaps; None: from a process that is no generation."""
        fd = board_descriptor(said)
        if fd is None:
            return
        unwanted = self._control is None and self._exporter is None
        if unwanted or generation is None or generation.number in {*self._boards, *self._read}:
            os.close(fd)
        else:
            self._boards[generation.number] = fd

    def promoted(self, old: Generation | None) -> None:
        """A generation serves in place of the old one."""
        self._deploys += old is not None

    def failed(self) -> None:
        """A generation could not replace the current one."""
        self._failed_deploys += 1

    def look(self) -> None:
        """Called in each turn of the supervisor's loop."""
        if not self._read <= self._alive() or len(self._boards) > MOST_UNREAD:
            self._informed()
        if self._control:
            self._control.look()
        if self._exporter:
            self._exporter.look()

    def next_at(self) -> float:
        """When to look although nothing has come."""
        return min((each.next_at() for each in self._askers()), default=float("inf"))

    def descriptors(self) -> Iterable[int]:
        """What to wait for."""
        return [fd for each in self._askers() for fd in each.descriptors()]

    def close(self) -> None:
        """At the end of the supervisor."""
        for each in self._askers():
            each.close()

    def _askers(self) -> Iterator[ControlSocket | Exporter]:
        if self._control:
            yield self._control
        if self._exporter:
            yield self._exporter

    def _answer(self, command: str, argument: Any) -> dict[str, Any]:
        answer = self._informed().answer(command, argument)
        if command == "status":
            answer |= {"deploys": self._deploys, "failed_deploys": self._failed_deploys}
        return answer

    def _measure(self, question: bytes) -> bytes:
        """For the metrics process (metrics/link.py)."""
        why = self._not_ready()
        found: dict[str, Any] = {"ready": not why, "why": why}
        if question == MEASURES:
            found |= self._informed().measures()
            found |= {"deploys": self._deploys, "deploys_failed": self._failed_deploys}
            found["started"] = self._started_at
        return marshal.dumps(found)

    def _not_ready(self) -> str:
        """Why no new request may come; "" when one may."""
        current = self._engine.generations.current
        if not self._engine.takes_deploys:
            return "the server stops"
        if current is None:
            return "no generation serves"
        return f"{current} hangs" if current.hangs else ""

    def _informed(self) -> Answers:
        """Who answers, with all boards."""
        if self._answers is None:
            from rhebok.superdaemon.answers import Answers

            self._answers = Answers(self._listeners, self._engine, self._started, self._log, self._dropped)
        for pid, fd in self._boards.items():
            self._answers.books.open(pid, fd)
        self._read |= self._boards.keys()
        self._boards.clear()
        self._answers.books.close_others(self._alive())
        self._read &= self._alive()
        return self._answers

    def _alive(self) -> frozenset[int]:
        return frozenset(each.number for each in self._engine.generations.values())
