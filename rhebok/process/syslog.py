"""A handler of Python's logging that sends to syslog. Made by logger_config.

Unlike the one of the library it does not wait for a daemon that hangs, which would hold up signals and the
stop too, and what it cannot send is a line of the error log now and then instead of a traceback each time.
"""

import logging
from collections.abc import Iterator
from logging.handlers import SysLogHandler
from socket import AF_UNIX, SOCK_DGRAM, SOCK_STREAM, SocketKind, getaddrinfo, gethostname, socket
from time import monotonic

from rhebok.errors import os_reason
from rhebok.process.connecting import Place, connect_first
from rhebok.process.line import rfc3339

PATIENCE = 0.05  # seconds for a daemon that is only slow; once a line was lost there is no waiting
CONNECTING = 0.5  # seconds for one attempt
AGAIN = 5.0  # seconds between two attempts to reach a host
SAID_EVERY = 10.0  # seconds

Address = str | tuple[str, int]


class Rfc5424:
    """The header of RFC 5424, behind the priority."""

    def __init__(self, name: str, log: str) -> None:
        """name: of the program. log: the kind of message."""
        self._name = _word(name, 48)
        self._log = log
        self._host = _word(gethostname(), 255)

    def of(self, record: logging.LogRecord) -> str:
        """The header of a record. It has no structured data."""
        return f"1 {rfc3339(record.created)} {self._host} {self._name} {record.process or '-'} {self._log} - "


def _word(text: str, longest: int) -> str:
    """Printable ASCII without spaces (RFC 5424 section 6)."""
    return "".join(c if "!" <= c <= "~" else "_" for c in text)[:longest] or "-"


class SyslogHandler(logging.Handler):
    """Datagrams and streams as logging.handlers.SysLogHandler sends them."""

    def __init__(
        self,
        address: Address,
        facility: str,
        kind: SocketKind | None,
        report: logging.Logger,
        header: "Rfc5424 | None" = None,
    ) -> None:
        """kind: None tries both. report: where lost lines are said. header: None for lines without one.

        Raises OSError for a host that cannot be reached; a daemon of this machine may come later."""
        self._sock: socket | None = None  # first: what has failed here is closed at the end, too
        super().__init__()
        self._address = address
        self._facility = SysLogHandler.facility_names[facility]
        self._kinds = (SOCK_DGRAM, SOCK_STREAM) if kind is None else (kind,)
        self._report = report
        self._header = header
        self._lost = 0  # not yet said
        self._losing = False
        self._reason = ""
        self._say_at = self._connect_at = 0.0
        if not isinstance(address, str):
            self._sock = self._connect()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception:
            self.handleError(record)
            return
        name = SysLogHandler.priority_map.get(record.levelname, "warning")
        priority = self._facility << 3 | SysLogHandler.priority_names[name]
        try:
            self._send(self._packed(priority, record, text))
            self._losing = False
        except OSError as error:
            self._losing = True
            self._lost += 1
            self._reason = os_reason(error)
        if self._lost:
            self._say()

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        super().close()

    def _packed(self, priority: int, record: logging.LogRecord, text: str) -> bytes:
        """With a header, a message over TCP has its length in front (RFC 6587 section 3.4.1)."""
        header = self._header.of(record) if self._header else ""
        data = f"<{priority}>{header}{text}".encode("utf-8", "backslashreplace")
        if self._header is None or isinstance(self._address, str):
            return data + b"\0"
        return b"%d %s" % (len(data), data) if self._kinds == (SOCK_STREAM,) else data

    def _send(self, data: bytes) -> None:
        """A second time when the daemon has been started again."""
        if self._sock is not None:
            try:
                self._send_to(self._sock, data)
                return
            except (BlockingIOError, TimeoutError):
                self._drop_torn()
                raise
            except OSError:
                if self._is_udp:  # it was about an earlier line
                    self._send_to(self._sock, data)
                    return
                self._sock.close()
                self._sock = None
        self._sock = self._connect_if_due()
        self._send_to(self._sock, data)

    def _send_to(self, sock: socket, data: bytes) -> None:
        sock.settimeout(0 if self._losing else PATIENCE)
        if sock.type == SOCK_STREAM:
            sock.sendall(data)
        else:
            sock.send(data)

    def _drop_torn(self) -> None:
        """What follows part of a line on a stream would be taken for its rest."""
        if self._sock is not None and self._sock.type == SOCK_STREAM:
            self._sock.close()
            self._sock = None

    def _connect_if_due(self) -> socket:
        if not isinstance(self._address, str):
            if monotonic() < self._connect_at:
                raise ConnectionError(self._reason)
            self._connect_at = monotonic() + AGAIN
        return self._connect()

    def _connect(self) -> socket:
        return connect_first(self._places(), CONNECTING)

    def _places(self) -> Iterator[Place]:
        if isinstance(self._address, str):
            yield from ((AF_UNIX, kind, self._address) for kind in self._kinds)
            return
        for family, kind, _, _, place in getaddrinfo(*self._address, type=self._kinds[0]):
            yield family, kind, place

    @property
    def _is_udp(self) -> bool:
        return not isinstance(self._address, str) and self._kinds == (SOCK_DGRAM,)

    def _say(self) -> None:
        if monotonic() < self._say_at:
            return
        self._say_at = monotonic() + SAID_EVERY
        lost, self._lost = self._lost, 0
        where = self._address if isinstance(self._address, str) else ":".join(map(str, self._address))
        lines = "1 line" if lost == 1 else f"{lost} lines"
        self._report.warning("--log-syslog-to: %s could not be sent to %s: %s", lines, where, self._reason)
