"""How many connections wait in the accept queue of a listener, as csrc/loop/accept_queue.c asks it, for
processes that have nothing compiled; and how many the kernel has dropped. It never waits."""

import os
import socket
import struct
from contextlib import suppress

_QUEUE_AT = 24  # of struct tcp_info, of a listener: the length of its queue, and the limit
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _REQUEST = 4, 20, 1
_LISTENING, _SHOW_RQLEN, _RQLEN = 10, 16, 4  # of TCP, which unix sockets use too; unix_diag
_HEADER = struct.Struct("=IHHII")
_QUESTION = struct.Struct("=BBHIIIII")
_ANSWER_SIZE = 16  # of struct unix_diag_msg


Queue = tuple[int | None, int | None]


def queue(sock: socket.socket) -> Queue:
    """The length of the queue and its limit; None where the kernel does not say."""
    with suppress(OSError, struct.error):
        return _unix(sock.fileno()) if sock.family == socket.AF_UNIX else _tcp(sock)
    return None, None


def drops() -> int | None:
    """How many connections the kernel has dropped for lack of space in an accept queue, of all listeners in
    this network namespace. None where it does not say. (SO_MEMINFO has a number for each listener, but with
    TCP_DEFER_ACCEPT each connection is in it.)"""
    with suppress(OSError, ValueError), open("/proc/net/netstat") as file:
        for names, values in zip(file, file, strict=False):
            if names.startswith("TcpExt:"):
                return int(values.split()[names.split().index("ListenDrops")])
    return None


def _tcp(sock: socket.socket) -> Queue:
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    length, limit = struct.unpack_from("=II", info, _QUEUE_AT)
    return length, limit


def _unix(fd: int) -> Queue:
    inode = os.fstat(fd).st_ino & 0xFFFFFFFF
    question = _QUESTION.pack(
        socket.AF_UNIX, 0, 0, 1 << _LISTENING, inode, _SHOW_RQLEN, 0xFFFFFFFF, 0xFFFFFFFF
    )
    size = _HEADER.size + len(question)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as link:
        link.send(_HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _REQUEST, 0, 0) + question)
        answer = link.recv(4096, socket.MSG_DONTWAIT)
    length, kind, *_ = _HEADER.unpack_from(answer)
    at = _HEADER.size + _ANSWER_SIZE
    while kind == _SOCK_DIAG_BY_FAMILY and at + 4 <= min(length, len(answer)):
        field_length, field = struct.unpack_from("=HH", answer, at)
        if field == _RQLEN:
            length, limit = struct.unpack_from("=II", answer, at + 4)
            return length, limit
        at += max(4, (field_length + 3) & ~3)
    return None, None
