"""The native stacks of a process whose threads are in C."""

import os
import re
import subprocess
import sys
from pathlib import Path

from integration.waiting import until

from rhebok.native import thread_stacks

PROGRAM = """
import ctypes, os, threading
from rhebok.native import thread_stacks
thread_stacks.prepare()
thread_stacks.install(os.open("stacks", os.O_WRONLY | os.O_CREAT | os.O_APPEND))
pause = ctypes.PyDLL(None).pause
held = threading.Thread(target=lambda: (open("ready", "w").close(), [pause() for _ in iter(int, 1)]))
held.start()
"""


def is_seen_in_pause(pid: int, stacks: Path) -> bool:
    """Asks again otherwise: the thread may not have been there yet."""
    if re.search(r"libc.*\(.*pause", stacks.read_text()):
        return True
    thread_stacks.ask(pid)
    return False


def test_each_thread_writes_where_it_is_although_the_interpreter_is_held(tmp_path: Path) -> None:
    stacks = tmp_path / "stacks"
    stacks.touch()
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=tmp_path)
    try:
        until((tmp_path / "ready").exists)
        thread_stacks.ask(process.pid)
        until(lambda: stacks.read_text().count("Native stack of thread") == 2, stacks.read_text)
        until(lambda: is_seen_in_pause(process.pid, stacks), stacks.read_text)
    finally:
        process.kill()
        process.wait()


def test_a_process_that_is_gone_is_no_error() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    thread_stacks.ask(process.pid)
    thread_stacks.ask(os.getpid() + 2**22)
