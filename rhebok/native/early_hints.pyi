"""Types of the compiled module; early_hints.pyx has the documentation."""

from collections.abc import Iterable
from typing import final

@final
class EarlyHints:
    def __call__(self, headers: Iterable[tuple[str | bytes, str | bytes]]) -> None: ...
