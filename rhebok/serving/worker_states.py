"""Says on the board which worker has which slot, and why workers were replaced. Used by master."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic

from rhebok.board.reading import LEAVING, READY, STARTING
from rhebok.prefork.callbacks import Verdict
from rhebok.records import TYPE_CHECKING, dataclass
from rhebok.serving.scoreboard import Scoreboard

if TYPE_CHECKING:
    from rhebok.settings.table import Settings


@dataclass
class _Known:
    slot: int
    forked_at: float
    cause: str = ""


class WorkerStates:
    """The workers of a master."""

    def __init__(self, settings: Settings, scoreboard: Scoreboard) -> None:
        self._settings = settings
        self._scoreboard = scoreboard
        self._workers: dict[int, _Known] = {}
        self._stops = False

    def forked(self, pid: int, slot: int) -> None:
        """A worker was forked, and has this slot."""
        self._workers[pid] = _Known(slot, monotonic())
        self._note(pid, STARTING)

    def ready(self, pid: int) -> None:
        """It serves."""
        self._note(pid, READY)

    def leaving(self, verdicts: Mapping[int, Verdict], causes: Mapping[int, str]) -> None:
        """These are told to stop, or killed, for these causes; without one it is held (life_watch.py)."""
        for pid in verdicts:
            known = self._workers.get(pid)
            if known and not known.cause:
                known.cause = causes.get(pid, "held")
                self._note(pid, LEAVING)

    def pids(self) -> list[int]:
        """Of the workers."""
        return list(self._workers)

    def recycled(self) -> None:
        """All of them are replaced."""
        for pid, known in self._workers.items():
            known.cause = known.cause or "recycled"
            self._note(pid, LEAVING)

    def generation_stops(self) -> None:
        """From now on no worker is replaced."""
        self._stops = True

    def reaped(self, pid: int, status: int) -> None:
        """It has ended. Called before its slot is released."""
        known = self._workers.pop(pid, None)
        if known is None or self._stops:
            return
        cause = known.cause or self._cause_of_end(known, status)
        if cause:
            self._scoreboard.note_replaced(cause)

    def _cause_of_end(self, known: _Known, status: int) -> str:
        """Of a worker that nobody has told to stop for a reason; "" when there may be no successor (TTOU)."""
        if status:
            return "killed" if status < 0 else "failed"
        limit = self._settings.max_requests
        served = sum(score.requests for score in self._scoreboard.read(known.slot))
        return "max-requests" if limit and served >= limit else ""

    def _note(self, pid: int, state: int) -> None:
        if known := self._workers.get(pid):
            self._scoreboard.note_worker(known.slot, pid, state, known.forked_at)
