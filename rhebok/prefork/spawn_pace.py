"""When the engine may fork: the interval between forks, the pause after a failure, when to give up.

Pure; used by prefork, which hands in the time.
"""

from dataclasses import dataclass

MAX_START_FAILURES = 10
LONGEST_BACKOFF = 4  # in units of the pause


@dataclass
class SpawnPace:
    interval: float  # between two forks
    pause: float  # after a failure
    max_failures: int = MAX_START_FAILURES
    failures: int = 0  # attempts in a row that ended before their child was ready
    next_at: float = 0.0
    _last_failure: float = float("-inf")

    def may_spawn(self, now: float) -> bool:
        return now >= self.next_at

    def spawned(self, now: float) -> None:
        self.next_at = max(self.next_at, now + self.interval)

    def start_failed(self, attempted_at: float, now: float, by_signal: bool = False) -> None:
        """A child died before it was ready, or fork failed. Children forked together fail as one attempt.

        The first that a signal killed is not held against the application: somebody may be killing at random.
        """
        if attempted_at > self._last_failure:
            self.failures += 1
            self._last_failure = now
        if not (by_signal and self.failures == 1):
            self.forbid(now, self.pause * min(self.failures, LONGEST_BACKOFF))

    def forbid(self, now: float, seconds: float | None = None) -> None:
        """No fork for this long; by default the pause."""
        self.next_at = max(self.next_at, now + (self.pause if seconds is None else seconds))

    def started(self) -> None:
        """A child got ready."""
        self.failures = 0

    @property
    def one_at_a_time(self) -> bool:
        """After a failure a single child probes whether the cause is gone."""
        return self.failures > 0

    @property
    def exhausted(self) -> bool:
        return self.failures >= self.max_failures
