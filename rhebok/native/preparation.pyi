"""Types of the compiled module; preparation.pyx has the documentation."""

import logging
from collections.abc import Sequence
from typing import Any, TextIO, final

@final
class Preparation:
    def __init__(
        self,
        listeners: Sequence[Any],
        settings: Any,
        *,
        errors: TextIO,
        logger: logging.Logger,
        multiprocess: bool,
        in_thread: bool = False,
    ) -> None: ...
