"""What loading the application has left in the process that workers cannot share. Called by preloading.

A fork copies no threads, and a worker that inherits a connection or an event loop shares it with all others.
What was there before, is closed again, or sends datagrams only (the logs of syslog and statsd) does no harm.
"""

from __future__ import annotations

import gc
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from socket import SOCK_DGRAM
from socket import socket as Socket  # bound before the application, which may replace it, is imported
from time import monotonic, sleep

from rhebok.records import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from typing import Any

LOOPS = {
    "anon_inode:[eventpoll]": "an event loop (epoll)",
    "anon_inode:[eventfd]": "an event loop (eventfd)",
    "anon_inode:[io_uring]": "an event loop (io_uring)",
}
PATIENCE = 0.25  # seconds, for threads that are about to end
MOST = 5  # of a kind are named


@dataclass(frozen=True)
class Snapshot:
    """What there was before."""

    threads: frozenset[int]
    files: frozenset[str]
    loops: Counter[str]  # whose files are all called the same

    @classmethod
    def take(cls) -> Snapshot:
        files = list(_files().values())
        return cls(frozenset(_tasks()), frozenset(files), _loops(files))


def find(before: Snapshot, fork: Callable[[], object]) -> list[str]:
    """What is new, in words. `fork` forks a process that ends at once: some libraries end their threads for a
    fork, and start them again when they need them (OpenBLAS)."""
    gc.collect()  # closes what nobody has
    threads = _threads(before)
    if threads and not _of_python(threads):
        fork()
    give_up = monotonic() + PATIENCE
    while (threads := _threads(before)) and monotonic() < give_up:
        sleep(0.01)
    return [*_named(threads), *_open_ends(before)]


# Threads


def _tasks() -> list[int]:
    return [int(name) for name in os.listdir("/proc/self/task")]


def _threads(before: Snapshot) -> list[int]:
    return sorted(set(_tasks()) - before.threads)


def _of_python(tasks: list[int]) -> dict[int, threading.Thread]:
    found = {getattr(each, "native_id", None): each for each in threading.enumerate()}  # eventlet's have none
    return {task: found[task] for task in tasks if task in found}


def _named(tasks: list[int]) -> list[str]:
    known = _of_python(tasks)
    names = [
        f"the thread {known[task].name!r}{_of(_target(known[task]))}"
        if task in known
        else f"the native thread {_native_name(task)!r}"
        for task in tasks
    ]
    return _few(names)


def _target(thread: threading.Thread) -> str:
    function = getattr(thread, "_target", None)
    return str(getattr(function, "__module__", "") or type(thread).__module__)


def _native_name(task: int) -> str:
    with suppress(OSError), open(f"/proc/self/task/{task}/comm") as file:
        return file.read().strip()
    return str(task)


# Descriptors


def _files() -> dict[int, str]:
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    return found


def _open_ends(before: Snapshot) -> list[str]:
    files = _files()
    new = [
        fd for fd, link in files.items() if fd > 2 and link.startswith("socket:") and link not in before.files
    ]
    connections = [text for fd in new if (text := _connection(fd))]
    return [*_few(connections), *(_loops(files.values()) - before.loops)]


def _loops(links: Iterable[str]) -> Counter[str]:
    return Counter(LOOPS[link] for link in links if link in LOOPS)


def _connection(fd: int) -> str:
    """A stream that is connected; "" for another socket."""
    with suppress(OSError), Socket(fileno=os.dup(fd)) as copy:
        if copy.type == SOCK_DGRAM:
            return ""
        peer = copy.getpeername()
        if peer:  # otherwise both ends of a pair are here
            return f"a connection to {_address(peer)}{_of(_holder(fd))}"
    return ""


def _address(peer: Any) -> str:
    if isinstance(peer, tuple) and len(peer) >= 2:
        return f"[{peer[0]}]:{peer[1]}" if ":" in str(peer[0]) else f"{peer[0]}:{peer[1]}"
    return peer.decode("utf-8", "backslashreplace") if isinstance(peer, bytes) else str(peer)


def _holder(fd: int) -> str:
    """The module of the object that has the socket, if an object of Python has it."""
    for each in gc.get_objects():
        if isinstance(each, Socket) and each.fileno() == fd:
            modules = (type(holder).__module__ for holder in gc.get_referrers(each))
            return next((name for name in modules if name not in ("builtins", "socket", __name__)), "")
    return ""


def _of(module: str) -> str:
    return f" ({module})" if module else ""


def _few(names: list[str]) -> list[str]:
    return names if len(names) <= MOST else [*names[:MOST], f"{len(names) - MOST} more"]
