"""The superdaemon and its unix paths. start_server just takes them."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starter_process import Superdaemon, ask, until


@contextmanager
def listening_at(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        yield sock


def test_a_second_superdaemon_at_a_path_loses_and_harms_nothing(
    ours: Superdaemon, another: Superdaemon
) -> None:
    path = str(ours.home / "s.sock")
    ours.start(f"--path={path}")
    ours.serving(1)
    another.start_plain(f"--path={path}")
    assert another.exit_status() == 1
    assert "another process is listening" in another.output()
    assert ask(path) == 1


def test_a_second_superdaemon_takes_the_path_only_once_it_has_the_lock(
    ours: Superdaemon, another: Superdaemon
) -> None:
    path = str(ours.home / "s.sock")
    ours.start(f"--path={path}")
    ours.serving(1)
    inode = os.stat(path).st_ino
    another.start(f"--path={path}")
    until("the second to wait", lambda: "waiting for the lock" in another.output())
    assert os.stat(path).st_ino == inode
    ours.stop()
    until("the second to serve", lambda: len(another.events(event="started")) == 2)
    assert ask(path) == 1


def test_somebody_elses_socket_is_not_removed_at_exit(ours: Superdaemon) -> None:
    path = ours.home / "s.sock"
    ours.start(f"--path={path}")
    ours.serving(1)
    path.unlink()
    with listening_at(path):
        assert ours.stop() == 0
        assert path.exists()


def test_a_port_that_fails_leaves_no_socket_file(ours: Superdaemon) -> None:
    with listening_at(ours.home / "taken"):
        ours.start("--path=mine", "--path=taken")
        assert ours.exit_status() == 1
    assert not (ours.home / "mine").exists()
    assert (ours.home / "taken").exists()
