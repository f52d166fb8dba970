"""The error log in JSON: each record is an object on one line, whoever writes it."""

import json
import logging
import os
import re
import time
import traceback

import pytest

from rhebok.process import nonblocking
from rhebok.process.error_writer import Form
from rhebok.process.line import json_line, rfc3339
from rhebok.process.log_stream import LogStream
from rhebok.process.logs import open_error_log
from rhebok.process.plain_log import open_plain_log

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[-+]\d\d:\d\d"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "error.log"


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(params=[open_plain_log, open_error_log])
def log(request, path):
    return request.param(str(path), "info", form=Form("json"))


def test_a_record_has_time_level_pid_and_message(log, path):
    log.logger.warning("%s: %d %%", "cut", 3)
    (record,) = records(path)
    assert re.fullmatch(TIME, record.pop("time"))
    assert record == {"level": "warning", "pid": os.getpid(), "message": "cut: 3 %"}


def test_whatever_is_in_the_message_it_is_one_line_of_ascii(log, path):
    text = 'a"b\\\n\r\x00\x1b\x7f\u2028é\U0001f600\udcff'
    log.logger.error("%s", text)
    assert path.read_bytes().isascii()
    (record,) = records(path)
    assert record["message"] == text.replace("\udcff", "\\udcff")


def test_what_is_written_to_wsgi_errors_at_once_is_one_record(log, path):
    log.stream.write("one\ntwo\n")
    print("half a line\nand another", file=log.stream)
    log.stream.write("rest")
    log.stream.flush()
    log.stream.write("\n")
    assert [record["message"] for record in records(path)] == ["one\ntwo", "half a line\nand another", "rest"]
    assert {record["level"] for record in records(path)} == {"error"}


def test_a_traceback_is_a_member(path):
    log = open_error_log(str(path), "info", form=Form("json"))
    try:
        raise ValueError("of the application")
    except ValueError as error:
        log.logger.error("error in the application", exc_info=error)
        lines = "".join(traceback.format_exception(error)).rstrip("\n")
    (record,) = records(path)
    assert record["message"] == "error in the application"
    assert record["traceback"] == lines


def test_stack_info_is_a_member(path):
    open_error_log(str(path), "info", form=Form("json")).logger.warning("here", stack_info=True)
    (record,) = records(path)
    assert record["stack"].startswith("Stack (most recent call last):")


def test_a_traceback_that_another_handler_has_made_is_kept(path):
    log = open_error_log(str(path), "info", form=Form("json"))
    record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), None)
    record.exc_text = "Traceback of another process"
    log.logger.handle(record)
    assert records(path)[0]["traceback"] == "Traceback of another process"


def test_the_time_is_that_of_the_record_in_the_local_zone(monkeypatch):
    monkeypatch.setenv("TZ", "UTC-5:30")
    time.tzset()
    try:
        assert rfc3339(1795255200.25) == "2026-11-21T15:30:00.250+05:30"
        assert '"time": "2026-11-21T15:30:00.250+05:30", "level": "info", "pid": 7' in json_line(
            "INFO", "x", 1795255200.25, 7
        )
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_notice_of_lost_lines_is_json(path, monkeypatch):
    stream = LogStream.open(str(path), as_json=True)
    with monkeypatch.context() as patch:
        patch.setattr(nonblocking, "write", lambda _fd, _data: (_ for _ in ()).throw(OSError(28, "full")))
        stream.write(json_line("INFO", "lost") + "\n")
    stream.write(json_line("INFO", "kept") + "\n")
    messages = [record["message"] for record in records(path)]
    assert messages == ["1 lines of this log could not be written and were dropped", "kept"]


def test_the_warning_that_the_file_cannot_be_opened_again_is_json(tmp_path):
    directory = tmp_path / "logs"
    directory.mkdir()
    log = open_plain_log(str(directory / "x"), "info", form=Form("json"))
    (directory / "x").rename(tmp_path / "kept")
    directory.rmdir()
    log.logger.info("still here")
    first, second = records(tmp_path / "kept")
    assert "cannot be opened again" in first["message"]
    assert first["level"] == "warning"
    assert second["message"] == "still here"
