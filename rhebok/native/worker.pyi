"""Types of the compiled module; worker.pyx has the documentation."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TextIO, final

from _typeshed.wsgi import WSGIApplication

class _Listener(Protocol):
    is_unix: bool
    server_name: str
    server_port: str
    def fileno(self) -> int: ...

class _LogFile(Protocol):
    @property
    def fd(self) -> int: ...
    @property
    def path(self) -> str | None: ...

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
        score: memoryview | None = None,
        timeout: float = 0,
        on_limit: Callable[[], object] | None = None,
        on_last_accept: Callable[[], object] | None = None,
        access_log: _LogFile | None = None,
    ) -> None: ...
    def prepare(self) -> None: ...
    def run(self) -> None: ...
    def stop(self, last_seconds: float | None = None) -> None: ...
    def interrupt(self, number: int, exception: type[BaseException]) -> None: ...
    def in_progress(self) -> list[str]: ...
    def log_cut(self) -> None: ...
    def show_life(self) -> None: ...
    def flush_logs(self) -> None: ...

def check_access_logformat(format: str) -> None: ...
def score_size() -> int: ...
def live_objects() -> dict[str, int]: ...
