"""A client that sees every byte: sends what it is told, reads one response at a time. TCP or unix."""

import json
import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from integration.waiting import DEADLINE_SECONDS

Address = tuple[str, int] | str
"""Host and port, or the path of a unix socket (NUL in front: an abstract name)."""


def connect(address: Address, receive_buffer: int | None = None, source: str | None = None) -> socket.socket:
    """A connected socket whose every call has a deadline. source: its own IP address."""
    family = (
        socket.AF_UNIX
        if isinstance(address, str)
        else socket.AF_INET6
        if ":" in address[0]
        else socket.AF_INET
    )
    sock = socket.socket(family)
    sock.settimeout(DEADLINE_SECONDS)
    if receive_buffer is not None:  # before connect: it is announced in the handshake
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source is not None:
        sock.bind((source, 0))
    sock.connect(address)
    return sock


@dataclass(frozen=True)
class Response:
    status: int
    fields: dict[str, str]  # names in lower case; repeated ones joined by ", "
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def says_close(self) -> bool:
        return self.fields.get("connection", "").lower() == "close"


class Client:
    """One connection. get() and the like send a request and read its response."""

    def __init__(self, address: Address, receive_buffer: int | None = None) -> None:
        self.socket = connect(address, receive_buffer)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def get(self, path: str = "/", **fields: str) -> Response:
        return self.request("GET", path, b"", **fields)

    def post(self, path: str, body: bytes, **fields: str) -> Response:
        return self.request("POST", path, body, **fields)

    def request(self, method: str, path: str, body: bytes = b"", **fields: str) -> Response:
        if body:
            fields["Content-Length"] = str(len(body))
        self.send(head(method, path, **fields) + body)
        return self.response(to=method)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def response(self, to: str = "GET") -> Response:
        """The next response, its body unframed. `to`: the request's method."""
        status, fields = self.response_head()
        return Response(status, fields, self._body(to, status, fields))

    def response_head(self) -> tuple[int, dict[str, str]]:
        line = self.line()
        version, status = line.split(" ")[:2]
        assert version == "HTTP/1.1", line
        fields: dict[str, str] = {}
        while line := self.line():
            name, _, value = line.partition(": ")
            name = name.lower()
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
        return int(status), fields

    def chunk(self) -> bytes:
        """The next chunk of a chunked body; b"" at its end."""
        size = int(self.line(), 16)
        data = self.read(size)
        assert self.line() == "", "a chunk must end with CRLF"
        return data

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        assert len(data) == size, f"the connection ended {size - len(data)} bytes early"
        return data

    def rest(self) -> bytes:
        """Everything until the server closes."""
        return self._file.read()

    def at_end(self) -> bool:
        """Whether the server has closed the connection, with nothing more to read. Waits for either."""
        return self._file.read(1) == b""

    def _body(self, method: str, status: int, fields: dict[str, str]) -> bytes:
        if method == "HEAD" or status in (204, 304) or status < 200:
            return b""
        if fields.get("transfer-encoding") == "chunked":
            return b"".join(iter(self.chunk, b""))
        if "content-length" in fields:
            return self.read(int(fields["content-length"]))
        assert fields.get("connection") == "close", "a body without framing must end with the connection"
        return self.rest()

    def line(self) -> str:
        line = self._file.readline(65536)
        assert line.endswith(b"\r\n"), f"not a line: {line!r}"
        return line[:-2].decode("latin-1")


def head(method: str, path: str, **fields: str) -> bytes:
    """A request's head. Fields are keyword arguments: Content_Type="text/plain"."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in {"Host": "test", **named}.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
