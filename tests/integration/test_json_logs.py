"""Both logs in JSON: every line of them is an object, from the start of the server to its end."""

import json
import os
import re
from pathlib import Path
from signal import SIGHUP, SIGUSR2

import pytest

from integration.conftest import Serve
from integration.server import command
from integration.waiting import until
from rhebok.process.journal import SOCKET

BROKEN = """
def application(environ, start_response):
    if environ["PATH_INFO"] == "/errors":
        print("line one\\nline two", file=environ["wsgi.errors"])
    if environ["PATH_INFO"] == "/raise":
        raise ValueError('of "mine"')
    start_response("200 OK", [])
    return [b"ok"]
"""


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def server_worker(log: Path) -> int:
    """The pid of the worker that is ready."""
    ready = re.search(r"worker (\d+) is ready", log.read_text())
    assert ready
    return int(ready[1])


def test_the_error_log_is_json_from_start_to_stop(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    log = tmp_path / "error.log"
    options = ("--log-format", "json", "--error-logfile", log.name)
    server = serve("broken", *options, log=log)
    server.tracebacks = 1
    assert server.get("/errors").status == 200
    assert server.get("/raise").status == 500
    server.send(SIGHUP)
    until(lambda: any("generation 2" in str(each["message"]) for each in records(log)))
    server.stop()
    found = records(log)
    assert {"time", "level", "pid", "message"} <= set.intersection(*(set(each) for each in found))
    messages = [each["message"] for each in found]
    assert "line one\nline two" in messages
    (failed,) = [each for each in found if "traceback" in each]
    assert failed["message"] == "error in the application, request GET /raise"
    assert str(failed["traceback"]).endswith('ValueError: of "mine"')
    assert failed["level"] == "error"
    assert len({each["pid"] for each in found}) >= 3


def test_a_traceback_that_is_asked_for_is_one_record(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    log = tmp_path / "error.log"
    serve("broken", "--log-format", "json", "--error-logfile", log.name, log=log)
    os.kill(server_worker(log), SIGUSR2)
    until(lambda: any("no thread is in the application" in str(each["message"]) for each in records(log)))


def test_an_access_log_that_cannot_be_opened_again_is_a_record_too(serve: Serve, tmp_path: Path) -> None:
    """A line that C writes."""
    (tmp_path / "broken.py").write_text(BROKEN)
    (tmp_path / "logs").mkdir()
    log = tmp_path / "error.log"
    options = ("--log-format", "json", "--error-logfile", log.name, "--access-logfile", "logs/access.log")
    server = serve("broken", *options, log=log)
    (tmp_path / "logs" / "access.log").rename(tmp_path / "kept")
    os.rmdir(tmp_path / "logs")
    server.get("/")
    until(lambda: any("cannot be opened again" in str(each["message"]) for each in records(log)))
    server.stop()
    assert all(each["level"] for each in records(log))


def test_a_request_id_leads_from_the_response_to_both_logs(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    log, access_log = tmp_path / "error.log", tmp_path / "access.log"
    options = ("--log-format", "json", "--error-logfile", log.name)
    more = ("--access-logfile", access_log.name, "--access-logformat", "json", "--request-id")
    server = serve("broken", *options, *more, log=log)
    server.tracebacks = 1
    request_id = server.get("/raise").fields.get("x-request-id")
    server.stop()
    assert request_id
    assert [each["path"] for each in records(access_log) if each["request_id"] == request_id] == ["/raise"]
    (failed,) = [each for each in records(log) if each.get("request_id") == request_id]
    assert "traceback" in failed


def test_ids_differ_in_workers_that_share_one_preloaded_application(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    server = serve("broken", "--request-id", "--preload", workers=4)
    ids = [server.get("/").fields.get("x-request-id") for _ in range(100)]
    assert len(set(ids)) == len(ids)


@pytest.mark.skipif(Path(SOCKET).exists(), reason="lines would go to the journal of this machine")
def test_where_stderr_is_the_journal_and_its_socket_away_lines_have_priorities(
    serve: Serve, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    named = 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$@"'
    server = serve("broken", started_as=["sh", "-c", named, "sh", *command()])
    server.tracebacks = 1
    assert server.get("/raise").status == 500
    server.stop()
    lines = server.log.splitlines()
    assert all(re.match(r"<[3-6]>", line) for line in lines)
    assert any(re.fullmatch(r"<6>worker \d+ is ready", line) for line in lines)
    assert '<3>ValueError: of "mine"' in lines
