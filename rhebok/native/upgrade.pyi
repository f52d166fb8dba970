"""Types of the compiled module; upgrade.pyx has the documentation."""

from typing import Self, final

from rhebok.native.exchange import Exchange

@final
class Offer:
    def __new__(cls, exchange: Exchange) -> Self: ...
    def take_over(self) -> tuple[int, bytes, bytes]: ...
    def keep(self) -> None: ...
