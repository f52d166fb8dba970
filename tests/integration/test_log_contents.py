"""Access logs in JSON, and where access logs are; what stays out of the error log: mended, item 15."""

import json
from pathlib import Path

import pytest

from integration.conftest import Serve
from integration.http_client import Client
from integration.waiting import until

NASTY = [
    'a"b',
    "back\\slash",
    "\x7f",
    "\t tab",
    "gr\xfc\xdfe",
    "\xff\xfe",
    "'{}'",
    "\\x22",
    "\\u0000",
    "</script>",
]


def lines_of(serve: Serve, tmp_path: Path, logformat: str) -> list[object]:
    """The lines of the access log after a request with each of the values, read as JSON."""
    server = serve("kinds", "--access-logfile", "access.log", "--access-logformat", logformat)
    for text in NASTY:
        value = text.replace("\x7f", "")
        with Client(server.address) as client:
            target = "/list?" + "".join(
                c if 33 <= ord(c) < 127 and c != "#" else f"%{ord(c):02x}" for c in text
            )
            assert client.get(target, User_Agent=value, Referer=value, Cookie=value).status == 200
    with Client(server.address) as client:
        client.send(b'GET /"\x80\\ HTTP/1.1\r\nHost: "\r\n\r\n')
        client.response()
    with Client(server.address) as client:
        client.send(b"\x00\x01\x02 nonsense\r\n\r\n")
        client.response()
    server.stop()
    text = (tmp_path / "access.log").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_json_access_log_is_valid_whatever_clients_send(serve: Serve, tmp_path: Path) -> None:
    lines = lines_of(serve, tmp_path, "json")
    assert len(lines) == len(NASTY) + 2
    for line in lines:
        assert isinstance(line, dict)
        assert {200, 400, "200", "400"} & {v for v in line.values() if isinstance(v, int | str)}, line
    assert 'a"b' in lines[0].values()  # type: ignore[attr-defined]
    assert "back\\slash" in lines[1].values()  # type: ignore[attr-defined]


def test_a_format_of_ones_own_can_be_escaped_for_json(serve: Serve, tmp_path: Path) -> None:
    lines = lines_of(serve, tmp_path, 'escape=json {"agent": "%(a)s", "line": "%(r)s", "status": %(s)s}')
    agents = [line["agent"] for line in lines]  # type: ignore[index]
    assert agents[:2] == ['a"b', "back\\slash"]
    assert [line["status"] for line in lines[:2]] == [200, 200]  # type: ignore[index]


@pytest.mark.parametrize("load", ["--preload", "--no-preload"])
def test_a_relative_access_log_stays_where_it_was_when_the_application_changes_the_directory(
    serve: Serve, tmp_path: Path, load: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "moving.py").write_text(
        "import os\n"
        "os.chdir('elsewhere')\n"
        "def application(environ, start_response):\n"
        "    os.chdir('/')\n"
        "    start_response('200 OK', [])\n"
        "    return [b'moved']\n"
    )
    server = serve("moving", load, "--access-logfile", "access.log", "--error-logfile", "-")
    log = tmp_path / "access.log"
    until(lambda: server.get("/first").status == 200 and log.exists() and "GET /first" in log.read_text())
    log.rename(tmp_path / "rotated")
    until(lambda: server.get("/second").status == 200 and log.exists() and "GET /second" in log.read_text())
    assert not (tmp_path / "elsewhere" / "access.log").exists()


def test_the_query_of_a_late_request_is_not_logged(serve: Serve, tmp_path: Path) -> None:
    """It may be a password."""
    (tmp_path / "slow.py").write_text(
        "import time\ndef application(environ, start_response):\n    time.sleep(1000)\n"
    )
    server = serve("slow", "--timeout", "0.5")
    assert server.get("/slow?token=secret").status == 500
    server.tracebacks = server.log.count("Traceback (most")
    assert server.matches(r"has not answered GET /slow")
    assert "secret" not in server.log
