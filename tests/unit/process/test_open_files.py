"""The limit of open files: how far it is raised, and when the user is warned that it is not enough."""

import logging
import os
import resource

import pytest

from rhebok.errors import UserError
from rhebok.process.open_files import allow_connections, close_all_but, open_null, shortage, wanted


@pytest.mark.parametrize(
    ("connections", "soft", "hard", "expected"),
    [
        (10_000, 1024, 524_288, 20_256),
        (10_000, 1024, 4096, 4096),
        (10_000, 65_536, 524_288, 65_536),
        (100, 1024, 524_288, 1024),
        (0, 1024, 524_288, 524_288),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_needed(connections, soft, hard, expected):
    assert wanted(connections, soft, hard) == expected


@pytest.mark.parametrize(
    ("connections", "soft", "warned"),
    [(10_000, 4096, True), (3840, 4096, False), (3841, 4096, True), (0, 4096, False)],
)
def test_a_limit_below_the_connections_is_a_warning(connections, soft, warned):
    assert bool(shortage(connections, soft)) is warned


def test_the_warning_names_both_numbers():
    assert "--max-connections 10000 is more than the 4096 files" in shortage(10_000, 4096)


def test_the_process_gets_the_limit_and_the_log_the_warning(caplog):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        soft, hard = 300, before[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        allow_connections(100, logging.getLogger("test"))
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (456, hard)
        assert not caplog.records
        allow_connections(10 * hard, logging.getLogger("test"))
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
        assert f"the {hard} files" in caplog.text
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_missing_dev_null_is_an_error_that_says_how_to_make_it(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "devnull", str(tmp_path / "null"))
    with pytest.raises(UserError, match=r"null: no such file or directory \(mknod "):
        open_null(os.O_RDWR)


@pytest.mark.parametrize("also", [(), (0,), (0, 1, 2)], ids=str)
def test_a_child_closes_all_descriptors_but_those_that_it_keeps(also: tuple[int, ...]) -> None:
    """closerange(0, 0) closes everything: a child that keeps 0 would lose all others."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            close_all_but((*also, write_end))
            os.write(write_end, repr([fd for fd in range(write_end + 10) if is_open(fd)]).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    os.waitpid(pid, 0)
    with open(read_end, "rb") as pipe:
        assert pipe.read().decode() == repr([*also, write_end])


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
