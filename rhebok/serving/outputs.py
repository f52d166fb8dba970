"""Where workers report the requests that they have served. Opened by launch; workers inherit it."""

from __future__ import annotations

from collections.abc import Callable

from rhebok.process.access_records import AccessRecords
from rhebok.process.logs import AccessLogFile
from rhebok.process.statsd import Statsd
from rhebok.records import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from typing import Any

# environ, status, response head, bytes of the body, nanoseconds
OnAccess = Callable[[dict[str, "Any"], int, bytes, int, int], object]


@dataclass(frozen=True)
class Outputs:
    """None: not there."""

    access_log: AccessLogFile | None = None
    statsd: Statsd | None = None
    records: AccessRecords | None = None  # lines of the access log for handlers in Python
    on_access: OnAccess | None = None  # called for each response; `records` are of refused requests then
