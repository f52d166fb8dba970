"""What the supervisor answers on the control socket, from the boards of its generations.

Made by desk when somebody asks for the first time: until then its modules are not imported.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from signal import Signals

from rhebok import __version__
from rhebok.board.books import Books
from rhebok.board.counts import Counts, as_bytes
from rhebok.board.layout import LEVELS, PURGE_TEXT
from rhebok.board.reading import LEAVING, READY, STARTING, Reading, Thread, Worker
from rhebok.listening.accept_queues import drops, queue
from rhebok.listening.listeners import Listener
from rhebok.process.log_level import Leveled, set_level
from rhebok.process.memory import Memory, parent_of
from rhebok.process.signals import STOP_SIGNAL, TRACEBACK_SIGNAL
from rhebok.records import TYPE_CHECKING, Protocol
from rhebok.superdaemon.generations import Generation, Generations

if TYPE_CHECKING:
    from typing import Any

_KEPT = {  # by the kinds of board/layout.py
    "url": " for {}",
    "prefix": " for URLs that begin with {}",
    "tag": " with the tag {}",
    "all": "",
}
_STATES = {STARTING: "starting", READY: "idle", LEAVING: "leaving"}


class Asked(Protocol):
    """engine.Engine, as far as it is used here."""

    count: int
    generations: Generations

    def want_deploy(self) -> None: ...


class Answers:
    """Of one supervisor. `books` has the boards."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        engine: Asked,
        started: float,
        log: Leveled,
        dropped: int | None = None,
    ) -> None:
        """started: the supervisor, time.monotonic(). dropped: accept_queues.drops() then."""
        self._dropped = dropped
        self.books = Books()
        self._listeners = listeners
        self._engine = engine
        self._started = started
        self._log = log
        self._memory = Memory()

    def answer(self, command: str, argument: Any) -> dict[str, Any]:
        """ValueError: it cannot be done, and why."""
        if command in ("status", "reload", "stop") and argument is not None:
            raise ValueError(f"{command} takes no argument")
        if command == "status":
            return self.status()
        if command == "reload":
            return self._reload()
        if command == "stop":
            os.kill(os.getpid(), STOP_SIGNAL)
            return {"done": "the server stops"}
        if command == "workers":
            return self._resize(argument)
        if command == "traceback":
            return self._tell_worker(argument, TRACEBACK_SIGNAL, "writes its traceback to the error log")
        if command == "recycle":
            return self._tell_worker(argument, STOP_SIGNAL, "ends when it has no request, and is replaced")
        if command == "loglevel":
            return self._set_log_level(argument)
        if command == "purge":
            return self._purge(argument)
        raise ValueError(f"{command!r} is not known: status or a command of `rhebok ctl --help`")

    def _reload(self) -> dict[str, Any]:
        before = self._engine.count
        self._engine.want_deploy()
        return {"done": f"generation {before + 1} is deployed when nothing else is"}

    def _resize(self, argument: Any) -> dict[str, Any]:
        signals = {1: Signals.SIGTTIN, -1: Signals.SIGTTOU}
        try:
            number = signals[int(argument)]
        except (KeyError, TypeError, ValueError):
            raise ValueError("workers takes +1 or -1") from None
        current = self._engine.generations.current
        if current is None:
            raise ValueError("no generation serves")
        current.send(number)
        what = "more" if number is Signals.SIGTTIN else "less"
        return {"done": f"one worker {what}: {current} has got {number.name}"}

    def _set_log_level(self, argument: Any) -> dict[str, Any]:
        """The masters look when a signal wakes them; SIGCHLD does nothing else."""
        if argument not in LEVELS:
            raise ValueError(f"loglevel takes one of {', '.join(LEVELS)}")
        set_level(self._log, argument)
        self.books.set_log_level(argument)
        for generation in self._engine.generations.values():
            generation.send(Signals.SIGCHLD)
        return {"done": f"the error log has the level {argument} until the next deploy"}

    def _purge(self, argument: Any) -> dict[str, Any]:
        """Whoever answers from the cache next carries it out first."""
        kind, text = _meant_by(argument)
        if not self.books.purge(kind, text):
            raise ValueError("no generation has a board, on which purges are written")
        *_, size = self.books.cached(self.books.readings())
        if not size:
            raise ValueError("no generation has a cache (--cache)")
        done = f"nothing that was kept{_KEPT[kind].format(text)} is answered any more"
        if kind == "tag" and "/" in text:
            done += " (it is taken for a tag; a URL begins with http:// or https://)"
        return {"done": done}

    def _tell_worker(self, argument: Any, number: Signals, what: str) -> dict[str, Any]:
        """The board is written by the generation's user, so /proc has to agree that it is a worker."""
        try:
            pid = int(argument)
        except (TypeError, ValueError):
            raise ValueError("this command takes the pid of a worker") from None
        named = {worker.pid for reading in self.books.readings().values() for worker in reading.workers}
        if pid not in named or parent_of(pid) not in self._engine.generations:
            raise ValueError(f"{pid} is not the pid of a worker of this server")
        os.kill(pid, number)
        return {"done": f"worker {pid} {what}"}

    def status(self) -> dict[str, Any]:
        """Everything that `rhebok status` shows. Times are seconds."""
        readings = self.books.readings()
        deadline = self._memory.deadline()
        generations = self._engine.generations.values()
        now = time.monotonic()
        return {
            "version": __version__,
            "pid": os.getpid(),
            "uptime": now - self._started,
            "memory": self._memory.bytes_of(os.getpid(), deadline),
            "counts": self.books.counts(),
            "listeners": [
                dict(zip(("name", "queue", "limit"), _of_listener(each), strict=True))
                for each in self._listeners
            ],
            "listen_drops": self._drops(),
            "replaced_workers": self.books.causes(readings),
            "generations": [
                self._generation(each, readings.get(each.number), deadline) for each in generations
            ],
            "cached": dict(zip(("bytes", "records", "size"), self.books.cached(readings), strict=True)),
            **_described(Counts(self.books.counted(readings))),
        }

    def measures(self) -> dict[str, Any]:
        """What /metrics is made of (metrics/families.py): raw, since its process has more time."""
        readings, now = self.books.readings(), time.monotonic()
        return {
            "version": __version__,
            "pid": os.getpid(),
            "counts": self.books.counts(),
            "listeners": [_of_listener(each) for each in self._listeners],
            "listen_drops": self._drops(),
            "causes": self.books.causes(readings),
            "counted": as_bytes(self.books.counted(readings)),
            "cached": self.books.cached(readings),
            "generations": [
                (each.number, each.pid, each.phase.name.lower()) for each in self._engine.generations.values()
            ],
            "workers": [_measured(each, now) for reading in readings.values() for each in reading.workers],
        }

    def _drops(self) -> int | None:
        """Since the server has started."""
        now = drops()
        return None if now is None or self._dropped is None else now - self._dropped

    def _generation(self, generation: Generation, reading: Reading | None, deadline: float) -> dict[str, Any]:
        workers = reading.workers if reading else ()
        return {
            "number": generation.number,
            "pid": generation.pid,
            "state": generation.phase.name.lower(),
            "memory": self._memory.bytes_of(generation.pid, deadline),
            "workers": [self._worker(each, deadline) for each in workers],
        }

    def _worker(self, worker: Worker, deadline: float) -> dict[str, Any]:
        now, current = time.monotonic(), worker.current
        state = "busy" if current and worker.state == READY else _STATES.get(worker.state, "unknown")
        return {
            "pid": worker.pid,
            "state": state,
            "age": max(0.0, now - worker.forked_at),
            "busy_threads": sum(thread.busy for thread in worker.threads),
            "threads": len(worker.threads),
            "connections": worker.connections,
            "unsent": worker.unsent,
            "request": _request(current, now) if current else None,
            "requests_now": [_request(each, now) for each in worker.threads if each.busy],
            "memory": self._memory.bytes_of(worker.pid, deadline),
            **_described(Counts(worker.counted)),
        }


def _meant_by(argument: Any) -> tuple[str, str]:
    """What is to be purged: its kind in board/layout.py, and the text."""
    if not isinstance(argument, str) or not argument or any(ord(byte) < 33 for byte in argument):
        raise ValueError("purge takes a URL, the beginning of one and *, a tag, or * alone")
    if len(argument.encode("utf-8", "surrogateescape")) > PURGE_TEXT:
        raise ValueError(f"purge takes at most {PURGE_TEXT} bytes")
    if argument == "*":
        return "all", argument
    if "://" not in argument:
        return "tag", argument
    return ("prefix", argument[:-1]) if argument.endswith("*") else ("url", _with_path(argument))


def _with_path(url: str) -> str:
    """http://HOST is http://HOST/ (RFC 9110 section 4.2.3), and no request has a fragment."""
    scheme, _, rest = url.partition("#")[0].partition("://")
    host, delimiter, target = re.split("([/?]|$)", rest, maxsplit=1)
    return f"{scheme}://{host}{'/?' if delimiter == '?' else '/'}{target}"


def _of_listener(listener: Listener) -> tuple[str, int | None, int | None]:
    """Its name, the length of its queue and the limit."""
    return listener.name, *(queue(listener.socket) if listener.fileno() >= 0 else (None, None))


def _request(thread: Thread, now: float) -> dict[str, Any]:
    return {"line": thread.line, "seconds": max(0.0, now - thread.began), "client": thread.client}


def _measured(worker: Worker, now: float) -> tuple[int, str, int, int, int, float, int]:
    """pid, state, busy threads, threads, connections, seconds of the oldest request, bytes of responses that
    wait."""
    busy = sum(thread.busy for thread in worker.threads)
    oldest = max(0.0, now - worker.current.began) if worker.current else 0.0
    state = "ready" if worker.state == READY else _STATES.get(worker.state, "unknown")
    return worker.pid, state, busy, len(worker.threads), worker.connections, oldest, worker.unsent


def _described(counted: Counts) -> dict[str, Any]:
    return {
        "requests": counted.requests,
        "accepted": counted.accepted,
        "bytes_in": counted.bytes_in,
        "bytes_out": counted.bytes_out,
        "cache": counted.cache,
        "parked": counted.parked,
        "transferred": counted.transferred,
        "balanced": counted.balanced,
        "queue_times": counted.queue.counts,
        "application_times": counted.application.counts,
        "total_times": counted.total.counts,
    }
