"""Types of the compiled module; worker.pyx has the documentation."""

import logging
from collections.abc import Sequence
from typing import Any, Final, Protocol, TextIO, final

from _typeshed.wsgi import WSGIApplication

HEADER_TIMEOUT: Final[int]
BODY_TIMEOUT: Final[int]
SEND_TIMEOUT: Final[int]
LINGER_TIMEOUT: Final[int]

class _Listener(Protocol):
    is_unix: bool
    server_name: str
    server_port: str
    def fileno(self) -> int: ...

@final
class Worker:
    def __init__(
        self,
        app: WSGIApplication,
        listeners: Sequence[_Listener],
        settings: Any,
        *,
        errors: TextIO,
        logger: logging.Logger,
        wakeup_fd: int,
        max_requests: int,
        multiprocess: bool,
    ) -> None: ...
    def run(self) -> None: ...
    def stop(self) -> None: ...
    def flush_logs(self) -> None: ...

def check_access_logformat(format: str) -> None: ...
def live_objects() -> dict[str, int]: ...
