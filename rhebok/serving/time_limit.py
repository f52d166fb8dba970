"""How long a request may take the application, and which setting says so. Pure.

Made by master; used by watch and worker. With one thread, a request that does not end holds the worker. So
--timeout is a limit of requests too, as it is for gunicorn's sync workers. With several, it is about the
worker alone (life_watch), as it is for gthread.
"""

from __future__ import annotations

from rhebok.records import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from rhebok.settings.table import Settings


@dataclass(frozen=True)
class TimeLimit:
    """seconds: without progress; 0 is for ever."""

    seconds: float
    setting: str

    def __str__(self) -> str:
        return f"{self.seconds:g} s ({self.setting})"


def time_limit(settings: Settings) -> TimeLimit:
    """The smaller one, where both settings are about requests."""
    limits = [TimeLimit(settings.request_timeout, "--request-timeout")]
    if settings.threads == 1:
        limits.append(TimeLimit(settings.timeout, "--timeout"))
    given = [limit for limit in limits if limit.seconds]
    return min(given, key=lambda limit: limit.seconds, default=limits[0])
