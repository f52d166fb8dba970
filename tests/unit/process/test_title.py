"""The title that a process gives itself, as others see it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
import os, sys
from rhebok.process.title import set_title
before = open("/proc/self/environ", "rb").read()
set_title(os.environ["TITLE"])
print(open("/proc/self/cmdline", "rb").read())
assert open("/proc/self/environ", "rb").read() == before
assert sys.orig_argv[-1] == "x" * 40
"""

PACKAGE = "def setproctitle(text):\n    print('setproctitle', text)\n"


def title(directory: Path, text: str) -> str:
    """What the program prints."""
    path = os.pathsep.join([str(directory), str(ROOT)])
    arguments = [sys.executable, "-c", PROGRAM, "x" * 40]
    environ = {**os.environ, "TITLE": text, "PYTHONPATH": path}
    return subprocess.run(arguments, env=environ, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def without(tmp_path: Path) -> Path:
    """A directory that hides setproctitle, if that is installed."""
    (tmp_path / "setproctitle.py").write_text("raise ImportError")
    return tmp_path


@pytest.mark.parametrize("text", ["rhebok: master [app:app]", "", "ünïcode", "\udcff"])
def test_the_title_replaces_the_command_line(without: Path, text: str) -> None:
    assert eval(title(without, text)).rstrip(b"\0") == text.encode(errors="surrogateescape")


def test_a_long_title_is_cut_and_the_environment_stays(without: Path) -> None:
    shown = eval(title(without, "x" * 10_000)).rstrip(b"\0")
    assert 40 < len(shown) < 10_000
    assert set(shown) == set(b"x")


def test_a_command_line_that_is_not_ours_stays(without: Path) -> None:
    """Under valgrind the memory is valgrind's, which starts children by it."""
    program = "import sys; sys.orig_argv.append('more')\n" + PROGRAM.replace(
        'assert sys.orig_argv[-1] == "x" * 40', ""
    )
    path = os.pathsep.join([str(without), str(ROOT)])
    environ = {**os.environ, "TITLE": "rhebok: master", "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", program], env=environ, check=True, capture_output=True)
    assert b"rhebok: master" not in done.stdout
    assert b"set_title" in done.stdout


@pytest.mark.parametrize(
    "stat",
    [
        'raise FileNotFoundError("/proc is not mounted")',
        "return io.BytesIO()",
        'return io.BytesIO(b"1 (python) R 1 1 1 0")',  # as qemu has it
        'return io.BytesIO(b"1 (python) R " + b"- " * 50)',
    ],
    ids=["none", "empty", "short", "without numbers"],
)
def test_where_proc_says_less_there_is_no_title_and_no_error(without: Path, stat: str) -> None:
    """A worker must not fail for it, neither by itself nor with what its master has prepared."""
    program = f"""
import io
from rhebok.process import title
def shortened(*_):
    {stat}
title.open = shortened
title.set_title("rhebok: master")
assert title.placed_title("rhebok: worker") == (0, b"")
print(open("/proc/self/cmdline", "rb").read())
"""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(without), str(ROOT)])}
    done = subprocess.run([sys.executable, "-c", program], env=environ, check=True, capture_output=True)
    assert b"set_title" in done.stdout


def test_line_breaks_are_blanks(without: Path) -> None:
    assert eval(title(without, "rhebok:\n\tmaster")).rstrip(b"\0") == b"rhebok: master"


def test_setproctitle_is_used_where_it_is_installed(tmp_path: Path) -> None:
    (tmp_path / "setproctitle.py").write_text(PACKAGE)
    assert title(tmp_path, "rhebok: master").startswith("setproctitle rhebok: master\n")
