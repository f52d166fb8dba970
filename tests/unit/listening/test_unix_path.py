"""Unix paths that are bound, refused, replaced and removed."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from rhebok.listening import unix_path
from rhebok.listening.unix_path import BoundPath, bind_unix_path


def claim(path: str, backlog: int) -> tuple[socket.socket, BoundPath]:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        return sock, bind_unix_path(sock, path, backlog)
    except OSError:
        sock.close()
        raise


@contextmanager
def listening_at(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        yield sock


def test_a_path_that_somebody_listens_at_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with listening_at(path), pytest.raises(OSError, match="another process is listening"):
        claim(str(path), 1)


def test_a_full_queue_is_somebody_too(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with listening_at(path) as server, socket.socket(socket.AF_UNIX) as client:
        server.listen(0)
        client.connect(str(path))
        with pytest.raises(OSError, match="another process is listening"):
            claim(str(path), 1)


def test_a_datagram_socket_in_use_is_somebody_too(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        with pytest.raises(OSError, match="another process is listening"):
            claim(str(path), 1)


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(OSError, match="not a socket"):
        claim(str(path), 1)
    assert path.read_text() == "data"


def test_a_path_in_no_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        claim(str(tmp_path / "nowhere" / "s.sock"), 1)


def test_the_path_is_never_empty_while_a_dead_socket_is_replaced(tmp_path: Path) -> None:
    path, missing, done = tmp_path / "s.sock", [], threading.Event()

    def look() -> None:
        while not done.is_set():
            if not os.path.lexists(path):
                missing.append(True)

    claim(str(path), 1)[0].close()
    looking = threading.Thread(target=look)
    looking.start()
    for _ in range(200):
        claim(str(path), 1)[0].close()
    done.set()
    looking.join()
    assert missing == []


def test_nothing_is_left_beside_the_path(tmp_path: Path) -> None:
    sock, claimed = claim(str(tmp_path / "s.sock"), 1)
    assert os.listdir(tmp_path) == ["s.sock"]
    claimed.release()
    sock.close()
    assert os.listdir(tmp_path) == []


def test_of_two_who_want_a_dead_path_at_once_one_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "s.sock")
    claim(path, 1)[0].close()
    look, both_looked, won, lost = unix_path._refuse_unless_free, threading.Barrier(2), [], []

    def look_and_let_the_other_look(path: str) -> None:
        look(path)
        # Without the lock both come here; with it the other one is waiting for the lock, and this wait ends.
        with suppress(threading.BrokenBarrierError):
            both_looked.wait(0.3)

    def contend() -> None:
        try:
            won.append(claim(path, 1)[0])
        except OSError as error:
            lost.append(str(error))

    monkeypatch.setattr(unix_path, "_refuse_unless_free", look_and_let_the_other_look)
    threads = [threading.Thread(target=contend) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 1)
    assert "another process is listening" in lost[0]
    won[0].close()


def test_the_longest_path_that_an_address_can_hold_works(tmp_path: Path) -> None:
    path = str(tmp_path / ("x" * (107 - len(str(tmp_path)) - 1)))
    assert len(path) == 107
    claim(path, 1)[0].close()
    assert os.path.lexists(path)


def test_a_path_too_long_for_an_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="107 bytes"):
        claim(str(tmp_path / ("x" * 108)), 1)


def test_somebody_elses_socket_is_not_removed_though_ours_is_closed_already(tmp_path: Path) -> None:
    """As after TERM, when a program takes its time. Without our pin the new socket could get our inode."""
    path = tmp_path / "s.sock"
    listener, claimed = claim(str(path), 1)
    listener.close()
    path.unlink()
    with listening_at(path):
        claimed.release()
        assert path.exists()


def test_what_was_put_in_the_place_of_the_socket_is_not_given_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner of the directory can swap the temporary name; what is given must be our socket."""
    if os.geteuid() != 0:
        pytest.skip("takes root")
    bind = unix_path._bind

    def swapped(sock: socket.socket, temporary: str, mode: int | None) -> None:
        bind(sock, temporary, mode)
        os.unlink(temporary)
        os.link(tmp_path / "roots", temporary)

    monkeypatch.setattr(unix_path, "_bind", swapped)
    with listening_at(tmp_path / "roots"), socket.socket(socket.AF_UNIX) as sock:
        with pytest.raises(OSError, match="changed meanwhile"):
            bind_unix_path(sock, str(tmp_path / "s"), 1, None, (54_321, 54_321))
        assert (tmp_path / "roots").stat().st_uid == 0
        (tmp_path / "file").touch()
        (tmp_path / "roots").unlink()
        (tmp_path / "file").rename(tmp_path / "roots")
        with socket.socket(socket.AF_UNIX) as another, pytest.raises(OSError, match="changed meanwhile"):
            bind_unix_path(another, str(tmp_path / "s"), 1, None, (54_321, 54_321))
        assert (tmp_path / "roots").stat().st_uid == 0


def test_in_the_directory_of_a_user_it_is_bound_with_the_rights_of_that_user(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("takes root")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 54_321, 54_321)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == 0 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o755)
    (theirs / "below").symlink_to(tmp_path)
    with socket.socket(socket.AF_UNIX) as sock:
        bound = bind_unix_path(sock, str(theirs / "s"), 1, 0o600, (54_321, 54_322))
        status = (theirs / "s").stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (54_321, 54_322, 0o600)
        bound.release()
        assert not (theirs / "s").exists()
    with socket.socket(socket.AF_UNIX) as sock, pytest.raises(PermissionError):
        bind_unix_path(sock, str(theirs / "below" / "s"), 1)
    assert sorted(os.listdir(tmp_path)) == ["theirs"]
