"""Which server `rhebok status` asks."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rhebok.control.client import find
from rhebok.control.liveness import remove_dead
from rhebok.control.path import file_name, runtime_directory
from rhebok.errors import UserError


@pytest.fixture
def running(tmp_path: Path) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def start(stack: ExitStack, directory: Path, *names: str) -> None:
    (directory / "rhebok").mkdir(exist_ok=True)
    for name in names:
        sock = stack.enter_context(socket.socket(socket.AF_UNIX))
        sock.bind(str(directory / "rhebok" / f"{name}.control"))
        sock.listen()


def found(directory: Path, wanted: str | None = None) -> str:
    return Path(find(wanted, {"XDG_RUNTIME_DIR": str(directory)}, 1000)).name


def test_the_only_server_is_found(running: ExitStack, tmp_path: Path) -> None:
    start(running, tmp_path, "127.0.0.1-8000")
    assert found(tmp_path) == "127.0.0.1-8000.control"


def test_of_several_a_part_of_the_name_says_which(running: ExitStack, tmp_path: Path) -> None:
    start(running, tmp_path, "127.0.0.1-8000", "run-app.sock")
    assert found(tmp_path, "app") == "run-app.sock.control"
    with pytest.raises(UserError, match=r"several servers run here: 127\.0\.0\.1-8000, run-app\.sock"):
        found(tmp_path)
    with pytest.raises(UserError, match="no server is called 'x'"):
        found(tmp_path, "x")


def test_the_socket_of_a_killed_server_is_none(running: ExitStack, tmp_path: Path) -> None:
    start(running, tmp_path, "one", "two")
    running.close()
    start(running, tmp_path, "three")
    assert found(tmp_path) == "three.control"


def test_a_server_with_much_to_do_is_one(running: ExitStack, tmp_path: Path) -> None:
    """Its queue of questions is full."""
    start(running, tmp_path, "one")
    path = str(tmp_path / "rhebok" / "one.control")
    for _ in range(1000):
        client = running.enter_context(
            socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        )
        if client.connect_ex(path):
            break
    else:
        pytest.skip("the queue is too long")
    assert found(tmp_path) == "one.control"


def test_sockets_of_killed_servers_are_removed_and_nothing_else(running: ExitStack, tmp_path: Path) -> None:
    start(running, tmp_path, "killed")
    running.close()
    start(running, tmp_path, "runs")
    directory = tmp_path / "rhebok"
    (directory / "file.control").write_text("")
    (directory / "link.control").symlink_to("nowhere")
    remove_dead(str(directory))
    assert sorted(os.listdir(directory)) == ["file.control", "link.control", "runs.control"]
    remove_dead(str(tmp_path / "missing"))


def test_where_others_may_write_nothing_is_removed(running: ExitStack, tmp_path: Path) -> None:
    start(running, tmp_path, "killed")
    running.close()
    directory = tmp_path / "rhebok"
    directory.chmod(0o777)
    remove_dead(str(directory))
    assert os.listdir(directory) == ["killed.control"]


def test_without_a_server_it_says_where_it_has_looked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"no server with a control socket runs .*{tmp_path}"):
        found(tmp_path)
    with pytest.raises(UserError, match="XDG_RUNTIME_DIR, which is not set"):
        find(None, {}, 1000)


@pytest.mark.parametrize(
    ("environ", "uid", "directory"),
    [
        ({}, 0, "/run/rhebok"),
        ({}, 1000, None),
        ({"XDG_RUNTIME_DIR": "/run/user/7"}, 7, "/run/user/7/rhebok"),
        ({"XDG_RUNTIME_DIR": "relative"}, 0, "/run/rhebok"),
    ],
)
def test_the_directory_is_that_of_the_user(environ: dict[str, str], uid: int, directory: str | None) -> None:
    assert runtime_directory(environ, uid) == directory


@pytest.mark.parametrize(
    ("listener", "name"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1-8000"),
        ("http://[::1]:80", "1--80"),
        ("unix:/run/app.sock", "run-app.sock"),
        ("unix:/run/my app.sock", "run-my-app.sock-2735bfbd"),
        ("unix:/run/my-app.sock", "run-my-app.sock-2735c102"),
        ("unix:@run/app.sock", "run-app.sock-88197669"),
        ("unix:/" + "x" * 200, "x" * 51 + "-38686446"),
        ("/", "server"),
        ("/" + "x" * 200, "x" * 60),
    ],
)
def test_a_server_is_named_by_its_first_listener(listener: str, name: str) -> None:
    assert file_name(listener) == f"{name}.control"
