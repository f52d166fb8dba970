"""Types of the compiled module; request_count.pyx has the documentation."""

from collections.abc import Callable
from typing import Self, final

@final
class RequestCount:
    def __new__(
        cls, limit: int, on_limit: Callable[[], object] | None, stop: Callable[[], object]
    ) -> Self: ...
