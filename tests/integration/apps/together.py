"""Requests that need each other, for --threads: they meet at a barrier, wait for a word, or hear one."""

import contextvars
import os
import threading
from collections.abc import Iterable, Iterator
from typing import Any

_parties = int(os.environ.get("PARTIES", "4"))
_barrier = threading.Barrier(_parties)
_lock = threading.Lock()
_listening = 0
_spoken = threading.Event()
_user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="")


def _meet(_query: str) -> Iterable[bytes]:
    """Returns when so many requests are here at once."""
    _barrier.wait(20)
    return [b"met"]


def _waiting(_query: str) -> Iterable[bytes]:
    return [str(_barrier.n_waiting).encode()]


def _listen(_query: str) -> Iterator[bytes]:
    """Server-sent events: one at once, one when somebody has spoken."""
    global _listening
    with _lock:
        _listening += 1
    yield b"data: here\n\n"
    _spoken.wait(30)
    yield b"data: spoken\n\n"


def _listeners(_query: str) -> Iterable[bytes]:
    return [str(_listening).encode()]


def _speak(_query: str) -> Iterable[bytes]:
    _spoken.set()
    return [b"spoken"]


def _thread(_query: str) -> Iterable[bytes]:
    return [threading.current_thread().name.encode()]


def _context(query: str) -> Iterable[bytes]:
    """What earlier requests have left in this thread's context, then what this one has set."""
    before = _user.get()
    token = _user.set(query)
    _barrier.wait(20)
    after = _user.get()
    _user.reset(token)
    return [f"{before},{after}".encode()]


def _echo(query: str) -> Iterable[bytes]:
    return [query.encode()]


def _stuck(_query: str) -> Iterable[bytes]:
    """Runs Python code until it is interrupted."""
    while not _spoken.is_set():
        pass
    return [b"not interrupted"]


def _stuck_when_resumed(query: str) -> Iterator[bytes]:
    yield b"x" * 20_000_000
    yield from _stuck(query)


class _StuckInClose:
    def __init__(self, query: str) -> None:
        self._query = query

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"done"])

    def close(self) -> None:
        _stuck(self._query)


def _big(_query: str) -> Iterator[bytes]:
    """More than a socket takes."""
    for _ in range(300):
        yield b"x" * 10_000


PATHS = {
    "/meet": _meet,
    "/waiting": _waiting,
    "/listen": _listen,
    "/listeners": _listeners,
    "/speak": _speak,
    "/thread": _thread,
    "/context": _context,
    "/echo": _echo,
    "/stuck": _stuck,
    "/stuck-when-resumed": _stuck_when_resumed,
    "/stuck-in-close": _StuckInClose,
    "/big": _big,
}


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    found = PATHS.get(environ["PATH_INFO"], _thread)
    start_response("200 OK", [("Content-Type", "text/event-stream" if found is _listen else "text/plain")])
    return found(environ["QUERY_STRING"])
