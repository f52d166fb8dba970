"""Types of the compiled module; serving.pyx has the documentation."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

from _typeshed.wsgi import WSGIApplication
from typing_extensions import Self

@final
class Service:
    def __new__(
        cls,
        app: WSGIApplication,
        logger: logging.Logger,
        settings: Any,
        max_requests: int,
        on_limit: Callable[[], object] | None,
        on_last_accept: Callable[[], object] | None,
    ) -> Self: ...

@final
class Lane:
    def __new__(cls, service: Service, templates: Sequence[Mapping[str, Any]]) -> Self: ...
    def run_alone(self) -> None: ...
    def run_in_turns(self) -> None: ...
    def interrupt(self, exception: type[BaseException]) -> None: ...
