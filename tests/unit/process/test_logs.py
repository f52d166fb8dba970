"""The error log: whole lines, one write each, and files that are renamed while it is open."""

import errno
import logging.config
import os
import threading

import pytest

from rhebok.errors import UserError
from rhebok.process import log_stream, nonblocking
from rhebok.process.log_stream import LogStream
from rhebok.process.logs import check_writable, open_error_log


@pytest.fixture
def path(tmp_path):
    return tmp_path / "error.log"


@pytest.fixture
def stream(path):
    stream = LogStream.open(str(path))
    yield stream
    stream.close()  # leaves the descriptor
    os.close(stream.fileno())


def test_a_line_is_written_at_once(stream, path):
    stream.write("one\n")
    assert path.read_text() == "one\n"


def test_a_line_in_pieces_is_one_write(stream, monkeypatch):
    writes = []
    monkeypatch.setattr(nonblocking, "write", lambda _fd, data: writes.append(bytes(data)) or len(data))
    print("a", 1, "b", file=stream)
    assert writes == [b"a 1 b\n"]


def test_an_unfinished_line_is_written_by_flush(stream, path):
    stream.write("half")
    assert path.read_text() == ""
    stream.flush()
    assert path.read_text() == "half"


def test_writelines_and_text_that_is_not_utf8_are_written(stream, path):
    stream.writelines(["a\n", "\udcff\n"])
    assert path.read_text() == "a\n\\udcff\n"


def test_write_returns_the_length(stream):
    assert stream.write("abc\nde") == 6


def test_threads_do_not_mix_their_lines(stream, path):
    def write(letter: str) -> None:
        for _ in range(200):
            stream.write(letter * 10)
            stream.write(letter * 10 + "\n")

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(path.read_text().splitlines()) == {letter * 20 for letter in "abcd"}


def test_after_a_rename_the_path_is_opened_again(stream, path):
    stream.write("before\n")
    number = stream.fileno()
    path.rename(path.with_suffix(".1"))
    stream.write("after\n")
    assert path.read_text() == "after\n"
    assert path.with_suffix(".1").read_text() == "before\n"
    assert stream.fileno() == number
    assert os.get_inheritable(number) is False


def test_when_the_directory_is_gone_the_old_file_is_kept(tmp_path):
    directory = tmp_path / "logs"
    directory.mkdir()
    stream = LogStream.open(str(directory / "x"))
    (directory / "x").rename(tmp_path / "kept")
    directory.rmdir()
    stream.write("still here\n")
    stream.write("and here\n")
    os.close(stream.fileno())
    said, *lines = (tmp_path / "kept").read_text().splitlines()
    assert "logs/x' cannot be opened again: no such file or directory" in said
    assert lines == ["still here", "and here"]


def test_a_full_disk_does_not_raise(stream, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(nonblocking, "write", full)
    stream.write("lost\n")


def test_a_short_write_is_continued(stream, monkeypatch):
    written = []
    monkeypatch.setattr(
        nonblocking, "write", lambda _fd, data: written.append(bytes(data[:3])) or min(3, len(data))
    )
    stream.write("abcdefg\n")
    assert b"".join(written) == b"abcdefg\n"


def test_what_does_not_fit_into_a_full_pipe_in_time_is_dropped(monkeypatch):
    monkeypatch.setattr(log_stream, "_FULL_PIPE_SECONDS", 0.01)
    read_end, write_end = os.pipe2(os.O_NONBLOCK)
    stream = LogStream(None, write_end)
    stream.write("x" * 1_000_000 + "\n")
    assert len(os.read(read_end, 1_000_000)) == 65536
    os.close(read_end)
    os.close(write_end)


def test_what_a_full_pipe_drops_is_counted_and_said_once_it_is_read(monkeypatch):
    monkeypatch.setattr(log_stream, "_FULL_PIPE_SECONDS", 0.01)
    read_end, write_end = os.pipe2(os.O_NONBLOCK)
    stream = LogStream(None, write_end)
    stream.write("x" * 65535 + "\n")
    stream.write("lost\nand lost\n")
    stream.write("lost too\n")
    os.read(read_end, 1_000_000)
    stream.write("read\n")
    said = os.read(read_end, 1_000_000)
    stream.write("as usual\n")
    assert said == b"rhebok: 3 lines of this log could not be written and were dropped\nread\n"
    assert os.read(read_end, 1_000_000) == b"as usual\n"
    os.close(read_end)
    os.close(write_end)


def test_a_line_that_was_cut_is_ended_before_the_notice(monkeypatch):
    monkeypatch.setattr(log_stream, "_FULL_PIPE_SECONDS", 0.01)
    read_end, write_end = os.pipe2(os.O_NONBLOCK)
    stream = LogStream(None, write_end)
    stream.write("x" * 100_000 + "\n")
    os.read(read_end, 1_000_000)
    stream.flush()
    assert os.read(read_end, 1_000_000).startswith(b"\nrhebok: 1 lines ")
    os.close(read_end)
    os.close(write_end)


def test_the_logger_writes_time_pid_level_and_message(path):
    log = open_error_log(str(path), "info")
    log.logger.info("hello %s", "you")
    log.logger.debug("not shown")
    text = path.read_text()
    assert text.endswith(f"] [{os.getpid()}] [INFO] hello you\n")
    assert text.count("\n") == 1


@pytest.fixture
def loggers_restored():
    """Enables again what disable_existing_loggers has disabled."""
    yield
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.mark.usefixtures("loggers_restored")
def test_an_application_that_configures_logging_does_not_disable_it(path):
    log = open_error_log(str(path), "info")
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": True})
    log.logger.info("still on")
    assert "still on" in path.read_text()


def test_a_log_that_cannot_be_opened_names_its_option():
    with pytest.raises(
        UserError, match=r"^--error-logfile: cannot write to '/no/such/x': no such file or directory$"
    ):
        open_error_log("/no/such/x", "info")


def test_checking_a_path_creates_nothing(path):
    check_writable("--pid", str(path))
    assert not path.exists()


@pytest.mark.parametrize("fine", [None, "-"])
def test_no_path_and_a_standard_stream_are_fine(fine):
    check_writable("--access-logfile", fine)


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(UserError, match=r"^--pid: cannot write to '.*': it is a directory$"):
        check_writable("--pid", str(tmp_path))
    with pytest.raises(UserError, match=r"there is no directory '/no/such'"):
        check_writable("--pid", "/no/such/x")


def test_a_path_without_permission_is_named(path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match=r"permission denied"):
        check_writable("--pid", str(path))
