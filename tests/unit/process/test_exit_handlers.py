"""Exit handlers of a parent and its child. Each test is a program with its own list of handlers."""

import subprocess
import sys

import pytest

PROGRAM = """
import atexit, functools, logging, os, sys, tempfile, weakref
from rhebok.process import exit_handlers
def note(text):
    os.write(1, f"{text}\\n".encode())
class Kept: pass
kept = Kept()
%s
of_parent = exit_handlers.ParentsHandlers()
pid = os.fork()
if pid == 0:
    if len(sys.argv) > 1: [atexit.unregister(one) for one in of_parent.handlers]
    else: of_parent.leave()
    %s
    atexit._run_exitfuncs()
    os._exit(0)
os.waitpid(pid, 0)
note("-- parent")
"""


def notes(before: str, after: str = "pass") -> list[str]:
    """What is noted in the child, then in the parent."""
    # Some programs have threads of their own, of which Python warns when they fork.
    argv = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM % (before, after)]
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True, timeout=30).stdout.splitlines()


def test_what_was_registered_before_the_fork_runs_in_the_parent_alone() -> None:
    assert notes("atexit.register(note, 'old')", "atexit.register(note, 'new')") == [
        "new",
        "-- parent",
        "old",
    ]


def test_a_bound_method_of_an_object_in_c_stays_with_the_parent() -> None:
    before = "atexit.register(open('/dev/null', 'w').close)\natexit.register(functools.partial(note, 'old'))"
    assert notes(before) == ["-- parent", "old"]


def test_a_finalizer_belongs_to_the_process_that_made_it() -> None:
    before = "weakref.finalize(kept, note, 'old')"
    assert notes(before, "weakref.finalize(kept, note, 'new')") == ["new", "-- parent", "old"]


def test_a_first_finalizer_in_the_child_runs_there() -> None:
    assert notes("", "weakref.finalize(kept, note, 'new')") == ["new", "-- parent"]


@pytest.mark.parametrize("package", ["opentelemetry.sdk.trace", "sentry_sdk", "langfuse._client"])
def test_a_handler_that_belongs_to_each_process_runs_in_each(package: str) -> None:
    before = f"def flush(): note('flushed')\nflush.__module__ = {package!r}\natexit.register(flush)"
    assert notes(before) == ["flushed", "-- parent", "flushed"]


def test_daemonic_processes_of_the_parent_are_not_ended_by_the_child() -> None:
    before = (
        "import multiprocessing, multiprocessing.util, time\n"
        "process = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,), daemon=True)\n"
        "process.start()\n"
        "atexit.register(lambda: note(process.is_alive()))"
    )
    assert notes(before) == ["-- parent", "True"]


def test_records_in_the_buffers_of_logging_are_written_by_each_process() -> None:
    before = (
        "class Handler(logging.Handler):\n    def flush(self): note('flushed')\n"
        "handler = Handler()\nlogging.getLogger().addHandler(handler)"
    )
    assert notes(before) == ["flushed", "-- parent", "flushed"]


REGISTERED = {
    "a listener for records of all processes": (
        "import logging.handlers, multiprocessing\n"
        "records = multiprocessing.get_context('fork').SimpleQueue()\n"
        "class Listener(logging.handlers.QueueListener):\n"
        "    def enqueue_sentinel(self): self.queue.put(None)\n"
        "    def dequeue(self, block): return self.queue.get()\n"
        "listener = Listener(records)\n"
        "listener.start()\n"
        "atexit.register(listener.stop)\n"
        "atexit.register(lambda: note(listener._thread.is_alive()))"
    ),
    "the end of a process": (
        "import multiprocessing, time\n"
        "process = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))\n"
        "process.start()\n"
        "atexit.register(process.terminate)\n"
        "atexit.register(lambda: note(process.exitcode is None))"
    ),
    "a finalizer": (
        "finalizer = weakref.finalize(kept, note, 'True')\nfinalizer.atexit = False\n"
        "atexit.register(finalizer)"
    ),
}


@pytest.mark.parametrize("what", list(REGISTERED))
def test_what_the_application_registered_of_the_standard_library_stays_with_the_parent(what: str) -> None:
    assert notes(REGISTERED[what]) == ["-- parent", "True"]


ODD = {
    "it has every attribute": "def __getattr__(self, name): return self",
    "its attributes cannot be read": "def __getattribute__(self, name): raise RuntimeError('unbound')",
}


@pytest.mark.parametrize("body", list(ODD.values()), ids=list(ODD))
def test_a_handler_that_is_an_odd_object_stays_with_the_parent(body: str) -> None:
    before = f"class Odd:\n    {body}\n    def __call__(self): note('odd')\natexit.register(Odd())"
    assert notes(before) == ["-- parent", "odd"]
