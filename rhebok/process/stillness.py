"""How long another process has shown no sign of life. Used by serving.life_watch (of workers) and by
superdaemon.master_watch (of masters).

Only time in which the observer runs is counted: after a stop of the whole process group, or of the machine,
nobody is late.
"""

import math

SHORTEST_LIMIT = 5.0  # however short --timeout is: a busy machine, a garbage collection
SHORTEST_STEP = 1.0  # also how often an idle worker shows that it lives
LONGEST_STEP = 3.0  # also how often a master does, at least


def limit(timeout: float) -> float:
    """After how many seconds without a sign of life a process is replaced; never with --timeout 0, so that a
    debugger may stop it."""
    return max(timeout, SHORTEST_LIMIT) if timeout else math.inf


def step(limit: float) -> float:
    """The seconds between two looks."""
    return min(max(limit / 5, SHORTEST_STEP), LONGEST_STEP)


class Stillness:
    """Of one process. `seconds` is the result of the last look."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._sign: object = None
        self._looked_at = math.inf

    def look(self, sign: object, now: float, step: float) -> float:
        """The seconds since `sign` has changed. Called every `step` seconds; now: time.monotonic()."""
        if sign == self._sign:
            self.seconds += min(max(0.0, now - self._looked_at), 2 * step)
        else:
            self._sign, self.seconds = sign, 0.0
        self._looked_at = now
        return self.seconds
