"""The generations of a superdaemon: what each one is to it. State only; engine moves it."""

import os
from contextlib import suppress
from enum import Enum
from signal import Signals

from rhebok.process.stillness import Stillness
from rhebok.records import dataclass, field

NEVER = float("inf")


class Phase(Enum):
    STARTING = "it has not said that it is ready"
    PROVING = "it must live for a while before its predecessor is told to stop"
    SERVING = "it is the current one"
    ENDING = "its successor serves, or everything stops"


@dataclass
class Generation:
    number: int
    pid: int
    phase: Phase
    deadline: float = NEVER  # of the phase, time.monotonic()
    late: bool = False  # its start took too long, and it was told to end
    served_since: float = 0.0
    signs: int = 0  # of life, that its master has sent
    workers: int | None = None  # living ones, by the last of them
    still: Stillness = field(default_factory=Stillness)  # the master
    hangs: bool = False  # the master has shown no sign of life for too long
    kill_at: float = NEVER  # for that reason
    retiring: bool = False  # it was told to stop one worker after the other
    graceful: bool = False  # it was told to stop, and may finish its requests

    @property
    def has_served(self) -> bool:
        """Not so when everything stops while it is a candidate."""
        return self.served_since > 0

    def send(self, number: Signals) -> None:
        """Until it is reaped the pid is that of our child."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def __str__(self) -> str:
        return f"generation {self.number} (pid {self.pid})"


class Generations(dict[int, Generation]):
    """All living generations, by pid. At most one is a candidate, at most one the current one."""

    @property
    def current(self) -> Generation | None:
        return self._in(Phase.SERVING)

    @property
    def candidate(self) -> Generation | None:
        return self._in(Phase.STARTING, Phase.PROVING)

    @property
    def established(self) -> list[Generation]:
        """The current one and those that end: all that have served."""
        return [each for each in self.values() if each.has_served]

    def _in(self, *phases: Phase) -> Generation | None:
        return next((each for each in self.values() if each.phase in phases), None)
