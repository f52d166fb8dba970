"""The command reads what it is given in a child process, or by itself where that would not be the same."""

import os
import threading
from pathlib import Path

import pytest

from rhebok import cli, command
from rhebok.settings.configuration import Config
from unit.server_process import run_command

has_threads = command._has_threads


@pytest.fixture(autouse=True)
def without_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of other files may have left some in this process."""
    monkeypatch.setattr(command, "_has_threads", lambda: False)


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_by_itself(arguments: list[str]) -> Config:
    served: list[Config] = []
    assert cli.run(arguments, served.append, served.append) == 0
    return served[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ["app"],
        ["app", "--workers", "3", "-b", "[::1]:0", "-b", "unix:x", "--timeout", "1.5", "--umask", "027"],
        ["app", "--worker-class", "gthread", "--logger-class", "x.Y", "--env", "A=b"],
        ["app", "--config", "x.toml"],
    ],
    ids=len,
)
def test_what_a_child_has_read_is_what_this_process_would_read(directory: Path, arguments: list[str]) -> None:
    (directory / "x.toml").write_text('bind = ["127.0.0.1:1"]\nspawn_interval = 0.5\npreload = true\n')
    read, expected = command._read_in_child(arguments), read_by_itself(arguments)
    assert read
    assert vars(read.settings) == vars(expected.settings)
    assert {**vars(read), "settings": None, "notes": None} == {
        **vars(expected),
        "settings": None,
        "notes": None,
    }
    assert list(read.notes) == list(expected.notes)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["app", "--check-config"],
        ["app", "--print-config"],
        ["app", "--workers", "x"],
        ["app", "--wrokers"],
        ["app", "-c", "none.toml"],
    ],
    ids=" ".join,
)
def test_all_but_serving_is_left_to_this_process_and_nothing_is_said_yet(
    arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert command._read_in_child(arguments) is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["gunicorn.conf.py", "other.py"])
def test_a_file_in_python_is_run_once_and_by_this_process(directory: Path, name: str) -> None:
    (directory / name).write_text("open('runs', 'a').write('x')\nworkers = 3\n")
    arguments = ["app", *([] if name == "gunicorn.conf.py" else ["-c", name])]
    assert command._read_in_child(arguments) is None
    assert not (directory / "runs").exists()


def test_the_output_of_help_and_of_mistakes_comes_once(directory: Path) -> None:
    helped = run_command(directory, "--help")
    assert (helped.stdout.count("Usage:"), helped.returncode) == (1, 0)
    mistaken = run_command(directory, "app", "--workers", "x")
    assert (mistaken.stderr.count("rhebok: error:"), mistaken.returncode) == (1, 2)


def test_with_other_threads_nothing_is_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_has_threads", has_threads)
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked"))
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        assert command._read_in_child(["app"]) is None
    finally:
        end.set()
        thread.join()


def test_without_a_child_process_this_process_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refuse)
    before = os.listdir("/proc/self/fd")
    assert command._read_in_child(["app"]) is None
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize("message", [b"", b"\0broken", b"N"])
def test_a_child_that_dies_has_read_nothing(monkeypatch: pytest.MonkeyPatch, message: bytes) -> None:
    def die(_arguments: object, _parent: int, to: int) -> None:
        os.write(to, message)
        os._exit(0)

    monkeypatch.setattr(command, "_hand_over", die)
    assert command._read_in_child(["app"]) is None


def test_a_value_that_cannot_be_handed_over_is_read_by_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "values_to_serve", lambda _arguments: ({"x": object()},))
    assert command._read_in_child(["app"]) is None
