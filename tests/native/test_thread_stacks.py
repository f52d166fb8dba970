"""The stacks of a process whose threads are in C, and their Python frames."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.waiting import until

from rhebok.native import thread_stacks

PROGRAM = """
import ctypes, faulthandler, os, threading
from rhebok.native import thread_stacks
thread_stacks.prepare()
frames = os.open("frames", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
faulthandler.register(thread_stacks.FRAMES_SIGNAL, frames, all_threads=False)
thread_stacks.install(os.open("stacks", os.O_WRONLY | os.O_CREAT | os.O_APPEND), frames)
pause = ctypes.PyDLL(None).pause
def hold():
    open("ready", "w").close()
    while True:
        pause()
threading.Thread(target=hold).start()
"""


def is_seen_in_pause(pid: int, stacks: Path) -> bool:
    """Asks again otherwise: the thread may not have been there yet."""
    if re.search(r"libc.*\(.*pause", stacks.read_text()):
        return True
    thread_stacks.ask(pid)
    return False


@pytest.fixture
def held(tmp_path: Path) -> Iterator[int]:
    """The pid of a process with two threads."""
    for name in ("stacks", "frames"):
        (tmp_path / name).touch()
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=tmp_path)
    try:
        until((tmp_path / "ready").exists)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_each_thread_writes_where_it_is_although_the_interpreter_is_held(held: int, tmp_path: Path) -> None:
    stacks = tmp_path / "stacks"
    thread_stacks.ask(held)
    until(lambda: stacks.read_text().count("Native stack of thread") == 2, stacks.read_text)
    until(lambda: is_seen_in_pause(held, stacks), stacks.read_text)


def test_each_thread_writes_its_python_frames_too_one_after_the_other(held: int, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    thread_stacks.ask_for_frames(held)
    title = r"Thread \d+ \(.*\): Stack \(most recent call first\):\n"
    until(lambda: len(re.findall(title, frames.read_text())) == 2, frames.read_text)
    until(lambda: re.search(r" in hold\n(?:  .*\n)+", frames.read_text()), frames.read_text)
    until(lambda: re.fullmatch(rf"(?:{title}(?:  .*\n)+){{2}}", frames.read_text()), frames.read_text)
    assert not (tmp_path / "stacks").read_text()


def test_a_process_that_is_gone_is_no_error() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    thread_stacks.ask(process.pid)
    thread_stacks.ask(os.getpid() + 2**22)
