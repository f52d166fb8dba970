"""Which generations there are and what each is to us; pure state, which superdaemon.py moves.

    (fork) --> candidate --survives the interval--> current --next start--> old --signal--> gone

A candidate serves already, but nobody relies on it. There is at most one candidate and at most one current.
Numbers count attempts, from 1.
"""

from dataclasses import dataclass, field
from enum import Enum


class Role(Enum):
    """What a process was to us when it ended."""

    CANDIDATE = "candidate"
    CURRENT = "current"
    OLD = "old"
    STRANGER = "stranger"


@dataclass
class Generation:
    """One start of the program. An old one is to be told to end at `signal_at`; None: not set, or told."""

    number: int
    pid: int
    signal_at: float | None = None


@dataclass
class Generations:
    """All living generations."""

    attempts: int = 0
    candidate: Generation | None = None
    current: Generation | None = None
    old: list[Generation] = field(default_factory=list)

    def begin(self, pid: int) -> None:
        """The attempt counted last has become a process."""
        self.candidate = Generation(self.attempts, pid)

    def retire_current(self) -> None:
        if self.current is not None:
            self.old.append(self.current)
            self.current = None

    def promote(self) -> Generation:
        """The candidate has survived."""
        if self.candidate is None:
            raise ValueError("no candidate to promote")
        self.current, self.candidate = self.candidate, None
        return self.current

    def schedule_signals(self, when: float) -> None:
        """All old ones are to be told at `when`; one that was to be told earlier stays with that."""
        for generation in self.old:
            if generation.signal_at is None:
                generation.signal_at = when

    def due(self, now: float) -> list[Generation]:
        """The old ones whose time has come; they are considered told."""
        told = [each for each in self.old if each.signal_at is not None and each.signal_at <= now]
        for generation in told:
            generation.signal_at = None
        return told

    def next_signal(self) -> float | None:
        return min((each.signal_at for each in self.old if each.signal_at is not None), default=None)

    def remove(self, pid: int) -> tuple[Role, Generation | None]:
        """Forgets the process that ended, and says what it was."""
        if self.candidate is not None and self.candidate.pid == pid:
            gone, self.candidate = self.candidate, None
            return Role.CANDIDATE, gone
        if self.current is not None and self.current.pid == pid:
            gone, self.current = self.current, None
            return Role.CURRENT, gone
        for generation in self.old:
            if generation.pid == pid:
                self.old.remove(generation)
                return Role.OLD, generation
        return Role.STRANGER, None

    def serving(self) -> list[tuple[int, int]]:
        """(number, pid) of the current and all old ones: the lines of the status file."""
        current = [] if self.current is None else [self.current]
        return [(each.number, each.pid) for each in (*self.old, *current)]

    def pids(self) -> list[int]:
        """Every living process."""
        candidate = [] if self.candidate is None else [self.candidate.pid]
        return [pid for _, pid in self.serving()] + candidate
