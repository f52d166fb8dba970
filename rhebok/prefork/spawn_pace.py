"""When the engine may fork: interval between forks, pause after a failure, most failures in a row.

Pure. Used by engine, which passes the time. Times and intervals are seconds of time.monotonic().
"""

from rhebok.records import dataclass

MAX_START_FAILURES = 10
LONGEST_BACKOFF = 4  # times the pause


@dataclass
class SpawnPace:
    """The state from which the engine decides whether to fork now."""

    interval: float  # between two forks
    pause: float  # after a failure
    max_failures: int = MAX_START_FAILURES
    failures: int = 0  # attempts in a row whose child did not become ready
    next_at: float = 0.0  # no fork before
    _last_failure: float = float("-inf")

    def may_spawn(self, now: float) -> bool:
        """Whether no interval or pause forbids a fork."""
        return now >= self.next_at

    def spawned(self, now: float) -> None:
        """A child is being forked."""
        self.next_at = max(self.next_at, now + self.interval)

    def start_failed(self, attempted_at: float, now: float, by_signal: bool = False) -> None:
        """A child died before it was ready, or fork failed.

        Children that were forked together count as one attempt. When the first failure is a child killed by a
        signal, there is no pause: an operator may have killed it, and the application is not at fault.
        """
        if attempted_at > self._last_failure:
            self.failures += 1
            self._last_failure = now
        if not (by_signal and self.failures == 1):
            self.forbid(now, self.pause * min(self.failures, LONGEST_BACKOFF))

    def forbid(self, now: float, seconds: float | None = None) -> None:
        """No fork for so many seconds; by default the pause."""
        self.next_at = max(self.next_at, now + (self.pause if seconds is None else seconds))

    def started(self) -> None:
        """A child has become ready."""
        self.failures = 0

    @property
    def unhurried(self) -> bool:
        """Nothing asks for time between two forks."""
        return self.interval == 0 and not self.one_at_a_time

    @property
    def one_at_a_time(self) -> bool:
        """After a failure a single child is forked, to test whether the cause is gone."""
        return self.failures > 0

    @property
    def exhausted(self) -> bool:
        """Whether there were too many failures in a row."""
        return self.failures >= self.max_failures
