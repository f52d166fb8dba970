"""Holds an application in the middle of a request until the test lets it go on.

The application calls pass_gate (apps/gated.py): it opens a FIFO and reads it to its end. So the test knows
that the application is there when the FIFO has a reader, and the application goes on when the test closes it.
"""

import os
from pathlib import Path

from integration.waiting import until


class Gate:
    def __init__(self, directory: Path, name: str = "gate") -> None:
        self.path = directory / name
        os.mkfifo(self.path)
        self._writer: int | None = None

    @property
    def variables(self) -> dict[str, str]:
        """For the application's environment."""
        return {"GATE": str(self.path)}

    def wait_for_arrival(self) -> None:
        """Until the application stands at the gate."""
        self._writer = until(self._try_to_open, lambda: f"nobody came to {self.path}")

    def open(self) -> None:
        """Lets the one that stands there through."""
        assert self._writer is not None, "wait_for_arrival() first"
        os.close(self._writer)
        self._writer = None

    def let_through(self) -> None:
        self.wait_for_arrival()
        self.open()

    def remove(self) -> None:
        """Opens it for good: for whoever stands there, and for whoever comes later."""
        writer = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        self.path.unlink()
        os.close(writer)
        if self._writer is not None:
            self.open()

    def _try_to_open(self) -> int | None:
        try:
            return os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # ENXIO: no reader yet
            return None
