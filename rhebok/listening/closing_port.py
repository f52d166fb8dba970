"""The last moment of a listener: it takes no new connections any more. Called by listeners at the final stop.

A connection that reaches a listening socket between its last accept(2) and its close(2) is reset by the
kernel, and the request that it carries is lost. So before that a filter (socket(7), SO_ATTACH_FILTER) drops
every SYN: to a client that is as if it got lost, it sends it again after a second, and is refused then, or
served by a server that has taken the port meanwhile. Connections that are there already go on.
csrc/closing_port.c is the other half, in the workers.

An abstract unix socket has no path that could be removed, but shutdown(2) does it: connect(2) is refused from
then on, while accept(2) goes on giving what waits in the queue.
"""

import ctypes
import socket
import struct
from contextlib import suppress

SO_ATTACH_FILTER = 26  # asm-generic/socket.h

# linux/filter.h: operation, jump if true, jump if false, operand. A TCP segment is seen from its header on.
_DROP_SYN = (
    (0x30, 0, 0, 13),  # load the byte of the flags
    (0x45, 0, 1, 0x02),  # SYN?
    (0x06, 0, 0, 0),  # keep 0 bytes of it
    (0x06, 0, 0, 0xFFFFFFFF),  # keep all
)


def refuse_new_connections(listener: socket.socket) -> None:
    """For good, whoever else has the socket. Where the kernel does not allow it nothing is different."""
    with suppress(OSError):
        if listener.family == socket.AF_UNIX:
            listener.shutdown(socket.SHUT_RD)
        else:
            _drop_syn(listener)


def _drop_syn(listener: socket.socket) -> None:
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *row) for row in _DROP_SYN))
    program = struct.pack("@HP", len(_DROP_SYN), ctypes.addressof(code))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
