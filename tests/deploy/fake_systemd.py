"""systemd's end of NOTIFY_SOCKET: remembers what it was told."""

import socket
from pathlib import Path

from integration.waiting import until


class FakeSystemd:
    def __init__(self, directory: Path) -> None:
        self.address = str(directory / "notify")
        self.said: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(self.address)

    def __enter__(self) -> "FakeSystemd":
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def wait_for(self, key: str, count: int = 1) -> dict[str, str]:
        """The message in which the key came for the count-th time."""

        def come() -> list[dict[str, str]]:
            self._read()
            found = [message for message in self.said if key in message]
            return found if len(found) >= count else []

        return until(come, lambda: f"{count} x {key}: {self.said}")[count - 1]

    def keys(self) -> list[str]:
        """The first key of each message, in order."""
        self._read()
        return [next(iter(message)) for message in self.said]

    def _read(self) -> None:
        while True:
            try:
                data = self._socket.recv(4096)
            except BlockingIOError:
                return
            self.said.append(dict(line.split("=", 1) for line in data.decode().splitlines()))
