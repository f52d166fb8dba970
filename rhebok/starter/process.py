"""Starts and reaps the program: fork and exec with our sockets and nothing else; for superdaemon.py."""

import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from rhebok.starter.log import report
from rhebok.starter.signals import SignalPipe, restore_defaults, short_name
from rhebok.starter.sockets import Listeners

CANNOT_EXEC = 127


@dataclass(frozen=True)
class Program:
    """What is started again and again."""

    command: tuple[str, ...]
    directory: str | None
    listeners: Listeners


def start(program: Program, environ: Mapping[str, str], signals: SignalPipe) -> int:
    """The pid of a new process that runs the program."""
    # Until the child has its own dispositions, a signal to it would end as a byte in our pipe and be lost.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _become(program, environ, signals.inherited_mask)
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def reaped() -> Iterator[tuple[int, int]]:
    """(pid, wait status) of every child that has ended; as PID 1 also of the orphans we inherited."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status


def in_words(status: int) -> str:
    """`exit status 3` or `signal KILL` for a wait status."""
    if os.WIFSIGNALED(status):
        return f"signal {short_name(os.WTERMSIG(status))}"
    return f"exit status {os.WEXITSTATUS(status)}"


def _become(program: Program, environ: Mapping[str, str], mask: Iterable[int]) -> NoReturn:
    """In the child. It never returns to the superdaemon's code, whose clean-up would take its files away."""
    try:
        restore_defaults(mask)
        if program.directory is not None:
            os.chdir(program.directory)
        program.listeners.pass_on()
        os.execvpe(program.command[0], program.command, environ)
    except BaseException as error:  # whatever it is, the child ends here
        report(f"cannot run {program.command[0]}: {error}")
    finally:
        os._exit(CANNOT_EXEC)
