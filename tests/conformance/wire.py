"""A client that sends exactly the bytes of a case, in one of several ways, and reads what comes back to the
letter. Called by the runner (test_conformance.py) and by compare.py; judging is verdict.py's job."""

from __future__ import annotations

import fcntl
import os
import re
import select
import socket
import struct
import termios
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cases import Case, Until

MODES = ("whole", "bytes", "pipelined", "kept-alive")

# What stands before a case in the last two modes, and what asks whether the connection survived it.
FIRST = b"GET /first HTTP/1.1\r\nHost: first\r\n\r\n"
PROBE = b"GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n"

SINGLE_BYTES = 400  # at each end of a case; what is between goes out in this many pieces
PACE_SECONDS = 0.2


class BadResponse(ValueError):
    """What the server sent is not a response."""


@dataclass(frozen=True)
class Response:
    version: str
    status: int
    headers: dict[str, str]  # names in lower case, repeated ones joined with ", "
    body: bytes
    interim: tuple[int, ...] = ()  # the 1xx statuses that came before it


@dataclass
class Exchange:
    mode: str
    lead: int  # 1 when the first response is that to FIRST
    responses: list[Response] = field(default_factory=list)
    closed: bool = False  # by the server, before the client would have
    torn: str = ""  # what was wrong with the bytes after the last whole response


STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) ([1-5]\d\d) [\t -~\x80-\xff]*")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")


def read_response(buffer: bytearray, bodiless: bool, at_end: bool) -> Response | None:
    """Takes one response off the front of the buffer, if it is whole (RFC 9112 section 6.3)."""
    head, separator, rest = bytes(buffer).partition(b"\r\n\r\n")
    if not separator:
        return None
    version, status, headers = _read_head(head)
    if bodiless or status < 200 or status in (204, 304):
        body, used = b"", 0
    elif "transfer-encoding" in headers:
        decoded = _read_chunked(rest)
        if decoded is None:
            return None
        body, used = decoded
    elif "content-length" in headers:
        used = _length(headers["content-length"])
        if len(rest) < used:
            return None
        body = rest[:used]
    elif at_end:
        body, used = rest, len(rest)
    else:
        return None
    del buffer[: len(head) + 4 + used]
    return Response(version, status, headers, body)


def _read_head(head: bytes) -> tuple[str, int, dict[str, str]]:
    first, *lines = head.split(b"\r\n")
    start = STATUS_LINE.fullmatch(first)
    if not start:
        raise BadResponse(f"not a status line: {first[:60]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        match = FIELD_LINE.fullmatch(line)
        if not match:
            raise BadResponse(f"not a field line: {line[:60]!r}")
        name, value = match[1].decode("ascii").lower(), match[2].decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return start[1].decode("ascii"), int(start[2]), headers


def _length(value: str) -> int:
    if not re.fullmatch(r"[0-9]+", value):
        raise BadResponse(f"Content-Length: {value}")
    return int(value)


def _read_chunked(rest: bytes) -> tuple[bytes, int] | None:
    """The decoded body and the bytes that it took; None when the end is not there yet."""
    body, at = b"", 0
    while True:
        line_end = rest.find(b"\r\n", at)
        if line_end < 0:
            return None
        size = int(rest[at:line_end], 16)
        at = line_end + 2 + size + 2
        if len(rest) < at:
            return None
        if rest[at - 2 : at] != b"\r\n":
            raise BadResponse("chunk data without its CRLF")
        if size == 0:
            return body, at
        body += rest[line_end + 2 : at - 2]


def connect(address: str, patience: float) -> socket.socket:
    """address: unix:PATH or HOST:PORT."""
    if address.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(patience)
        sock.connect(address.removeprefix("unix:"))
    else:
        host, _, port = address.rpartition(":")
        sock = socket.create_connection((host, int(port)), timeout=patience)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setblocking(False)
    return sock


class Client:
    """One connection. Whatever arrives while it sends is read at once, so neither side blocks the other. Its
    patience ends when nothing has moved in either direction for so long."""

    def __init__(
        self, sock: socket.socket, bodiless: Sequence[bool], patience: float, pace: float = PACE_SECONDS
    ) -> None:
        self.sock = sock
        self.bodiless = bodiless
        self.patience = patience
        self.pace = pace  # how long a piece is waited for, when the server does not take it
        self.buffer = bytearray()
        self.responses: list[Response] = []
        self.interim: list[int] = []
        self.closed = False
        self.deaf = False  # the server takes nothing more
        self.torn = ""
        self.poll = select.poll()
        self._moved()
        self.is_unix = sock.family == socket.AF_UNIX

    def send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest and not self.closed and not self.deaf:
            if not self._wait(select.POLLIN | select.POLLOUT):
                return
            try:
                rest = rest[self.sock.send(rest) :]
                self._moved()
            except BlockingIOError:
                continue
            except OSError:
                self.deaf = True

    def send_in_pieces(self, data: bytes) -> None:
        for piece in pieces(data):
            self.send(piece)
            if self.is_unix:
                self._wait_until_taken()

    def shut_down(self) -> None:
        if not self.deaf and not self.closed:
            self.sock.shutdown(socket.SHUT_WR)

    def wait_for_responses(self, count: int) -> bool:
        while len(self.responses) < count and not self.closed and self._wait(select.POLLIN):
            pass
        return len(self.responses) >= count

    def wait_for_interim(self, status: int) -> None:
        before = len(self.responses)
        while status not in self.interim and len(self.responses) == before and not self.closed:
            if not self._wait(select.POLLIN):
                return

    def wait_for_close(self) -> None:
        while not self.closed and self._wait(select.POLLIN):
            pass

    def _moved(self) -> None:
        self.deadline = time.monotonic() + self.patience

    def _wait(self, events: int) -> bool:
        """Waits for one of the events and reads what is there. False when there was no time left."""
        self.poll.register(self.sock, events)
        left = self.deadline - time.monotonic()
        ready = self.poll.poll(left * 1000) if left > 0 else []
        for _, event in ready:
            if event & (select.POLLIN | select.POLLHUP | select.POLLERR):
                self._receive()
        return bool(ready)

    def _receive(self) -> None:
        try:
            data = self.sock.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._moved()
        self.closed = not data
        self.buffer += data
        self._read_responses()

    def _read_responses(self) -> None:
        while self.buffer and not self.torn:
            at = len(self.responses)
            bodiless = at < len(self.bodiless) and self.bodiless[at]
            try:
                response = read_response(self.buffer, bodiless, self.closed)
            except ValueError as error:
                self.torn = str(error)
                return
            if response is None:
                break
            if response.status < 200:
                self.interim.append(response.status)
            else:
                whole = Response(**{**vars(response), "interim": tuple(self.interim)})
                self.responses.append(whole)
                self.interim = []
        if self.closed and self.buffer and not self.torn:
            self.torn = f"cut off: {bytes(self.buffer[:60])!r}"

    def _wait_until_taken(self) -> None:
        """Unix sockets tell when all that was sent has been read, so each piece is a read of its own."""
        limit = min(self.deadline, time.monotonic() + self.pace)
        while not self.closed and not self.deaf and _unread(self.sock) and time.monotonic() < limit:
            self.poll.register(self.sock, select.POLLIN)
            if self.poll.poll(0):
                self._receive()
            os.sched_yield()


def _unread(sock: socket.socket) -> int:
    answer = fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0\0\0\0")
    return int(struct.unpack("i", answer)[0])


def pieces(data: bytes) -> Iterator[bytes]:
    """Byte by byte; of a long text only both ends are, and the middle goes in equal pieces."""
    at = 0
    stride = max(1, -(-(len(data) - 2 * SINGLE_BYTES) // SINGLE_BYTES))
    while at < len(data):
        near_an_end = at < SINGLE_BYTES or at >= len(data) - SINGLE_BYTES
        end = at + 1 if near_an_end else min(at + stride, len(data) - SINGLE_BYTES)
        yield data[at:end]
        at = end


def run(case: Case, address: str, mode: str, patience: float) -> Exchange:
    """Plays a case and reads all that comes of it."""
    lead = 1 if mode in ("pipelined", "kept-alive") else 0
    bodiless = [False] * lead + [expected.bodiless for expected in case.responses]
    with connect(address, patience) as sock:
        client = Client(sock, bodiless, patience)
        _send_case(client, case, mode)
        _read_answers(client, case, lead)
    return Exchange(mode, lead, client.responses, client.closed, client.torn)


def _send_case(client: Client, case: Case, mode: str) -> None:
    if mode == "kept-alive":
        client.send(FIRST)
        client.wait_for_responses(1)
    before = FIRST if mode == "pipelined" else b""
    for step in case.steps:
        if isinstance(step, Until):
            client.wait_for_interim(step.status)
        elif mode == "bytes":
            client.send_in_pieces(step)
        else:
            client.send(before + step)
            before = b""
    client.send(before)
    if case.eof:
        client.shut_down()


def _read_answers(client: Client, case: Case, lead: int) -> None:
    """The expected responses, then the proof that nothing else came: the answer to the probe, or the end."""
    expected = lead + len(case.responses)
    if not client.wait_for_responses(expected) and not client.closed:
        return
    if case.survives is not False:
        client.send(PROBE)
        client.wait_for_responses(expected + 1)
    else:
        client.wait_for_close()
