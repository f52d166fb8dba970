"""Files that root opens where others can write. Run by root, with users that have no passwd entry."""

import fcntl
import os
import stat
import subprocess
from pathlib import Path

import pytest

from rhebok.errors import UserError
from rhebok.process.identity import Identity
from rhebok.process.log_stream import LogStream
from rhebok.process.opening import open_file, open_to_read, place_of
from rhebok.process.pid_file import PidFile, find_running
from rhebok.starter import client, status_file

USER = Identity(54_321, 54_321)
OTHER = Identity(54_322, 54_322)
APPEND = os.O_WRONLY | os.O_APPEND

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="takes root")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A directory of root that every user can reach."""
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == 0 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o755)
    return tmp_path


@pytest.fixture
def secret(top: Path) -> Path:
    path = top / "secret"
    path.write_text("root's own")
    path.chmod(0o600)
    return path


def directory(top: Path, name: str, user: Identity, mode: int = 0o755) -> Path:
    made = top / name
    made.mkdir()
    made.chmod(mode)
    os.chown(made, *user.ids)
    return made


@pytest.fixture
def theirs(top: Path) -> Path:
    return directory(top, "theirs", USER)


def opened(path: Path, user: Identity = USER) -> os.stat_result:
    """Of the file, after a line was written to it."""
    file = open_file(str(path), APPEND, 0o644, user)
    os.write(file.fd, b"line\n")
    status = os.fstat(file.fd)
    os.close(file.fd)
    return status


def refused(path: Path, user: Identity = USER) -> None:
    with pytest.raises(OSError, match=r"denied|symbolic|alone"):
        opened(path, user)


@pytest.mark.parametrize("user", [USER, OTHER, Identity()])
def test_no_link_of_a_user_leads_root_anywhere(theirs: Path, secret: Path, user: Identity) -> None:
    (theirs / "symbolic").symlink_to(secret)
    (theirs / "dangling").symlink_to(secret.with_name("made"))
    (theirs / "below").symlink_to(secret.parent)
    os.link(secret, theirs / "hard")
    for name in ("symbolic", "dangling", "below/made", "hard"):
        refused(theirs / name, user)
    assert secret.read_text() == "root's own"
    assert not secret.with_name("made").exists()
    assert secret.stat().st_uid == 0


def test_the_group_of_a_directory_is_not_that_of_its_user(top: Path, secret: Path) -> None:
    secret.chmod(0o660)
    given = directory(top, "given", Identity(USER.uid, 0))  # as chown(1) leaves it, when only a user is named
    (given / "below").symlink_to(secret.parent)
    os.link(secret, given / "hard")
    for user in (USER, OTHER, Identity()):
        refused(given / "below" / secret.name, user)
        refused(given / "hard", user)
    assert secret.read_text() == "root's own"


def test_root_that_may_not_become_the_owner_of_the_directory_is_told_so(
    theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setgroups", refuse)
    with pytest.raises(UserError, match=r"cannot act as its owner, uid 54321.*CAP_SETUID"):
        PidFile(str(theirs / "pid"))
    with pytest.raises(PermissionError, match="CAP_SETUID"):
        opened(theirs / "log")


def test_in_a_directory_of_root_that_all_can_write_no_link_is_followed(top: Path, secret: Path) -> None:
    shared = directory(top, "shared", Identity(0, 0), 0o1777)
    (shared / "link").symlink_to(secret)
    (shared / "below").symlink_to(secret.parent)
    os.link(secret, shared / "hard")
    for name in ("link", "below/made", "hard"):
        refused(shared / name)
        refused(shared / name, Identity())
    assert opened(shared / "new", Identity()).st_uid == 0
    assert opened(shared / "new", Identity()).st_size == 10


def test_links_of_root_are_followed(top: Path) -> None:
    directory(top, "real", Identity(0, 0), 0o700)
    (top / "link").symlink_to("real")
    (top / "real" / "log").symlink_to("../real/../real/file")
    opened(top / "link" / "log")
    assert (top / "real" / "file").read_text() == "line\n"


def test_links_that_lead_round_and_round_are_an_error(top: Path) -> None:
    (top / "a").symlink_to("b")
    (top / "b").symlink_to("a")
    refused(top / "a")


def test_what_root_makes_belongs_to_the_user(top: Path) -> None:
    closed = directory(top, "closed", Identity(0, 0))
    assert opened(closed / "log").st_uid == USER.uid
    assert opened(closed / "log").st_uid == USER.uid


def test_in_the_directory_of_the_user_it_is_the_user_who_makes_it(theirs: Path) -> None:
    made = opened(theirs / "log")
    assert (made.st_uid, made.st_gid) == (USER.uid, USER.gid)
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_in_the_directory_of_another_user_it_is_made_there_and_given(top: Path) -> None:
    assert opened(directory(top, "others", OTHER) / "log").st_uid == USER.uid


def test_a_file_of_root_that_is_there_already_is_not_given_away(top: Path, secret: Path) -> None:
    assert opened(secret).st_uid == 0


def test_a_device_and_a_fifo_are_used_and_not_given_away(top: Path) -> None:
    device, fifo = top / "null", top / "fifo"
    os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    os.mkfifo(fifo, 0o600)
    (top / "link").symlink_to(device)
    for path in (device, fifo, top / "link", Path("/dev/null")):
        assert opened(path).st_uid == 0
        assert not open_file(str(path), APPEND, 0o644, USER).renamable


@pytest.mark.parametrize("path", ["/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"])
def test_standard_error_by_its_path_is_the_open_file(path: str, top: Path) -> None:
    read_end, write_end = os.pipe()
    kept = os.dup(2)
    os.dup2(write_end, 2)
    try:
        stream = LogStream.open(path, USER)
        stream.write("hello\n")
    finally:
        os.dup2(kept, 2)
    assert os.read(read_end, 100) == b"hello\n"
    assert os.fstat(read_end).st_uid == 0
    for fd in (read_end, write_end, kept, stream.fileno()):
        os.close(fd)


def test_the_error_log_is_opened_again_by_the_same_rules(theirs: Path, secret: Path) -> None:
    path = theirs / "error.log"
    stream = LogStream.open(str(path), USER)
    path.rename(theirs / "old")
    path.symlink_to(secret)
    stream.write("one\n")
    path.unlink()
    stream.write("two\n")
    os.close(stream.fileno())
    assert secret.read_text() == "root's own"
    said, line = (theirs / "old").read_text().splitlines()
    assert "cannot be opened again: too many levels of symbolic links" in said
    assert line == "one"
    assert path.read_text() == "two\n"
    assert path.stat().st_uid == USER.uid


def test_a_worker_of_root_does_not_open_it_again(theirs: Path) -> None:
    """It may have threads, and rights are taken for the whole process."""
    log = theirs / "log"
    stream = LogStream.open(str(log))
    log.rename(theirs / "log.1")
    child = os.fork()
    if child == 0:
        stream.write("of the worker\n")
        os._exit(0)
    os.waitpid(child, 0)
    assert not log.exists()
    said, line = (theirs / "log.1").read_text().splitlines()
    assert "others than root can write its directory" in said
    assert line == "of the worker"
    stream.write("of the master\n")
    assert log.read_text() == "of the master\n"


def test_a_pid_file_in_a_directory_of_a_user_belongs_to_that_user(theirs: Path, secret: Path) -> None:
    pid_file = PidFile(str(theirs / "pid"))
    pid_file.write()
    assert (theirs / "pid").stat().st_uid == USER.uid
    (theirs / "pid").rename(theirs / "moved")
    (theirs / "pid").symlink_to(secret)
    pid_file.remove()
    assert secret.read_text() == "root's own"


@pytest.mark.parametrize("name", ["link", "fifo"])
def test_a_pid_file_that_is_no_regular_file_is_refused(theirs: Path, secret: Path, name: str) -> None:
    (theirs / "link").symlink_to(secret)
    os.mkfifo(theirs / "fifo", 0o666)
    os.chown(theirs / "fifo", *USER.ids)
    with pytest.raises(UserError, match=r"^--pid: cannot write to "):
        PidFile(str(theirs / name))


def test_a_status_file_replaces_the_link(theirs: Path, secret: Path) -> None:
    (theirs / "status").symlink_to(secret)
    status_file.write(str(theirs / "status"), [(1, 4711)])
    assert status_file.read(str(theirs / "status")) == {1: 4711}
    assert secret.read_text() == "root's own"
    assert (theirs / "status").lstat().st_uid == USER.uid
    assert os.listdir(theirs) == ["status"]
    status_file.remove(str(theirs / "status"))
    assert os.listdir(theirs) == []


def test_what_is_read_is_no_file_of_root_in_a_directory_of_a_user(top: Path, theirs: Path) -> None:
    public = top / "public"
    public.write_text("1\n")
    (theirs / "symbolic").symlink_to(public)
    (theirs / "below").symlink_to(top)
    os.link(public, theirs / "hard")
    for name in ("symbolic", "below/public", "hard"):
        with pytest.raises(OSError, match=r"symbolic|of root"):
            open_to_read(str(theirs / name))
    (top / "link").symlink_to(public)
    os.close(open_to_read(str(top / "link")))


def test_a_fifo_in_the_place_of_a_file_does_not_hold_the_reader(theirs: Path) -> None:
    os.mkfifo(theirs / "status")
    os.chown(theirs / "status", *USER.ids)
    assert status_file.read(str(theirs / "status")) == {}
    with pytest.raises(UserError, match="not a regular file"):
        find_running(str(theirs / "status"))


def test_root_signals_only_the_process_whose_pid_file_it_is(theirs: Path) -> None:
    """The user locks a file of its own, with the number of a process of root in it."""
    path = theirs / "pid"
    with subprocess.Popen(["sleep", "60"]) as victim:
        path.write_text(f"{victim.pid}\n")
        os.chown(path, *USER.ids)
        lock = os.open(path, os.O_RDWR)
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            with pytest.raises(UserError, match=rf"the process {victim.pid}, which does not have it"):
                client.stop(str(path))
            assert victim.poll() is None
            path.write_text(f"{os.getpid()}\n")
            assert find_running(str(path))[0] == os.getpid()
        finally:
            victim.kill()


def test_the_rights_come_back_after_an_error(theirs: Path) -> None:
    rights = []

    def fail() -> None:
        with place_of(str(theirs / "x")):
            rights.append((os.geteuid(), os.getgroups()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert rights == [(USER.uid, [USER.gid])]
    assert (os.geteuid(), os.getegid()) == (0, 0)
