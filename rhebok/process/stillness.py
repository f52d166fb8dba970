"""How long another process has shown no sign of life. Used by serving.life_watch (of workers) and by
superdaemon.master_watch (of masters).

Only time in which the observer runs is counted: after a stop of the whole process group, or of the machine,
nobody is late.
"""

import math

LOOK_EVERY = 1.0  # seconds; also how often a worker and a master show that they live
SHORTEST_LIMIT = 5.0  # however short --timeout is: a busy machine, a garbage collection
_LONGEST_STEP = 2 * LOOK_EVERY


class Stillness:
    """Of one process. `seconds` is the result of the last look."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._sign: object = None
        self._looked_at = math.inf

    def look(self, sign: object, now: float) -> float:
        """The seconds since `sign` has changed. To be called every LOOK_EVERY; now: time.monotonic()."""
        if sign == self._sign:
            self.seconds += min(max(0.0, now - self._looked_at), _LONGEST_STEP)
        else:
            self._sign, self.seconds = sign, 0.0
        self._looked_at = now
        return self.seconds


def limit(timeout: float) -> float:
    """After how many seconds without a sign of life a process is replaced; never with --timeout 0, so that a
    debugger may stop it."""
    return max(timeout, SHORTEST_LIMIT) if timeout else math.inf
