"""The `rhebok-starter` command: a client command, or a superdaemon set up, run and cleaned up after."""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from rhebok.starter import client, options, pid_file, process, status_file
from rhebok.starter.daemonize import daemonize
from rhebok.starter.errors import StarterError
from rhebok.starter.log import Log, fill_standard_descriptors, report
from rhebok.starter.options import Options
from rhebok.starter.signals import SignalPipe
from rhebok.starter.sockets import Listeners
from rhebok.starter.superdaemon import Superdaemon

FAILED = 1
INTERRUPTED = 128 + signal.SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line and returns the exit status."""
    chosen = options.parse(sys.argv[1:] if argv is None else argv)
    try:
        if chosen.restart:
            client.restart(chosen.pid_file or "", chosen.status_file or "")
        elif chosen.stop:
            client.stop(chosen.pid_file or "")
        else:
            _serve(chosen)
    except StarterError as error:
        report(str(error))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _serve(chosen: Options) -> None:
    """Sets up in the order that matters: the lock before any socket, so that a second instance takes nothing
    from the first; the sockets before the background, so that what cannot be bound is said on the terminal.
    """
    fill_standard_descriptors()
    with ExitStack() as at_exit:
        log = Log(chosen.log_file) if chosen.log_file is not None else None
        if chosen.status_file is not None:
            status_file.check_writable(chosen.status_file)
        lock = pid_file.hold(chosen.pid_file, report) if chosen.pid_file is not None else None
        if lock is not None:
            at_exit.callback(lock.remove)
        signals = SignalPipe()
        listeners = Listeners()
        at_exit.callback(listeners.close)
        listeners.bind(chosen.ports, chosen.paths, chosen.backlog)
        ready = daemonize() if chosen.daemonize else None
        if log is not None:
            log.attach()
        if lock is not None:
            lock.write()
        if ready is not None:
            ready.announce()
        report(f"superdaemon, pid {os.getpid()}: listening at {listeners.variable() or 'nothing'}")
        Superdaemon(chosen, os.environ, listeners, signals).run()
        report("all generations have ended; exiting")
        if log is not None:
            log.finish(lambda pid, deadline: _await_exit(signals, pid, deadline))


def _await_exit(signals: SignalPipe, wanted: int, deadline: float) -> None:
    """Waits for one child, which may have been reaped already."""
    while os.path.exists(f"/proc/{wanted}"):
        if any(pid == wanted for pid, _ in process.reaped()):
            return
        if not signals.wait(deadline):
            return
