"""Makes a listener refuse new connections, at the final stop. Called by listeners.

A connection that reaches a listening socket between its last accept(2) and its close(2) is reset by the
kernel, and its request is lost. Therefore, before that, a filter (socket(7), SO_ATTACH_FILTER) drops every
SYN. The client sees a lost packet and sends the SYN again after a second; then it is refused, or accepted by
a server that has bound the port in the meantime. Established connections are not affected.
csrc/loop/closing_port.c is the other half, in the workers.

An abstract unix socket has no path that could be removed. There shutdown(2) does it: from then on connect(2)
is refused, while accept(2) still returns the connections that wait in the queue.
"""

import ctypes
import socket
import struct
from contextlib import suppress

SO_ATTACH_FILTER = 26  # asm-generic/socket.h

# linux/filter.h: operation, jump if true, jump if false, operand. The data begins with the TCP header.
_DROP_SYN = (
    (0x30, 0, 0, 13),  # load the byte with the flags
    (0x45, 0, 1, 0x02),  # SYN?
    (0x06, 0, 0, 0),  # keep 0 bytes: the segment is dropped
    (0x06, 0, 0, 0xFFFFFFFF),  # keep the whole segment
)


def refuse_new_connections(listener: socket.socket) -> None:
    """Cannot be undone, and holds for all processes that share the socket.

    Raises nothing: where the kernel does not allow it, the listener goes on accepting.
    """
    with suppress(OSError):
        if listener.family == socket.AF_UNIX:
            listener.shutdown(socket.SHUT_RD)
        else:
            _drop_syn(listener)


def _drop_syn(listener: socket.socket) -> None:
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *row) for row in _DROP_SYN))
    program = struct.pack("@HP", len(_DROP_SYN), ctypes.addressof(code))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
