"""Where workers report the requests that they have served. Opened by launch; workers inherit it."""

from dataclasses import dataclass

from rhebok.process.access_records import AccessRecords
from rhebok.process.logs import AccessLogFile
from rhebok.process.statsd import Statsd


@dataclass(frozen=True)
class Outputs:
    """None: not there."""

    access_log: AccessLogFile | None = None
    statsd: Statsd | None = None
    records: AccessRecords | None = None  # lines of the access log for handlers in Python
