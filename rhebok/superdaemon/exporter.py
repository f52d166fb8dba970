"""The process that answers --metrics-bind, as its supervisor has it: started, asked by it, started again.

Made by supervising when --metrics-bind is given, used by desk. It is a child of the supervisor, so that
neither a client nor the library that writes the metrics is in the supervisor: that answers short questions
over a socket pair. It has the rights of --user, and none of the supervisor's descriptors but these.

Under another superdaemon it is a child of the master, made before the application is loaded: so it is not
started again. It binds the address itself, as soon as the former generation has left it.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from socket import AF_UNIX, SOCK_SEQPACKET, socketpair
from socket import socket as Socket
from time import monotonic, sleep

from rhebok.errors import UserError, os_reason
from rhebok.listening.listeners import Listener, close_all
from rhebok.prefork.parent_death import signal_when_parent_dies
from rhebok.process.fork_warning import no_fork_warning
from rhebok.process.identity import Identity, become
from rhebok.process.open_files import close_all_but
from rhebok.process.signals import SUPERVISOR_SIGNALS
from rhebok.process.title import set_title
from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn

    from rhebok.superdaemon.engine import LeveledLog

    Answer = Callable[[bytes], bytes]

NEVER = float("inf")
PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between two starts, which grow while it ends soon
SOON = 10.0
END_SECONDS = 1.0  # for it to end when the supervisor does
FAILED = b"failed: "  # instead of a question: why it ends,
WAITS = b"waits: "  # or why it does not listen yet
BIND_AGAIN = 100  # ms
_LONGEST = 512  # bytes of a question


class Exporter:
    """Of one supervisor, from its first look on; or of one master, which calls start(). listeners: none where
    the process itself binds, by `bind`."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        title: str,
        identity: Identity,
        log: LeveledLog,
        address: str,
        bind: Callable[[], Sequence[Listener]] | None = None,
    ) -> None:
        self._listeners = listeners
        self._address = address
        self._bind = bind
        self._title = title
        self._identity = identity
        self._log = log
        self._link: Socket | None = None
        self._pid = 0
        self._parent = os.getpid()
        self._started_at = self._start_at = 0.0
        self._pause = PAUSE
        self._answer: Answer | None = None

    def answers(self, answer: Answer) -> None:
        """Who answers its questions."""
        self._answer = answer

    def look(self) -> None:
        """Called in each turn of the supervisor's loop."""
        if self._link is None and monotonic() >= self._start_at:
            self.start()
        if self._link:
            self._serve(self._link)

    def next_at(self) -> float:
        """When to look although nothing has come."""
        return NEVER if self._link else self._start_at

    def descriptors(self) -> Iterable[int]:
        """What to wait for."""
        return (self._link.fileno(),) if self._link else ()

    def _serve(self, link: Socket) -> None:
        try:
            question = link.recv(_LONGEST)
            if question.startswith(WAITS):
                self._log.info("no metrics yet: %s", question.removeprefix(WAITS).decode("utf-8", "replace"))
                return
            if question and not question.startswith(FAILED) and self._answer:
                link.send(self._answer(question))
                return
        except BlockingIOError:
            return
        except OSError:
            question = b""
        reason = question.removeprefix(FAILED).decode("utf-8", "replace")
        self._log.error("the metrics process %d has ended%s", self._pid, f": {reason}" if reason else "")
        link.close()
        soon = monotonic() < self._started_at + SOON
        self._pause = min(2 * self._pause, LONGEST_PAUSE) if soon else PAUSE
        self._link, self._start_at = None, NEVER if self._bind else monotonic() + self._pause

    def start(self) -> None:
        """Once more, if it has ended."""
        self._started_at = monotonic()
        self._start_at = NEVER if self._bind else self._started_at + self._pause
        ours, theirs = socketpair(AF_UNIX, SOCK_SEQPACKET)
        # Until the child has its own dispositions, a signal to it would be noted by our handlers and lost.
        previous = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            with no_fork_warning():
                pid = os.fork()
            if pid == 0:
                self._become(theirs)
        except OSError as error:
            self._log.error("the metrics process cannot be forked: %s", os_reason(error))
            ours.close()
            return
        finally:
            theirs.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, previous)
        ours.setblocking(False)
        first, self._link, self._pid = not self._pid, ours, pid
        report = self._log.info if first else self._log.warning
        report("metrics and probes at %s, by process %d", self._address, pid)

    def _become(self, link: Socket) -> NoReturn:
        """In the child. It never returns to the supervisor's code, whose clean-up would remove our files."""
        status = 1
        try:
            self._leave_supervisor(link)
            from rhebok.metrics.service import (
                serve,
            )  # before the user changes, who may not be able to read it

            if self._identity.given:
                become(self._identity)
                signal_when_parent_dies(signal.SIGKILL, self._parent)  # again: that has undone it
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            listeners = self._bind_when_free(self._bind, link) if self._bind else self._listeners
            serve([each.socket for each in listeners], link)
            status = 0
        except BaseException as error:  # whatever it is, the child ends here
            link.send(FAILED + f"{type(error).__name__}: {error}".encode()[: _LONGEST - len(FAILED)])
        finally:
            os._exit(status)

    def _bind_when_free(self, bind: Callable[[], Sequence[Listener]], link: Socket) -> Sequence[Listener]:
        """The former generation has the address until it stops."""
        poll, told = select.poll(), False
        poll.register(link, 0)  # POLLHUP comes all the same
        while not poll.poll(BIND_AGAIN if told else 0):
            try:
                return bind()
            except UserError as error:
                if not told:
                    link.send(WAITS + str(error).encode()[: _LONGEST - len(WAITS)])
                told = True
        return ()

    def _leave_supervisor(self, link: Socket) -> None:
        """Signals to the group are not meant for it: it answers until the supervisor ends."""
        signal_when_parent_dies(signal.SIGKILL, self._parent)
        signal.set_wakeup_fd(-1)
        for row in SUPERVISOR_SIGNALS:
            signal.signal(row.signal, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        close_all_but((0, 1, 2, link.fileno(), *(each.fileno() for each in self._listeners)))
        set_title(self._title)

    def forget(self) -> None:
        """In a forked child of the one that asks."""
        if self._link:
            self._link.close()
        self._link, self._start_at = None, NEVER

    def close(self) -> None:
        """At the end of the supervisor. The port is free then."""
        close_all(self._listeners)
        if self._link is None:
            return
        self._link.close()
        self._link, self._start_at = None, NEVER
        _wait_for(self._pid)


def _wait_for(pid: int) -> None:
    """Until the child is gone, killed if need be. While it is not reaped, no other process has its pid."""
    kill_at = monotonic() + END_SECONDS
    with suppress(ChildProcessError):  # reaped with the generations
        while os.waitpid(pid, os.WNOHANG)[0] == 0 and monotonic() < kill_at + END_SECONDS:
            if monotonic() >= kill_at:
                os.kill(pid, signal.SIGKILL)
            sleep(0.005)
