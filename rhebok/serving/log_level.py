"""The least severity that the error log gets, changed at run time by `rhebok ctl loglevel`.

It stands on the board: who is asked writes it there and wakes the master, which takes it over and signals the
workers. Used by master and worker.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from signal import SIGUSR1

from rhebok.board.layout import LEVELS
from rhebok.process.log_level import set_level
from rhebok.records import TYPE_CHECKING
from rhebok.serving.scoreboard import Scoreboard

if TYPE_CHECKING:
    import logging

CHANGED_SIGNAL = SIGUSR1  # to a worker, which may get it from elsewhere too


class LogLevel:
    """Of the logger of one process."""

    def __init__(self, scoreboard: Scoreboard, logger: logging.Logger) -> None:
        self._scoreboard = scoreboard
        self._logger = logger
        self._known = 0

    def take_over(self) -> bool:
        """Whether another level than before is on the board. It holds from now on."""
        wanted = self._scoreboard.log_level
        if wanted == self._known or not 0 < wanted <= len(LEVELS):
            return False
        self._known = wanted
        set_level(self._logger, LEVELS[wanted - 1])
        return True

    def look(self, workers: Iterable[int]) -> None:
        """In the master: the workers with these pids get it too."""
        if not self.take_over():
            return
        for pid in workers:
            with suppress(ProcessLookupError):
                os.kill(pid, CHANGED_SIGNAL)
