"""Types of the compiled module; service.pyx has the documentation."""

import logging
from collections.abc import Callable
from typing import Any, Self, final

from _typeshed.wsgi import WSGIApplication

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
