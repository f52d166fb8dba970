"""The error log when stderr is systemd's journal: each record by the journal's own protocol, with its
priority and its fields (systemd.io/JOURNAL_NATIVE_PROTOCOL). Used by error_writer.

Where the journal's socket cannot be reached, as in a container, lines go to stderr with the priority in
front, <3> for an error (sd-daemon(3)), which the journal reads too. Nothing here waits.
"""

import os
from collections.abc import Mapping
from errno import EMSGSIZE
from fcntl import fcntl
from socket import (
    AF_UNIX,
    MSG_DONTWAIT,
    MSG_NOSIGNAL,
    SCM_RIGHTS,
    SO_SNDBUF,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOL_SOCKET,
)
from socket import socket as Socket  # bound before the application, which may replace it, is imported

from rhebok.process.log_stream import LogStream

SOCKET = "/run/systemd/journal/socket"
VARIABLE = "JOURNAL_STREAM"
PRIORITIES = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}

_QUEUE = 8 * 2**20  # bytes, as systemd's own clients ask for
_SEALS = 1033, 15  # F_ADD_SEALS: no more seals, and neither smaller, larger nor written to


def is_journal(fd: int, environ: Mapping[str, str]) -> bool:
    """Whether the descriptor is the stream that systemd says it has connected with the journal."""
    device, _, inode = environ.get(VARIABLE, "").partition(":")
    try:
        file = os.fstat(fd)
    except OSError:
        return False
    return (device, inode) == (str(file.st_dev), str(file.st_ino))


def encode(fields: Mapping[str, str]) -> bytes:
    """A record in the journal's form. A value of several lines has its length in front of it."""
    out = bytearray()
    for name, value in fields.items():
        data = value.encode("utf-8", "backslashreplace")
        if b"\n" in data:
            out += name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"
        else:
            out += name.encode() + b"=" + data + b"\n"
    return bytes(out)


class Journal:
    """What the error log writes to. A socket that is shared after a fork is as good as one of its own, since
    datagrams do not mix."""

    def __init__(self, identifier: str, stderr: LogStream, path: str = SOCKET) -> None:
        """identifier: what journalctl shows as the program."""
        self.stderr = stderr
        self._identifier = identifier
        self._path = path
        self._socket: Socket | None = None

    def record(self, level: str, message: str, **fields: object) -> None:
        """level: of Python's logging. fields: further ones, in small letters; None: it is left out."""
        priority = PRIORITIES.get(level, 6)
        given = {name.upper(): str(value) for name, value in fields.items() if value is not None}
        record = {
            "MESSAGE": message,
            "PRIORITY": str(priority),
            "SYSLOG_IDENTIFIER": self._identifier,
            **given,
        }
        try:
            self._send(encode(record))
        except OSError:
            lines = message.split("\n")
            self.stderr.write("".join(f"<{priority}>{line}\n" for line in lines))

    def _send(self, data: bytes) -> None:
        if self._socket is None:
            self._socket = Socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC)
            self._socket.setsockopt(SOL_SOCKET, SO_SNDBUF, _QUEUE)
        try:
            self._socket.sendto(data, MSG_DONTWAIT | MSG_NOSIGNAL, self._path)
        except OSError as error:
            if error.errno != EMSGSIZE:
                raise
            self._send_file(data, self._socket)

    def _send_file(self, data: bytes, socket: Socket) -> None:
        """What is too long for a datagram is sent as a sealed file in memory."""
        file = os.memfd_create("rhebok-journal", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        try:
            with open(file, "wb", closefd=False) as writer:
                writer.write(data)
            fcntl(file, *_SEALS)
            rights = [(SOL_SOCKET, SCM_RIGHTS, file.to_bytes(4, "little"))]
            socket.sendmsg([b""], rights, MSG_DONTWAIT | MSG_NOSIGNAL, self._path)
        finally:
            os.close(file)
