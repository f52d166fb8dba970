"""Types of the compiled module; request_ids.pyx has the documentation."""

from typing import Self, final

@final
class RequestIds:
    def __new__(cls, field: str) -> Self: ...
