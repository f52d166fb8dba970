"""The `rhebok-starter` command: a client command, or a superdaemon set up, run and cleaned up after."""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from rhebok.errors import UserError
from rhebok.process.daemonize import daemonize
from rhebok.process.open_files import fill_standard_descriptors
from rhebok.process.pid_file import PidFile
from rhebok.process.signals import STARTER_SIGNALS, NotedSignals
from rhebok.starter import client, options, status_file
from rhebok.starter.log import Log, Reporter, report
from rhebok.starter.options import Options
from rhebok.starter.policy import Starter
from rhebok.starter.sockets import Listeners
from rhebok.superdaemon.engine import Engine
from rhebok.superdaemon.program import Program

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
    except UserError as error:
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
        lock = PidFile(chosen.pid_file, "--pid-file", report) if chosen.pid_file is not None else None
        if lock is not None:
            at_exit.callback(lock.remove)
        signals = NotedSignals(STARTER_SIGNALS)
        listeners = Listeners()
        at_exit.callback(listeners.close)
        listeners.bind(chosen.ports, chosen.paths, chosen.backlog)
        ready = daemonize() if chosen.daemonize else None
        if lock is not None:
            lock.write()
        if log is not None:
            log.attach()
        if ready is not None:
            ready.announce()
        report(f"superdaemon, pid {os.getpid()}: listening at {listeners.variable() or 'nothing'}")
        program = Program("rhebok-starter", chosen.command, chosen.dir, listeners.pass_on)
        Engine(program, Starter(chosen, os.environ, listeners), signals, Reporter()).run()
        if chosen.status_file is not None:
            status_file.remove(chosen.status_file)
        report("all generations have ended; exiting")
        if log is not None:
            log.finish()
