"""Types of the compiled module; access_line.pyx has the documentation."""

import logging
from typing import Self, final

@final
class AccessLine:
    def __new__(cls, logger: logging.Logger) -> Self: ...
