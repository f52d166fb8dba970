"""Types of the compiled module; request_handler.pyx has the documentation."""

from collections.abc import Mapping, Sequence
from typing import Any, Self, final

from rhebok.native.service import Service

@final
class RequestHandler:
    def __new__(cls, service: Service, templates: Sequence[Mapping[str, Any]]) -> Self: ...
