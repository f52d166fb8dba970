"""Whether the master of the current generation lives: it says so every few seconds. Used by supervisor.

A hook that blocks holds a master, which then replaces no worker any more and ignores signals. It is killed
after --timeout: its workers finish their requests, and the next generation starts at once.
"""

from signal import Signals

from rhebok.process.signals import TRACEBACK_SIGNAL
from rhebok.process.stillness import step
from rhebok.superdaemon.engine import Log
from rhebok.superdaemon.generations import NEVER, Generation

TRACEBACK_SECONDS = 1.0  # for a master that hangs to write its traceback
FRESH_SECONDS = 10.0  # since its last sign of life a master counts as alive, for systemd


class MasterWatch:
    """Of one generation at a time."""

    def __init__(self, limit: float, log: Log) -> None:
        """limit: seconds without a sign of life after which a master is killed."""
        self._limit = limit
        self._step = step(limit)
        self._log = log
        self._looked_at = 0.0

    def look(self, generation: Generation, now: float) -> bool:
        """Whether to replace it although it lives, since it was silent for long. Called by next_at()."""
        self._looked_at = now
        seconds = generation.still.look(generation.signs, now, self._step)
        if generation.signs == 0 or seconds < self._limit:  # 0: another program, which says nothing
            had_hung, generation.hangs, generation.kill_at = generation.hangs, False, NEVER
            if had_hung:
                self._log.warning("%s goes on; it is replaced all the same", generation)
            return had_hung
        if not generation.hangs:
            generation.hangs, generation.kill_at = True, now + TRACEBACK_SECONDS
            text = "%s has shown no sign of life for %.0f s: does a hook block? This is where its master is:"
            self._log.error(text, generation, seconds)
            generation.send(TRACEBACK_SIGNAL)
        elif now >= generation.kill_at:
            generation.kill_at = NEVER
            self._log.error("%s hangs: killed and replaced", generation)
            generation.send(Signals.SIGKILL)
        return False

    def next_at(self, now: float) -> float:
        """When to look again."""
        return max(now, self._looked_at + self._step)

    def serves(self, generation: Generation) -> bool:
        """Whether the master lives and has living workers, as far as it has said."""
        silent = generation.signs and generation.still.seconds >= FRESH_SECONDS
        return not silent and generation.workers != 0
