"""Types of the compiled module; loop_setup.pyx has the documentation."""

from typing import Any, Final, Self, final

LINGER_TIMEOUT: Final[int]
LARGE_BODY: Final[int]
FORWARDED_FIELDS: Final[dict[str, int]]
PROXY_VERSIONS: Final[dict[str, int]]

@final
class LoopSetup:
    def __new__(cls, settings: Any) -> Self: ...
