"""Metrics for statsd, with gunicorn's names. Opened by launch; workers inherit the socket.

The metrics of requests are written by csrc/log/statsd.c. Here are the rare ones: lines of the error log by
severity, and gauges of the master. Nothing waits and nothing is raised: what cannot be sent is lost.
"""

import errno
import logging
import os
import re
import socket
from contextlib import suppress

from rhebok.errors import os_reason
from rhebok.process.connecting import connect_first
from rhebok.records import dataclass

PORT = 8125

_AT_ONCE = socket.MSG_DONTWAIT  # looked up here: applications patch the module

_INET = re.compile(r"(?:\[([^\]]+)\]|([^:\[\]/]+))(?::([0-9]{1,5}))?")
_UNIX = re.compile(r"unix:(?://(?=.)|(?!//))(.+)")
_LOG_COUNTERS = ("critical", "error", "warning")
_TRY_AGAIN = (errno.ECONNREFUSED, errno.ENOTCONN, errno.EDESTADDRREQ, errno.ECONNRESET)


def parse_address(text: str) -> str | tuple[str, int]:
    """The path of a unix socket, or host and port. Raises ValueError. In `unix:8125` unix is a host."""
    match = _INET.fullmatch(text)
    if match:
        port = int(match[3] or PORT)
        if not 0 < port < 65536:
            raise ValueError(f"{port} is no port")
        return match[1] or match[2], port
    match = _UNIX.fullmatch(text)
    if not match:
        raise ValueError
    if len(os.fsencode(match[1])) > 107:
        raise ValueError("the path is longer than the 107 bytes that a unix socket can have")
    return match[1]


def check_word(text: str) -> None:
    """What can stand in a line of statsd's protocol. Raises ValueError."""
    if not text.isascii() or not text.isprintable() or "|" in text:
        raise ValueError


@dataclass(frozen=True)
class Statsd:
    """An open socket, and what stands in each line."""

    sock: socket.socket
    path: str | None  # of a unix socket
    prefix: str
    tags: str

    def fileno(self) -> int:
        return self.sock.fileno()

    def gauge(self, name: str, value: object) -> None:
        self._send(f"{name}:{value}|g")

    def histogram(self, name: str, value: object) -> None:
        self._send(f"{name}:{value}|h")

    def timer(self, name: str, value: object) -> None:
        self._send(f"{name}:{value}|ms")

    def increment(self, name: str, value: object) -> None:
        self._send(f"{name}:{value}|c|@1.0")

    def _send(self, line: str) -> None:
        data = f"{self.prefix}{line}{'|#' if self.tags else ''}{self.tags}".encode("ascii", "replace")
        with suppress(OSError):
            try:
                self.sock.send(data, _AT_ONCE)
            except OSError as error:
                if error.errno not in _TRY_AGAIN:
                    raise
                if self.path is not None:  # its server has been started again
                    self.sock.connect(self.path)
                self.sock.send(data, _AT_ONCE)


def open_statsd(address: str | None, prefix: str, tags: str, logger: logging.Logger) -> Statsd | None:
    """None without an address, and, with a line in the log, when the host has no address."""
    if address is None:
        return None
    where = parse_address(address)
    try:
        sock = _unix_socket(where) if isinstance(where, str) else _inet_socket(*where)
    except OSError as error:
        logger.warning("--statsd-host: no metrics are sent: %s: %s", address, os_reason(error))
        return None
    return Statsd(sock, where if isinstance(where, str) else None, _with_dot(prefix), tags)


def _with_dot(prefix: str) -> str:
    """Ends in one dot. gunicorn leaves one character as it is."""
    name = prefix.rstrip(".")
    return f"{name}." if len(name) > 1 else prefix


def _unix_socket(path: str) -> socket.socket:
    """Without a server it is connected later."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.setblocking(False)
    with suppress(OSError):
        sock.connect(path)
    return sock


def _inet_socket(host: str, port: int) -> socket.socket:
    """To the first address of the host that there is a route to. IPv4 first, as in gunicorn: whether somebody
    listens cannot be seen, and for `localhost` it is nearly always there."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    found.sort(key=lambda each: each[0] != socket.AF_INET)
    return connect_first(((family, kind, place) for family, kind, _, _, place in found), 0)


class StatsdHandler(logging.Handler):
    """Counts the lines of a logger, and sends the metric that a line has in `extra`, as gunicorn does."""

    def __init__(self, statsd: Statsd) -> None:
        super().__init__()
        self._statsd = statsd

    def emit(self, record: logging.LogRecord) -> None:
        name = record.levelname.lower()
        if record.levelno == logging.ERROR and record.exc_info and record.exc_info[0]:
            name = "exception"
        if name in (*_LOG_COUNTERS, "exception"):
            self._statsd.increment(f"gunicorn.log.{name}", 1)
        self._send_metric(record)

    def _send_metric(self, record: logging.LogRecord) -> None:
        metric, value, kind = (getattr(record, name, None) for name in ("metric", "value", "mtype"))
        if not metric or value is None:
            return
        if kind == "gauge":
            self._statsd.gauge(metric, value)
        elif kind == "counter":
            self._statsd.increment(metric, value)
        elif kind == "histogram":
            self._statsd.histogram(metric, value)
        elif kind == "timer":
            self._statsd.timer(metric, value)
