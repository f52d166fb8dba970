"""What a generation tells: each file that it executes, once, and nothing of the standard library."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rhebok.reloading.executed_files import Teller, standard_library

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
import sys
from contextlib import suppress
from rhebok.reloading import executed_files
executed_files.tell(int(sys.argv[1]))
for name in sys.argv[2:]:
    with suppress(Exception):
        __import__(name)
"""


class Pipe:
    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)

    def told(self) -> list[str]:
        try:
            return [os.fsdecode(path) for path in os.read(self.read_end, 1 << 16).split(b"\0")[:-1]]
        except BlockingIOError:
            return []


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    os.close(pipe.read_end)
    os.close(pipe.write_end)


def imported(pipe: Pipe, directory: Path, *names: str) -> list[str]:
    """What a program tells that imports these modules, of files in the directory."""
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(pipe.write_end), *names],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(directory), str(ROOT)])},
        pass_fds=[pipe.write_end],
        check=True,
    )
    return [os.path.relpath(path, directory) for path in pipe.told() if path.startswith(str(directory))]


def test_modules_are_told_in_the_order_in_which_they_are_executed(pipe: Pipe, tmp_path: Path) -> None:
    (tmp_path / "blog").mkdir()
    (tmp_path / "blog/__init__.py").write_text("")
    (tmp_path / "blog/views.py").write_text("from blog import models")
    (tmp_path / "blog/models.py").write_text("")
    files = ["blog/__init__.py", "blog/views.py", "blog/models.py"]
    assert imported(pipe, tmp_path, "blog.views") == files
    assert imported(pipe, tmp_path, "blog.views") == files, "from compiled code"


@pytest.mark.parametrize("text", ["(", "1 / 0", "import none_such"])
def test_a_module_that_fails_is_told(pipe: Pipe, tmp_path: Path, text: str) -> None:
    (tmp_path / "broken.py").write_text(text)
    assert imported(pipe, tmp_path, "broken") == ["broken.py"]


def test_code_that_was_compiled_for_a_file_is_told(pipe: Pipe, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("a template")
    (tmp_path / "engine.py").write_text(f"exec(compile('x = 1', {str(page)!r}, 'exec'))")
    assert imported(pipe, tmp_path, "engine") == ["engine.py", "page.html"]


def test_what_was_imported_before_is_told_and_the_standard_library_is_not(pipe: Pipe, tmp_path: Path) -> None:
    imported(pipe, tmp_path)
    teller = Teller(pipe.write_end, standard_library())
    teller.tell(os.__file__)
    teller.tell(pytest.__file__)
    assert pipe.told() == [pytest.__file__]


def test_each_file_is_told_once_and_names_that_are_no_files_are_not(pipe: Pipe, tmp_path: Path) -> None:
    teller = Teller(pipe.write_end, ())
    files = [f"{tmp_path}/app.py", f"{tmp_path}/\udcff.py"]
    for name in files:
        Path(name).write_text("")
    for name in (
        *files,
        *files,
        "<string>",
        "",
        None,
        b"app.py",
        "a\0b",
        f"{tmp_path}/none.py",
        str(tmp_path),
    ):
        teller.tell(name)
    assert pipe.told() == files


def test_nothing_is_written_to_another_file_that_has_got_the_number(pipe: Pipe, tmp_path: Path) -> None:
    copy = os.dup(pipe.write_end)
    teller = Teller(copy, ())
    with (tmp_path / "data").open("wb") as file:
        os.dup2(file.fileno(), copy)
        teller.tell(__file__)
        os.close(copy)
        teller.tell(pytest.__file__)
    assert (tmp_path / "data").read_bytes() == b""
