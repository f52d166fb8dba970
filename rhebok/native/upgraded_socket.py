"""The socket that an application gets when a client asks for an upgrade: environ["rhebok.socket"].

native/upgrade.pyx puts an OfferedSocket into the environ. Its first use takes the connection over, and makes
an ordinary blocking socket of it.
"""

import io
import os
import select
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Protocol


class Offer(Protocol):
    """rhebok.native.upgrade.Offer."""

    def take(self) -> tuple[int, bytes, bytes]: ...

    def keep(self) -> None: ...


class UpgradedSocket(socket.socket):
    """A connection whose application speaks the protocol: sockets are what applications and libraries expect.

    What the client sent behind its request was read with it, and comes first here. While some of that
    is left the connection may look as if there were nothing to read, so fileno() is then an epoll's, which is
    readable, and afterwards whenever the connection is. Once asked for like that it stays so.
    """

    __slots__ = ("_bell", "_early", "_offer", "_watch")

    _offer: Offer
    _early: bytes
    _watch: select.epoll | None  # what fileno() is of, when not of the connection
    _bell: io.FileIO | None  # always readable, in _watch until _early is empty

    # Reading

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        return self._first(bufsize, flags) if self._early and bufsize > 0 else super().recv(bufsize, flags)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        if not self._early:
            return super().recv_into(buffer, nbytes, flags)
        with memoryview(buffer) as whole, whole.cast("B") as view:
            data = self._first(nbytes or len(view), flags)
            view[: len(data)] = data
        return len(data)

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        if not self._early:
            return super().recvfrom(bufsize, flags)
        return self._first(bufsize, flags), None

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        if not self._early:
            return super().recvfrom_into(buffer, nbytes, flags)
        return self.recv_into(buffer, nbytes, flags), None

    def recvmsg(
        self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[bytes, list[tuple[int, int, bytes]], int, Any]:
        if not self._early:
            return super().recvmsg(bufsize, ancbufsize, flags)
        return self._first(bufsize, flags), [], 0, None

    def recvmsg_into(
        self, buffers: Iterable[Any], ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[int, list[tuple[int, int, bytes]], int, Any]:
        if not self._early:
            return super().recvmsg_into(buffers, ancbufsize, flags)
        return self.recv_into(next(iter(buffers)), 0, flags), [], 0, None

    def _first(self, size: int, flags: int) -> bytes:
        data = self._early[:size]
        if not flags & socket.MSG_PEEK:
            self._early = self._early[size:]
            if not self._early:
                self._silence()
        return data

    # The descriptor

    def fileno(self) -> int:
        """What to wait with, for reading."""
        if self._early and self._watch is None and super().fileno() >= 0:
            self._bell = io.FileIO(os.eventfd(1, os.EFD_CLOEXEC))
            self._watch = select.epoll()
            self._watch.register(self._bell, select.EPOLLIN)
            self._watch.register(super().fileno(), select.EPOLLIN | select.EPOLLRDHUP)
        return super().fileno() if self._watch is None else self._watch.fileno()

    def _silence(self) -> None:
        if self._bell is not None and self._watch is not None:
            self._watch.unregister(self._bell)
            self._bell.close()
            self._bell = None

    def _real_close(self, *args: Any) -> None:
        """What close() does when nothing made by makefile() is left."""
        self._silence()
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        with suppress(OSError):  # the client may have gone
            self.shutdown(socket.SHUT_WR)  # the server has the connection open too, and does not end it yet
        super()._real_close(*args)  # type: ignore[misc]

    def detach(self) -> int:
        """The descriptor. The connection is then the caller's alone, also when the request is over.

        Raises RuntimeError while something of what the client sent with its request has not been read.
        """
        self._refuse_with_early("detached")
        self._early, self._watch = b"", None
        self._offer.keep()
        return super().detach()

    def dup(self) -> socket.socket:  # type: ignore[override]  # which does not belong to the request
        """An ordinary socket for the same connection, which ends with the request or the close() of this one.

        Raises RuntimeError while something of what the client sent with its request has not been read.
        """
        self._refuse_with_early("duplicated")
        copy = socket.fromfd(super().fileno(), self.family, self.type, self.proto)
        copy.settimeout(self.gettimeout())
        return copy

    def _refuse_with_early(self, what: str) -> None:
        if self._early:
            raise RuntimeError(f"a socket with {len(self._early)} bytes to be read first cannot be {what}")


class OfferedSocket(UpgradedSocket):
    """A socket until it is used: whichever public attribute is asked for first takes the connection over.

    The exception of Offer.take() where that cannot be.
    """

    __slots__ = ()

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._early = b""
        self._watch = self._bell = None
        self._closed = False
        self._io_refs = 0

    def __repr__(self) -> str:
        return "<the socket of this request, not taken>"

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_"):
            _take(self)
        return object.__getattribute__(self, name)


def _take(offered: OfferedSocket) -> None:
    """Makes an UpgradedSocket of it, which looks attributes up like any other."""
    descriptor, early, unsent = offered._offer.take()
    taken: UpgradedSocket = offered
    taken.__class__ = UpgradedSocket
    try:
        socket.socket.__init__(taken, fileno=descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    taken._early = early
    taken.setblocking(True)
    if unsent:
        taken.sendall(unsent)
