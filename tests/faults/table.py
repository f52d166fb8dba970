"""What is made to fail, and what the client may see of it. One row a call and a fault."""

import errno
from collections.abc import Iterable
from dataclasses import dataclass

from faults.control import ALWAYS, Fault, Kind

SOCKETS = ("tcp", "unix")


@dataclass(frozen=True)
class Row:
    fault: Fault
    ends: bool = False  # the connection may end, so that the client sees that something is missing
    statuses: tuple[int, ...] = ()  # or it is told
    only: tuple[str, ...] = ()  # exchanges; all where none is named
    but: tuple[str, ...] = ()  # not these
    sockets: tuple[str, ...] = SOCKETS  # on which some exchange makes the call
    tracebacks: bool = False  # the log may have some: it is Python that sees the error

    def __str__(self) -> str:
        return str(self.fault)


ON_SOCKETS, ON_LISTENERS = Kind.CONNECTION, Kind.LISTENER
SHORT = (1, 7)  # bytes
UPLOADS = ("body-in-a-file", "chunks-in-a-file")


def rows(
    call: str,
    errors: Iterable[int],
    *,
    kind: Kind = Kind.ANY,
    ours: bool = False,
    times: int = 1,
    ends: bool = False,
    statuses: tuple[int, ...] = (),
    only: tuple[str, ...] = (),
    but: tuple[str, ...] = (),
    tracebacks: bool = False,
    sockets: tuple[str, ...] = SOCKETS,
) -> list[Row]:
    faults = [Fault(call, error, 0, kind, ours, times) for error in errors]
    return [Row(fault, ends, statuses, only, but, sockets, tracebacks) for fault in faults]


def short(call: str, kind: Kind = ON_SOCKETS, times: int = ALWAYS) -> list[Row]:
    return [Row(Fault(call, 0, at_most, kind, True, times)) for at_most in SHORT]


GONE = (errno.ECONNRESET, errno.EPIPE, errno.ETIMEDOUT)
NO_ROOM = (errno.ENOBUFS, errno.ENOMEM)

TABLE: list[Row] = [
    # A connection that cannot be accepted now is accepted later.
    *rows("accept4", [errno.EINTR, errno.EAGAIN, errno.ECONNABORTED, errno.EPROTO, errno.EPERM], times=3),
    *rows("accept4", [errno.EMFILE, errno.ENFILE, *NO_ROOM], only=("plain",)),
    *rows("recv", [errno.EINTR], kind=ON_SOCKETS, times=3),
    *rows("recv", [*GONE, *NO_ROOM], kind=ON_SOCKETS, ends=True),
    *short("recv"),
    *rows("send", [errno.EINTR], kind=ON_SOCKETS, ours=True, times=3),
    # A full socket: a response waits for room, a refusal does not, and a 100 Continue is left out.
    *rows("send", [errno.EAGAIN], kind=ON_SOCKETS, ours=True, times=3, ends=True, but=("expectation",)),
    *rows("send", [*GONE, *NO_ROOM], kind=ON_SOCKETS, ours=True, ends=True),
    *short("send", times=40),
    *rows("sendmsg", [errno.EINTR, errno.EAGAIN], times=3, ours=True),
    *rows("sendmsg", [*GONE, *NO_ROOM], ours=True, ends=True),
    *short("sendmsg", times=40),
    *rows("sendfile", [errno.EINTR, errno.EAGAIN, errno.EINVAL, errno.ENOSYS], times=3),
    *rows("sendfile", [*GONE, *NO_ROOM, errno.EIO], ends=True),
    *short("sendfile", times=40),
    *rows("shutdown", [errno.ENOTCONN, errno.ENOBUFS], ends=True),
    *rows("close", [errno.EINTR, errno.EIO], kind=ON_SOCKETS),
    *rows("close", [errno.EINTR, errno.ENOSPC], kind=Kind.TEMPORARY, tracebacks=True),
    # What cannot be watched is let go of.
    *rows("epoll_add", [errno.ENOMEM, errno.ENOSPC], kind=ON_SOCKETS, ends=True),
    *rows("epoll_mod", [errno.ENOMEM], kind=ON_SOCKETS, ends=True),
    *rows("epoll_wait", [errno.EINTR], ours=True, times=3),
    *rows("poll", [errno.EINTR], kind=ON_SOCKETS, ours=True, times=3, sockets=("unix",)),
    *rows("poll", [errno.ENOMEM], kind=ON_SOCKETS, ours=True, ends=True, sockets=("unix",)),
    # The temporary file of a body.
    *rows(
        "open",
        [errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.ENOMEM, errno.EACCES, errno.EROFS],
        kind=Kind.TEMPORARY,
        ours=True,
        statuses=(500,),
        only=UPLOADS,
    ),
    *rows("open", [errno.EOPNOTSUPP, errno.EISDIR], kind=Kind.TEMPORARY, ours=True, only=UPLOADS),
    *rows("write", [errno.EINTR], kind=Kind.TEMPORARY, ours=True, times=3),
    *rows("write", [errno.ENOSPC, errno.EIO, errno.EDQUOT], kind=Kind.TEMPORARY, ours=True, statuses=(500,)),
    *short("write", Kind.TEMPORARY, times=40),
    *rows("lseek", [errno.EIO], kind=Kind.TEMPORARY, statuses=(500,), only=UPLOADS, tracebacks=True),
    *rows("fstat", [errno.EIO], kind=Kind.TEMPORARY, statuses=(500,), only=UPLOADS, tracebacks=True),
    *rows("read", [errno.EIO], kind=Kind.TEMPORARY, statuses=(500,), only=UPLOADS, tracebacks=True),
    # Memory that the C code asks for.
    *rows("malloc", [errno.ENOMEM], ours=True, ends=True, statuses=(500, 503), tracebacks=True),
    *rows("realloc", [errno.ENOMEM], ours=True, ends=True, statuses=(500, 503), tracebacks=True),
]
