"""Binds internet sockets. Used by listeners and by starter.sockets."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rhebok.listening.addresses import TcpAddress


def bind_inet(
    address: TcpAddress,
    kind: int,
    backlog: int,
    prepare: Callable[[socket.socket], None] = lambda _sock: None,
    dual: bool = False,
) -> socket.socket:
    """A bound socket of that kind, which listens when it is a stream; `prepare` sets options before that.

    A name is looked up as IPv4. An IPv6 listener takes IPv6 alone, or, with `dual`, IPv4 too. OSError when
    there is no such address, or when it is in use.
    """
    family = socket.AF_INET6 if address.v6 else socket.AF_INET
    stream = bool(kind & socket.SOCK_STREAM)
    type_alone = socket.SOCK_STREAM if stream else socket.SOCK_DGRAM
    host = _as_bytes(address.host)
    where = socket.getaddrinfo(host, address.port, family, type_alone, 0, socket.AI_PASSIVE)[0][4]
    with closed_on_error(socket.socket(family, kind)) as sock:
        if address.v6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
        if stream:
            # On UDP the option would let a second server take datagrams away from the first.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        prepare(sock)
        sock.bind(where)
        if stream:
            sock.listen(backlog)
    return sock


def _as_bytes(host: str) -> str | bytes:
    """Text would be encoded by encodings.idna, which imports re and unicodedata: 0.4 MiB."""
    return host.encode() if host.isascii() else host


@contextmanager
def closed_on_error(sock: socket.socket) -> Iterator[socket.socket]:
    try:
        yield sock
    except BaseException:
        with suppress(OSError):
            sock.close()
        raise
