"""A request body in a file, whose reads are progress of the application. Used by request_body.pyx.

io.BufferedReader reads from it, and so calls these methods once for each buffer.
"""

from collections.abc import Callable
from io import FileIO

from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class BodyFile(FileIO):
    """The file of this descriptor, which it owns. restart_clock: called for each read."""

    def __init__(self, descriptor: int, restart_clock: Callable[[], object]) -> None:
        super().__init__(descriptor)
        self._restart_clock = restart_clock

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        """As FileIO's."""
        self._restart_clock()
        return super().readinto(buffer)

    def readall(self) -> bytes:
        """As FileIO's."""
        self._restart_clock()
        return super().readall()
