"""Types of the compiled module; allowed_peers.pyx has the documentation."""

from collections.abc import Iterable
from typing import Self, final

@final
class AllowedPeers:
    def __new__(cls, items: Iterable[str]) -> Self: ...
