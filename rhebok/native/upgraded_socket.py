"""The socket that an application gets when a client asks for an upgrade: environ["rhebok.socket"].

native/upgrade.pyx puts an OfferedSocket into the environ. Its first use takes over the connection, and turns
it into an ordinary blocking socket. What the application may replace (gevent, eventlet) is bound here, before
it is imported.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from contextlib import suppress
from select import EPOLLIN, EPOLLRDHUP, epoll
from socket import MSG_PEEK, SHUT_WR, socket

from rhebok.records import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import Any


class Offer(Protocol):
    """rhebok.native.upgrade.Offer."""

    def take_over(self) -> tuple[int, bytes, bytes]: ...

    def keep(self) -> None: ...


class UpgradedSocket(socket):
    """A connection on which the application speaks another protocol. A socket, as libraries expect one.

    The bytes that the client sent after its request have been read together with it: they are received first.
    While some of them are left, the connection itself may not be readable. fileno() is then the descriptor of
    an epoll, which is readable now, and later whenever the connection is. Once fileno() has returned it, it
    always does.
    """

    __slots__ = ("_bell", "_early", "_offer", "_watch")

    _offer: Offer
    _early: bytes
    _watch: epoll | None  # fileno() is its descriptor, unless it is None
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
        if not flags & MSG_PEEK:
            self._early = self._early[size:]
            if not self._early:
                self._silence()
        return data

    # The descriptor

    def fileno(self) -> int:
        """The descriptor to wait for in select, poll or epoll, for reading."""
        if self._early and self._watch is None and super().fileno() >= 0:
            self._bell = io.FileIO(os.eventfd(1, os.EFD_CLOEXEC))
            self._watch = epoll()
            self._watch.register(self._bell, EPOLLIN)
            self._watch.register(super().fileno(), EPOLLIN | EPOLLRDHUP)
        return super().fileno() if self._watch is None else self._watch.fileno()

    def _silence(self) -> None:
        if self._bell is not None and self._watch is not None:
            self._watch.unregister(self._bell)
            self._bell.close()
            self._bell = None

    def _real_close(self, *args: Any) -> None:
        """close(), once every file made by makefile() is closed."""
        self._silence()
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        with suppress(OSError):  # the client may have gone
            self.shutdown(SHUT_WR)  # the server has the connection open too, and closes it later
        super()._real_close(*args)  # type: ignore[misc]

    def detach(self) -> int:
        """The descriptor. The connection then belongs to the caller, also after the end of the request.

        Raises RuntimeError while bytes that the client sent with its request have not been received.
        """
        self._refuse_with_early("detached")
        self._early, self._watch = b"", None
        self._offer.keep()
        return super().detach()

    def dup(self) -> socket:  # type: ignore[override]  # which does not belong to the request
        """An ordinary socket for the same connection. It ends with the request or with close() of this one.

        Raises RuntimeError while bytes that the client sent with its request have not been received.
        """
        self._refuse_with_early("duplicated")
        copy = socket(self.family, self.type, self.proto, os.dup(super().fileno()))
        copy.settimeout(self.gettimeout())
        return copy

    def _refuse_with_early(self, what: str) -> None:
        if self._early:
            raise RuntimeError(f"a socket with {len(self._early)} bytes to be read first cannot be {what}")


class OfferedSocket(UpgradedSocket):
    """Not a socket yet: the first use of any public attribute takes over the connection.

    Raises what Offer.take_over() raises.
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
            _take_over(self)
        return object.__getattribute__(self, name)


def _take_over(offered: OfferedSocket) -> None:
    """Turns it into an UpgradedSocket, which looks up attributes in the ordinary way."""
    descriptor, early, unsent = offered._offer.take_over()
    taken: UpgradedSocket = offered
    taken.__class__ = UpgradedSocket
    try:
        super(UpgradedSocket, taken).__init__(fileno=descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    taken._early = early
    taken.setblocking(True)
    if unsent:
        taken.sendall(unsent)
