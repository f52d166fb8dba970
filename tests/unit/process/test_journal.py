"""The journal's protocol, as a journal receives it; and stderr where there is no journal to be reached."""

import array
import os
import socket
from types import SimpleNamespace

import pytest

from rhebok.process import error_writer
from rhebok.process.error_writer import Form
from rhebok.process.journal import Journal, encode, is_journal
from rhebok.process.logs import JournalHandler, open_error_log
from rhebok.process.plain_log import open_plain_log


@pytest.fixture
def place(tmp_path):
    return tmp_path / "socket"


@pytest.fixture
def daemon(place):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(place))
        daemon.settimeout(30)
        yield daemon


class Lines:
    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass


@pytest.fixture
def lines():
    return Lines()


def decoded(data: bytes) -> dict[str, str]:
    """As journald reads it."""
    found = {}
    while data:
        line, _, data = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = int.from_bytes(data[:8], "little")
            value, end, data = data[8 : 8 + size], data[8 + size : 9 + size], data[9 + size :]
            assert end == b"\n"
        assert name.decode() not in found
        found[name.decode()] = value.decode()
    return found


def test_a_record_has_message_priority_and_identifier(daemon, place, lines):
    journal = Journal("site", lines, str(place))
    journal.record("ERROR", "a=b é", request_id="abc", trace_id=None)
    assert decoded(daemon.recv(1000)) == {
        "MESSAGE": "a=b é",
        "PRIORITY": "3",
        "SYSLOG_IDENTIFIER": "site",
        "REQUEST_ID": "abc",
    }
    assert lines.text == ""


def test_what_has_several_lines_cannot_make_fields():
    data = encode({"MESSAGE": "one\nPRIORITY=0\n", "PRIORITY": "6", "REST": "\udcff"})
    assert decoded(data) == {"MESSAGE": "one\nPRIORITY=0\n", "PRIORITY": "6", "REST": "\\udcff"}


def test_what_is_too_long_for_a_datagram_comes_as_a_sealed_file(daemon, place, lines):
    text = "x" * 20_000_000
    Journal("site", lines, str(place)).record("INFO", text)
    rights = array.array("i")
    data, ancillary, _, _ = daemon.recvmsg(100, 100)
    assert data == b""
    ((_, _, sent),) = ancillary
    rights.frombytes(sent)
    with open(rights[0], "rb") as file:
        file.seek(0)  # the position is the sender's, and a journal reads from the start
        assert decoded(file.read())["MESSAGE"] == text
        with pytest.raises(PermissionError):
            os.truncate(rights[0], 0)


def test_without_a_journal_each_line_goes_to_stderr_with_its_priority(place, lines):
    journal = Journal("site", lines, str(place))
    journal.record("WARNING", "one\ntwo")
    journal.record("DEBUG", "three")
    assert lines.text == "<4>one\n<4>two\n<7>three\n"


def test_a_journal_that_hangs_is_not_waited_for(daemon, place, lines):
    journal = Journal("site", lines, str(place))
    for _ in range(3000):
        journal.record("INFO", "x" * 1000)
    assert lines.text.startswith("<6>xxx")


def test_a_journal_that_was_started_again_is_found(daemon, place, lines):
    journal = Journal("site", lines, str(place))
    journal.record("INFO", "before")
    daemon.close()
    place.unlink()
    journal.record("INFO", "between")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as again:
        again.bind(str(place))
        journal.record("INFO", "after")
        assert decoded(again.recv(1000))["MESSAGE"] == "after"
    assert lines.text == "<6>between\n"


def test_the_variable_names_the_stream():
    file = os.fstat(2)
    assert is_journal(2, {"JOURNAL_STREAM": f"{file.st_dev}:{file.st_ino}"})
    assert not is_journal(2, {"JOURNAL_STREAM": f"{file.st_dev}:{file.st_ino + 1}"})
    assert not is_journal(2, {"JOURNAL_STREAM": "x"})
    assert not is_journal(2, {})
    assert not is_journal(10**6, {"JOURNAL_STREAM": "0:0"})


@pytest.fixture
def journal_is_stderr(monkeypatch, place):
    monkeypatch.setattr(error_writer, "is_journal", lambda _fd, _environ: True)
    monkeypatch.setattr(Journal.__init__, "__defaults__", (str(place),))


@pytest.mark.usefixtures("journal_is_stderr")
@pytest.mark.parametrize("open_log", [open_plain_log, open_error_log])
def test_both_loggers_and_wsgi_errors_write_records(daemon, open_log):
    log = open_log("-", "info", form=Form("auto", "site"))
    log.logger.debug("hidden")
    log.logger.warning("%d %%", 3)
    print("one\ntwo", file=log.stream)
    first, second = decoded(daemon.recv(1000)), decoded(daemon.recv(1000))
    assert (first["MESSAGE"], first["PRIORITY"]) == ("3 %", "4")
    assert (second["MESSAGE"], second["PRIORITY"]) == ("one\ntwo", "3")
    assert log.stream.fileno() == 2 or os.path.sameopenfile(log.stream.fileno(), 2)


@pytest.mark.usefixtures("journal_is_stderr")
@pytest.mark.parametrize(("path", "asked"), [("-", "text"), ("-", "json"), ("file", "auto")])
def test_it_is_for_stderr_and_when_nothing_else_is_asked_for(path, asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = open_error_log(path, "info", form=Form(asked))
    assert not isinstance(log.logger.handlers[0], JournalHandler)


@pytest.mark.usefixtures("journal_is_stderr")
def test_a_traceback_is_in_the_message_and_identifiers_are_fields(daemon):
    log = open_error_log("-", "info", form=Form("auto"))
    try:
        raise ValueError("broken")
    except ValueError as error:
        log.logger.error("failed", exc_info=error, extra={"request_id": "abc"})
    record = SimpleNamespace(**decoded(daemon.recv(10_000)))
    assert record.MESSAGE.startswith("failed\nTraceback (most recent call last):")
    assert record.MESSAGE.endswith("ValueError: broken")
    assert (record.REQUEST_ID, record.SYSLOG_IDENTIFIER) == ("abc", "rhebok")
