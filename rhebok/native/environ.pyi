"""Types of the compiled module; environ.pyx has the documentation. The server uses its C functions; Python
sees only this.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Self, final

KNOWN_FIELDS: Final[tuple[str, ...]]
BARE_KEYS: Final[dict[str, str]]
HIDDEN_FIELDS: Final[tuple[str, ...]]
PROXY_FIELDS: Final[tuple[str, ...]]

@final
class Template:
    def __new__(cls, environ: Mapping[str, Any]) -> Self: ...

@final
class EnvironBuilder:
    def __init__(self, templates: Iterable[Mapping[str, Any]]) -> None: ...
    def probes(self, name: bytes) -> int: ...
