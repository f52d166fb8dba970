"""Which process has the server's end of a connection, as /proc and ss say. For tests of several workers."""

import fcntl
import os
import re
import struct
import subprocess
import termios
from collections.abc import Iterable, Sequence
from pathlib import Path

from integration.http_client import Address, Client
from integration.processes import open_names

SOCKET = re.compile(r"socket:\[(\d+)\]")


def name(client: Client) -> int:
    """What the kernel calls the client's end: its port, of a unix socket its inode."""
    local = client.socket.getsockname()
    return int(local[1]) if isinstance(local, tuple) else os.fstat(client.socket.fileno()).st_ino


def server_ends(address: Address) -> dict[int, int]:
    """The inode of the server's end by the name of the client's; 0 while nobody has accepted it."""
    if isinstance(address, str):
        shown = subprocess.run(["ss", "-Hxna"], capture_output=True, text=True, check=True).stdout
        rows = [line.split() for line in shown.splitlines()]
        return {int(row[7]): int(row[5]) for row in rows if len(row) >= 8}
    return {remote: inode for remote, inode, _ in _tcp_rows(address[1])}


def sockets_of(pid: int) -> set[int]:
    """Inodes; none of a process that is gone."""
    try:
        found = (SOCKET.match(name) for name in open_names(pid))
        return {int(match[1]) for match in found if match}
    except (FileNotFoundError, ProcessLookupError):
        return set()


def owners(address: Address, workers: Iterable[int], clients: Sequence[Client]) -> list[int]:
    """The worker that has the connection, for each client; 0 when none has it."""
    ends = server_ends(address)
    holders = {inode: pid for pid in workers for inode in sockets_of(pid)}
    return [holders.get(ends.get(name(client), 0), 0) for client in clients]


def has_read_all(address: Address, client: Client) -> bool:
    """Whether the server has read what the client has sent."""
    if isinstance(address, str):  # a unix socket counts the rest at the sender
        answer = fcntl.ioctl(client.socket.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
        return struct.unpack("i", answer) == (0,)
    rest = [waiting for remote, _, waiting in _tcp_rows(address[1]) if remote == name(client)]
    return rest != [] and not any(rest)


def _tcp_rows(port: int) -> list[tuple[int, int, int]]:
    """Remote port, inode and unread bytes of each connection to the port. The kernel shows them while they
    change: one may be there twice, or not at all."""
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        row = line.split()
        if int(row[1].rpartition(":")[2], 16) == port and row[3] == "01":
            found.append((int(row[2].rpartition(":")[2], 16), int(row[9]), int(row[4].partition(":")[2], 16)))
    return found
