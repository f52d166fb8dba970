"""Types of the compiled module; observed_result.pyx has the documentation."""

from collections.abc import Callable, Iterator
from typing import Any, final

@final
class ObservedResult:
    def __init__(self, result: Any, on_end: Callable[[int], object]) -> None: ...
    def __iter__(self) -> Iterator[bytes]: ...
    def close(self) -> None: ...
