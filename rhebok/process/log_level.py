"""Changes what a logger writes while it is in use."""

from __future__ import annotations

from rhebok.records import Protocol


class Leveled(Protocol):
    """logging.Logger, or plain_log.PlainLogger."""

    def setLevel(self, level: str, /) -> None: ...


def set_level(logger: Leveled, level: str) -> None:
    """level: of --log-level. logging remembers in each logger what is written, and forgets that only in those
    of getLogger(), which ours are not."""
    logger.setLevel(level.upper())
    remembered = getattr(logger, "_cache", None)
    if remembered:
        remembered.clear()
