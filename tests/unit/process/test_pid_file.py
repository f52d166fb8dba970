"""The pid file and its lock."""

import errno
import os

import pytest

from rhebok.errors import UserError
from rhebok.process.pid_file import PidFile, find_running


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pid"


def written(path):
    pid_file = PidFile(str(path))
    pid_file.write()
    return pid_file


def test_it_holds_our_pid(path):
    pid_file = written(path)
    assert path.read_text() == f"{os.getpid()}\n"
    pid_file.remove()


def test_it_is_removed_at_the_end(path):
    written(path).remove()
    assert not path.exists()


def test_one_that_was_made_and_never_written_is_removed(path):
    PidFile(str(path)).remove()
    assert not path.exists()


def test_one_that_was_there_and_never_written_is_left_as_it_was(path):
    path.write_text("1\n")
    PidFile(str(path)).remove()
    assert path.read_text() == "1\n"


def test_a_second_process_is_refused_with_the_pid_of_the_first(path):
    first = written(path)
    with pytest.raises(UserError, match=rf"is locked by a running process \(pid {os.getpid()}\)"):
        PidFile(str(path))
    first.remove()


def test_a_stale_file_is_taken_over_even_if_its_pid_is_alive(path):
    path.write_text("1\nlonger than what comes\n")
    pid_file = written(path)
    assert path.read_text() == f"{os.getpid()}\n"
    pid_file.remove()


def test_a_full_disk_is_an_error_for_people_and_leaves_what_was_there(path, monkeypatch):
    path.write_text("12345678\n")
    pid_file = PidFile(str(path))

    def full(*_arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(UserError, match=r"cannot write to .*: no space left"):
        pid_file.write()
    pid_file.remove()
    assert path.read_text() == "12345678\n"


def test_a_directory_that_was_removed_is_an_error_for_people(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(UserError, match=r"cannot write to 'pid': no such file"):
        PidFile("pid")


def test_the_file_of_a_successor_is_left(path):
    first = written(path)
    path.unlink()
    second = written(path)
    first.remove()
    assert path.exists()
    second.remove()


def test_a_child_that_forgets_it_does_not_keep_the_lock(path):
    pid_file = PidFile(str(path))
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        for descriptor in pid_file.descriptors:
            os.close(descriptor)
        os.close(write_end)
        os.read(read_end, 1)  # until the parent is done
        os._exit(0)
    os.close(read_end)
    try:
        pid_file.remove()
        PidFile(str(path)).remove()
    finally:
        os.close(write_end)
        os.waitpid(child, 0)


def test_a_path_that_cannot_be_written_is_one_line():
    with pytest.raises(
        UserError, match=r"^--pid: cannot write to '/no/such/pid': no such file or directory$"
    ):
        PidFile("/no/such/pid")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="takes /dev/full")
def test_a_full_disk_is_an_error_of_the_option(path):
    """/dev/full opens like any file, and takes nothing."""
    pid_file = PidFile(str(path))
    full = os.open("/dev/full", os.O_RDWR)
    os.dup2(full, pid_file._fd)
    os.close(full)
    with pytest.raises(UserError, match=r"--pid: cannot write to '.*pid': (no space|invalid)"):
        pid_file.write()


@pytest.mark.parametrize("content", ["0", "-1", "2147483648", "9" * 40, "12 13", ""])
def test_what_is_no_process_id_is_never_signalled(path, content):
    """0 is the group of the caller, for kill(2)."""
    lock = PidFile(str(path))
    path.write_text(f"{content}\n")
    with pytest.raises(UserError, match="not a process id"):
        find_running(str(path))
    lock.remove()
