"""Runs the prefork engine, for test_engine: `engine_driver.py EVENTS BEHAVIOUR OPTIONS-AS-JSON`.

EVENTS is a file to which each event appends a line. BEHAVIOUR is a file that each child reads first:

    serve    becomes ready, waits for TERM, exits 0
    deaf     becomes ready, ignores TERM and QUIT
    fail     exits 7 before it is ready
    crash    kills itself before it is ready
    bad      raises before it is ready
    leave    becomes ready, exits 0; the next one serves
    wear     becomes ready, wants a successor; the next one serves
    fall     becomes ready, exits 7; the next one serves
    orphan   leaves a child of its own, exits 0; the next one serves
    no-fork  before_fork raises
"""

import ctypes
import json
import logging
import os
import signal
import sys
from pathlib import Path

from rhebok.errors import HookFailed
from rhebok.prefork.callbacks import Callbacks
from rhebok.prefork.engine import Prefork, TooManyFailures
from rhebok.prefork.options import Options

PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


class Driver:
    def __init__(self, events, behaviour, options):
        self._events = os.open(events, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._behaviour = Path(behaviour)
        if options.pop("subreaper", False):
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphans come to us, as to PID 1
            options["reaps_orphans"] = True
        self._bad_hook = options.pop("bad_hook", False)
        self._fatal_hook = options.pop("fatal_hook", "")
        self._quick = options.pop("quick", True)
        self._options = Options(**options)

    def note(self, *words):
        os.write(self._events, (" ".join(map(str, words)) + "\n").encode())

    def main(self):
        callbacks = Callbacks(
            self.before_fork,
            self.after_fork,
            self.on_child_reap,
            resized=self.resized,
            gradual_stop_begins=lambda seconds: self.note("retiring", seconds),
        )
        log = logging.Logger("driver")
        log.addHandler(logging.StreamHandler())
        try:
            Prefork(self._options, callbacks, log).run()
        except TooManyFailures as error:
            self.note("failed", error)
            return 3
        except HookFailed as error:
            self.note("failed", error)
            return error.status
        self.note("end")
        return 0

    def fail(self, name):
        if name == self._fatal_hook:
            raise HookFailed(name, 5, self._quick)

    def resized(self, wanted, before):
        self.note("resized", wanted, before)
        self.fail("resized")

    def before_fork(self):
        self.note("before")
        self.fail("before_fork")
        if self._behaviour.read_text() == "no-fork":
            raise OSError(11, "no fork today")
        return self

    def after_fork(self):
        self.note("after", os.getpid())

    def on_child_reap(self, pid, status):
        self.note("reap", pid, status)
        self.fail("on_child_reap")
        if self._bad_hook:
            raise ValueError("a bad hook")

    def install_signals(self, parents):
        parents.abandon()
        signal.signal(signal.SIGTERM, self._told)
        signal.signal(signal.SIGQUIT, self._told)

    def _told(self, number, _frame):
        self.note("got", signal.Signals(number).name, os.getpid())
        os._exit(0)

    def serve(self, report):
        return getattr(self, "_" + self._behaviour.read_text())(report)

    def _serve(self, report):
        self.note("starting", os.getpid())
        report.ready()
        self.note("ready", os.getpid())
        while True:
            signal.pause()

    def _fail(self, _report):
        return 7

    def _crash(self, _report):
        os.kill(os.getpid(), signal.SIGKILL)

    def _leave(self, report):
        self._behaviour.write_text("serve")
        report.ready()
        return 0

    def _finish(self, report):
        """It has stopped serving by itself, and its end takes until it is told."""
        self._behaviour.write_text("serve")
        report.ready()
        self.note("finishing", os.getpid())
        report.ending()
        while True:
            signal.pause()

    def _wear(self, report):
        self._behaviour.write_text("serve")
        report.ready()
        self.note("ready", os.getpid())
        report.want_successor()
        while True:
            signal.pause()

    def _fall(self, report):
        self._behaviour.write_text("serve")
        report.ready()
        return 7

    def _deaf(self, report):
        def hear(number, _frame):
            self.note("heard", signal.Signals(number).name, os.getpid())

        signal.signal(signal.SIGTERM, hear)
        signal.signal(signal.SIGQUIT, hear)
        self._serve(report)

    def _orphan(self, report):
        """Leaves a grandchild that ends only after its parent."""
        read_end, write_end = os.pipe()
        grandchild = os.fork()
        if grandchild == 0:
            os.close(write_end)
            os.read(read_end, 1)
            os._exit(0)
        self.note("orphan", grandchild)
        self._behaviour.write_text("serve")
        report.ready()
        return 0

    def _bad(self, _report):
        raise ValueError("a bad worker")


if __name__ == "__main__":
    sys.exit(Driver(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])).main())
