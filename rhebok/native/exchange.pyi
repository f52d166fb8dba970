"""Types of the compiled module; exchange.pyx has the documentation."""

import logging
from types import TracebackType
from typing import Self, TypeAlias, final

from rhebok.native.named_files import NamedFiles

_ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType]

@final
class Exchange:
    def __new__(
        cls, logger: logging.Logger, allow_chunked: bool, named_files: NamedFiles | None = None
    ) -> Self: ...
    def start_response(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: _ExcInfo | tuple[None, None, None] | None = None,
    ) -> object: ...
    def write(self, data: bytes) -> None: ...
    def describe(self) -> str: ...

def live_exchanges() -> int: ...
