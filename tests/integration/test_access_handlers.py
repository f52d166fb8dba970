"""The access log through Python's logging: syslog, and formatters, filters and handlers of one's own."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import Serve
from integration.metrics import listening
from integration.server import Process, free_port
from integration.waiting import until

OWN = '''
import json, logging, os

class Json(logging.Formatter):
    """As people write them: by the atoms."""
    def format(self, record):
        a = record.args
        return json.dumps({
            "client": a["h"], "method": a["m"], "path": a["U"], "query": a["q"], "status": a["s"],
            "bytes": a["B"], "ms": a["M"], "agent": a["a"], "referer": a["f"], "id": a["{X-Request-Id}i"],
            "type": a["{content-type}o"], "nothing": a["{nothing}i"], "message": record.getMessage(),
            "name": record.name, "pid": record.process,
        })

class NoHealthChecks(logging.Filter):
    def filter(self, record):
        return "/health" not in record.getMessage()

class Append(logging.Handler):
    def emit(self, record):
        with open("own.log", "a") as file:
            file.write(self.format(record) + "\\n")

class Broken(logging.Filter):
    def filter(self, record):
        raise LookupError("broken filter")
'''


def config(handlers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "handlers": handlers,
        "loggers": {"gunicorn.access": {"handlers": list(handlers), "level": "INFO"}},
        **more,
    }


JSON = config(
    {"own": {"class": "own.Append", "formatter": "json", "filters": ["health"]}},
    formatters={"json": {"()": "own.Json"}},
    filters={"health": {"()": "own.NoHealthChecks"}},
)


@pytest.fixture
def write(tmp_path: Path) -> Any:
    (tmp_path / "own.py").write_text(OWN)

    def write(given: dict[str, Any], *lines: str) -> str:
        text = "\n".join([f"logconfig_dict = {given!r}", *lines])
        (tmp_path / "conf.py").write_text(text + "\n")
        return str(tmp_path / "conf.py")

    return write


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("threads", ["1", "4"])
def test_a_formatter_of_ones_own_gets_the_atoms(
    serve: Serve, tmp_path: Path, write: Any, threads: str
) -> None:
    server = serve("kinds", "-c", write(JSON), "--threads", threads)
    server.get("/list?a=1", User_Agent='a "b"', X_Request_Id="77")
    until(lambda: lines_of(tmp_path / "own.log"))
    found = json.loads(lines_of(tmp_path / "own.log")[0])
    assert found["message"].startswith("127.0.0.1 - - [")
    assert found["message"].endswith('"GET /list?a=1 HTTP/1.1" 200 13 "-" "a \\x22b\\x22"')
    del found["message"]
    ms = found.pop("ms")
    assert isinstance(ms, int)
    assert found == {
        "client": "127.0.0.1", "method": "GET", "path": "/list", "query": "a=1", "status": "200",
        "bytes": 13, "agent": "a \\x22b\\x22", "referer": "-", "id": "77",
        "type": "text/plain; charset=utf-8", "nothing": "-",
        "name": "gunicorn.access", "pid": server.workers()[0],
    }  # fmt: skip


def test_a_filter_leaves_health_checks_out(serve: Serve, tmp_path: Path, write: Any) -> None:
    server = serve("kinds", "-c", write(JSON))
    server.get("/list?of=/health")
    server.get("/no-content")
    server.stop()
    assert [json.loads(line)["path"] for line in lines_of(tmp_path / "own.log")] == ["/no-content"]


def test_refused_requests_have_records_too(serve: Serve, tmp_path: Path, write: Any) -> None:
    server = serve("kinds", "-c", write(JSON))
    with server.client() as client:
        client.send(b"nonsense\r\n\r\n")
        assert client.response().status == 400
    until(lambda: lines_of(tmp_path / "own.log"))
    assert json.loads(lines_of(tmp_path / "own.log")[0])["status"] == "400"


def test_all_lines_arrive_also_at_the_end(serve: Serve, tmp_path: Path, write: Any) -> None:
    server = serve("kinds", "-c", write(JSON), workers=2)
    for _ in range(3):
        with server.client() as client:
            for _ in range(500):
                client.get("/list")
    server.stop()
    assert len(lines_of(tmp_path / "own.log")) == 1500


def test_a_rotating_handler_rotates(serve: Serve, tmp_path: Path, write: Any) -> None:
    kind = "logging.handlers.RotatingFileHandler"
    handler = {"class": kind, "filename": "a.log", "maxBytes": 500, "backupCount": 3}
    server = serve("kinds", "-c", write(config({"file": handler})))
    for _ in range(10):
        server.get("/list")
    until(lambda: lines_of(tmp_path / "a.log.1"))
    assert '"GET /list HTTP/1.1" 200' in (tmp_path / "a.log.1").read_text()


def test_the_format_of_a_file_handler_counts(serve: Serve, tmp_path: Path, write: Any) -> None:
    handler = {"class": "logging.FileHandler", "filename": "a.log", "formatter": "f"}
    formatters = {"f": {"format": "%(asctime)s [%(process)d] [%(levelname)s] %(message)s"}}
    server = serve("kinds", "-c", write(config({"file": handler}, formatters=formatters)))
    server.get("/list")
    line = until(lambda: lines_of(tmp_path / "a.log"))[0]
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[\d+\] \[INFO\] 127\.0\.0\.1 - - \[", line)


def test_the_configuration_comes_before_the_access_log_of_the_file(
    serve: Serve, tmp_path: Path, write: Any
) -> None:
    server = serve("kinds", "-c", write(JSON, "accesslog = 'unused.log'"))
    server.get("/list")
    until(lambda: lines_of(tmp_path / "own.log"))
    assert not (tmp_path / "unused.log").exists()


def test_a_filter_that_raises_is_a_line_of_the_error_log(serve: Serve, tmp_path: Path, write: Any) -> None:
    given = config({"own": {"class": "own.Append", "filters": ["b"]}}, filters={"b": {"()": "own.Broken"}})
    server = serve("kinds", "-c", write(given))
    assert server.get("/list").status == 200
    server.wait_for("LookupError: broken filter")
    assert server.matches("lines of the access log could not be handled")
    server.tracebacks = 1


# ---- syslog ----


@pytest.fixture
def syslog(tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    path = tmp_path / "syslog"
    with listening(socket.AF_UNIX, str(path)) as made:
        yield made.sock, f"unix://{path}#dgram"


def about(sock: socket.socket, part: bytes, count: int = 1) -> list[bytes]:
    found: list[bytes] = []

    def enough() -> bool:
        try:
            data = sock.recv(65536)
        except BlockingIOError:
            return len(found) >= count
        if part in data:
            found.append(data)
        return len(found) >= count

    until(enough, lambda: found)
    return found


def unlike(line: bytes) -> bytes:
    """Without what differs between two servers."""
    return re.sub(rb"\[\d+\]|\[\d\d/[^]]*\]", b"[*]", line)


@pytest.mark.parametrize(
    "options",
    [
        ("--log-syslog-facility", "local3"),
        ("--log-syslog-prefix", "shop"),
        ("--name", "a:b", "--access-logformat", "%(m)s %(U)s %(s)s %(B)s"),
    ],
)
def test_syslog_gets_the_line_that_gunicorn_sends(
    syslog: tuple[socket.socket, str], serve: Serve, tmp_path: Path, options: tuple[str, ...]
) -> None:
    pytest.importorskip("gunicorn")
    sock, address = syslog
    given = ("--log-syslog", "--log-syslog-to", address, *options)
    server = serve("kinds", *given)
    server.get("/list?a=b", User_Agent="test")
    ours = about(sock, b".access:")
    server.stop()
    (tmp_path / "kinds.py").write_text((Path(__file__).parent / "apps/kinds.py").read_text())
    port = free_port()
    gunicorn = Process(["gunicorn", "--bind", f"127.0.0.1:{port}", *given, "kinds"], tmp_path)
    try:
        gunicorn.wait_for("Booting worker")
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(
                b"GET /list?a=b HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\nConnection: close\r\n\r\n"
            )
            until(lambda: client.recv(65536) == b"")
        theirs = about(sock, b".access:")
    finally:
        gunicorn.stop()
    assert list(map(unlike, ours)) == list(map(unlike, theirs))


def test_syslog_and_the_file_both_get_lines(
    syslog: tuple[socket.socket, str], serve: Serve, tmp_path: Path
) -> None:
    sock, address = syslog
    server = serve("kinds", "--log-syslog", "--log-syslog-to", address, "--access-logfile", "a.log")
    server.get("/list")
    (line,) = about(sock, b".access:")
    until(lambda: lines_of(tmp_path / "a.log"))
    assert line.rstrip(b"\0").decode().endswith(lines_of(tmp_path / "a.log")[0])


def test_both_logs_can_have_the_header_of_rfc_5424(syslog: tuple[socket.socket, str], serve: Serve) -> None:
    sock, address = syslog
    options = ("--log-syslog-format", "rfc5424", "--name", "my site")
    server = serve("kinds", "--log-syslog", "--log-syslog-to", address, *options)
    server.get("/list?a=b")
    (line,) = about(sock, b" my_site %d access - " % server.workers()[0])
    assert re.match(rb"<14>1 \d{4}-\d\d-\d\dT\S+ \S+ my_site ", line)
    assert b'"GET /list?a=b HTTP/1.1" 200' in line


def test_access_lines_can_be_kept_out_of_syslog(
    syslog: tuple[socket.socket, str], serve: Serve, tmp_path: Path
) -> None:
    sock, address = syslog
    options = ("--disable-redirect-access-to-syslog", "--access-logfile", "a.log")
    server = serve("kinds", "--log-syslog", "--log-syslog-to", address, *options)
    server.get("/list")
    until(lambda: lines_of(tmp_path / "a.log"))
    server.stop()
    lines = []
    until(lambda: lines.append(sock.recv(65536)) or b"exited with status 0" in lines[-1])
    assert not [line for line in lines if b".access:" in line]


def test_a_syslog_daemon_that_hangs_holds_up_neither_requests_nor_the_stop(
    syslog: tuple[socket.socket, str], serve: Serve
) -> None:
    _, address = syslog
    server = serve("kinds", "--log-syslog", "--log-syslog-to", address)
    with server.client() as client:
        for _ in range(500):
            assert client.get("/list").status == 200
    server.stop()
    assert server.matches(r"--log-syslog-to: \d+ lines? could not be sent to ")


def test_an_application_that_configures_logging_leaves_the_handlers_open(
    serve: Serve, tmp_path: Path, write: Any
) -> None:
    (tmp_path / "site_with_logging.py").write_text(
        "import logging.config\nfrom kinds import application\nlogging.config.dictConfig({'version': 1})\n"
    )
    handler = {"class": "logging.FileHandler", "filename": "a.log", "mode": "w", "formatter": "f"}
    formatters = {"f": {"format": "line %(message)s"}}
    server = serve("site_with_logging", "-c", write(config({"file": handler}, formatters=formatters)))
    server.get("/list")
    until(lambda: lines_of(tmp_path / "a.log"))
