"""Types of the compiled module; worker.pyx has the documentation."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TextIO

class Listener(Protocol):
    is_unix: bool
    server_name: str
    server_port: str
    def fileno(self) -> int: ...

class Worker:
    def __init__(
        self,
        app: Callable[..., Iterable[bytes]],
        listeners: Sequence[Listener],
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
