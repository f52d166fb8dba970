"""The start of a program."""

import os
import signal

from rhebok.superdaemon.program import Program


def exit_status(command, environ):
    pid = Program("test", command, None, lambda: None).start(environ, (), ())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_an_entry_without_a_name_is_left_out():
    command = ("/bin/sh", "-c", 'test "$KEPT" = value')
    assert exit_status(command, {"": "x", "KEPT": "value"}) == 0


def test_what_cannot_be_executed_ends_with_127():
    assert exit_status(("/nothing/there",), {}) == 127
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
