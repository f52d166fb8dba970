"""Types of the compiled module; cache_setup.pyx has the documentation."""

from typing import Any, Self, final

def make_cache(memory: memoryview, secret: bytes) -> None: ...
def end_owner(memory: memoryview, owner: int) -> int: ...

@final
class CacheSetup:
    def __new__(cls, cache: Any, owner: int, largest: int) -> Self: ...
