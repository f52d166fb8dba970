"""A statsd that keeps what it gets."""

import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_LINE = re.compile(r"([^:|]+):([^|]+)\|([a-z]+)(?:\|@1\.0)?(?:\|#(.*))?")


class Metrics:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.setblocking(False)
        self.datagrams: list[str] = []

    @property
    def address(self) -> str:
        name = self.sock.getsockname()
        if isinstance(name, str):
            return f"unix://{name}"
        return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"

    def receive(self) -> "Metrics":
        while True:
            try:
                self.datagrams.append(self.sock.recv(65536).decode("ascii"))
            except BlockingIOError:
                return self

    @property
    def lines(self) -> list[str]:
        return [line for datagram in self.receive().datagrams for line in datagram.split("\n")]

    def counter(self, name: str) -> int:
        return self.counters()[name]

    def counters(self) -> Counter[str]:
        sums: Counter[str] = Counter()
        for found in map(_LINE.fullmatch, self.lines):
            assert found, self.lines
            if found[3] == "c":
                sums[found[1]] += int(found[2])
        return sums

    def values(self, name: str) -> list[float]:
        return [float(found[2]) for found in map(_LINE.fullmatch, self.lines) if found and found[1] == name]


@contextmanager
def listening(family: int = socket.AF_INET, where: object = ("127.0.0.1", 0)) -> Iterator[Metrics]:
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind(where)  # type: ignore[arg-type]
        yield Metrics(sock)
