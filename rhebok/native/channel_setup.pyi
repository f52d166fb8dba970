"""Types of the compiled module; channel_setup.pyx has the documentation."""

from typing import Any, Self, final

@final
class ChannelSetup:
    def __new__(cls, channel: Any, threads: int, slot: int) -> Self: ...
