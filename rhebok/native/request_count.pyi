"""Types of the compiled module; request_count.pyx has the documentation."""

from collections.abc import Callable
from typing import final

@final
class RequestCount:
    def __init__(
        self, limit: int, on_limit: Callable[[], object] | None, stop: Callable[[], object]
    ) -> None: ...
