"""How generations are started: by the command line, the directory and the environment of the supervisor."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from rhebok.errors import UserError
from rhebok.superdaemon.origin import command_line, start_directory, start_environment

PYTHON = "/srv/releases/1/venv/bin/python"


def script(path: Path, first_lines: str, mode: int = 0o755) -> str:
    path.write_text(first_lines)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(
    "first_lines",
    [f"#!{PYTHON}\n", f"#!{PYTHON} -I\n", f"#!/bin/sh\n'''exec' {PYTHON} \"$0\" \"$@\"\n' '''\n"],
)
def test_a_script_that_names_its_interpreter_is_executed_itself(tmp_path, first_lines):
    rhebok = script(tmp_path / "rhebok", first_lines)
    assert command_line((PYTHON, rhebok, "app")) == (rhebok, "app")


def test_so_is_one_that_env_looks_up(tmp_path):
    rhebok = script(tmp_path / "rhebok", "#!/usr/bin/env python3\n")
    assert command_line(("python3", rhebok, "-w", "2")) == (rhebok, "-w", "2")


def test_options_of_the_interpreter_in_the_first_line_are_left_to_it(tmp_path):
    rhebok = script(tmp_path / "rhebok", f"#!{PYTHON} -I\n")
    assert command_line((PYTHON, "-I", rhebok, "app")) == (rhebok, "app")


@pytest.mark.parametrize(
    ("first_lines", "mode"),
    [("#!/usr/bin/python2\n", 0o755), (f"#!{PYTHON}\n", 0o644), ("import x\n", 0o755)],
)
def test_an_interpreter_that_was_chosen_on_the_command_line_stays(tmp_path, first_lines, mode):
    original = (PYTHON, script(tmp_path / "rhebok", first_lines, mode), "app")
    assert command_line(original) == original


def test_options_that_only_the_command_line_has_stay(tmp_path):
    original = (PYTHON, "-O", script(tmp_path / "rhebok", f"#!{PYTHON} -I\n"), "app")
    assert command_line(original) == original


@pytest.mark.parametrize("interpreter", ["python", "/srv/releases/1/venv/bin/pyth", "/bin/python"])
def test_a_longer_name_in_the_first_line_is_another_interpreter(tmp_path, interpreter):
    rhebok = script(tmp_path / "rhebok", f"#!{PYTHON}\n")
    assert command_line((interpreter, rhebok, "app"))[1:] == (rhebok, "app")


def test_a_script_without_a_path_is_not_looked_up(tmp_path, monkeypatch):
    script(tmp_path / "rhebok", f"#!{PYTHON}\n")
    monkeypatch.chdir(tmp_path)
    assert command_line((PYTHON, "rhebok", "app")) == (PYTHON, "rhebok", "app")


def test_arguments_may_be_empty_or_lines():
    assert command_line((PYTHON, "", "a\nb", "")) == (PYTHON, "", "a\nb", "")


@pytest.mark.parametrize(
    "arguments",
    [("-m", "rhebok", "app"), ("-X", "dev", "-m", "rhebok"), ("/bin/coverage", "run", "-m", "rhebok")],
)
def test_modules_and_wrappers_are_run_as_they_were(arguments):
    assert command_line((PYTHON, *arguments)) == (PYTHON, *arguments)


def test_an_interpreter_without_a_path_is_the_one_that_runs():
    assert command_line(("python3", "-m", "rhebok")) == (sys.executable, "-m", "rhebok")


def test_the_directory_is_the_shells_name_for_it(tmp_path, monkeypatch):
    (tmp_path / "release").mkdir()
    (tmp_path / "current").symlink_to("release")
    monkeypatch.chdir(tmp_path / "current")
    monkeypatch.setenv("PWD", str(tmp_path / "current"))
    assert start_directory() == str(tmp_path / "current")
    monkeypatch.setenv("PWD", str(tmp_path))
    assert start_directory() == str(tmp_path / "release")


def test_a_directory_that_was_removed_is_an_error_for_people(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(UserError, match="the current directory is gone: no such file"):
        start_directory()


def test_the_environment_is_that_of_the_start():
    program = (
        "import os; from rhebok.superdaemon.origin import start_environment; os.environ['A'] = 'later'; "
        "os.environ['B'] = 'later'; found = start_environment(); print(found['A'], 'B' in found)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "A": "first=1"}, capture_output=True, text=True
    )
    assert ran.stdout == "first=1 False\n", ran.stderr


def test_of_a_variable_that_is_there_twice_the_first_counts(tmp_path, monkeypatch):
    (tmp_path / "environ").write_bytes(b"A=first\0B=\0A=second\0nothing\0")
    monkeypatch.setattr("builtins.open", partial(_redirected, open, tmp_path / "environ"))
    assert start_environment() == {"A": "first", "B": ""}


def _redirected(real_open, path, _path, mode):
    return real_open(path, mode)


def test_it_is_never_empty():
    assert "PATH" in start_environment()
