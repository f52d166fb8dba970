"""logger_class: classes as public configuration files have them, over a real server."""

from pathlib import Path
from typing import Any

import pytest

from integration.conftest import Serve
from integration.server import APPS, Process, command
from integration.waiting import until

pytest.importorskip("gunicorn")

CLASSES = """
import logging
from gunicorn.glogging import Logger

class HealthFilter(logging.Filter):
    def filter(self, record):
        return "/health" not in record.getMessage()

class Filtering(Logger):
    def setup(self, cfg):
        super().setup(cfg)
        self.access_log.addFilter(HealthFilter())

class Formatting(Logger):
    error_fmt = "OWN %(levelname)s %(message)s"
    access_fmt = "ACCESS %(message)s"

class Accessing(Logger):
    def access(self, resp, req, environ, request_time):
        if req.path == "/no-content":
            return
        super().access(resp, req, environ, request_time)
        fields = dict(resp.headers)
        self.error_log.info(
            "%s %s %s %s %s %s", resp.status, resp.status_code, resp.sent, fields["Content-Type"],
            environ["REQUEST_METHOD"], request_time.total_seconds() < 60)

class WithAtoms(Logger):
    def atoms(self, resp, req, environ, request_time):
        atoms = super().atoms(resp, req, environ, request_time)
        atoms["z"] = "atom of my own"
        return atoms

class Failing(Logger):
    def access(self, resp, req, environ, request_time):
        raise LookupError("broken logger")

class Warning(Logger):
    def warning(self, msg, *args, **kwargs):
        super().warning("mine: " + msg, *args, **kwargs)

class Broken(Logger):
    def setup(self, cfg):
        raise LookupError("broken setup")
"""


@pytest.fixture(autouse=True)
def classes(tmp_path: Path) -> None:
    (tmp_path / "loggers.py").write_text(CLASSES)


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def start(serve: Serve, name: str, *options: str, **more: Any) -> Any:
    return serve("kinds", "--logger-class", f"loggers.{name}", "--access-logfile", "a.log", *options, **more)


def test_a_filter_of_the_access_logger_counts(serve: Serve, tmp_path: Path) -> None:
    server = start(serve, "Filtering")
    server.get("/list?of=/health")
    server.get("/no-content")
    until(lambda: lines_of(tmp_path / "a.log"))
    server.stop()
    (line,) = lines_of(tmp_path / "a.log")
    assert '"GET /no-content HTTP/1.1" 204' in line


def test_a_class_object_in_the_file_is_taken(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text(
        "from loggers import Filtering\nlogger_class = Filtering\naccesslog = 'a.log'\n"
    )
    server = serve("kinds", "-c", "conf.py")
    server.get("/list?of=/health")
    server.get("/list")
    server.stop()
    assert len(lines_of(tmp_path / "a.log")) == 1


def test_formats_of_the_class_are_used(serve: Serve, tmp_path: Path) -> None:
    argv = [
        *command(),
        "kinds",
        "--pythonpath",
        str(APPS),
        "--bind",
        "127.0.0.1:0",
        "--access-logfile",
        "a.log",
    ]
    running = Process([*argv, "--logger-class", "loggers.Formatting"], tmp_path)
    try:
        running.wait_for(r"(?m)^OWN INFO worker \d+ is ready$")
        assert running.stop() == 0
        assert not running.matches(r"(?m)^\[")
    finally:
        running.end()


@pytest.mark.parametrize("bind", ["127.0.0.1:0", "unix:s"])
@pytest.mark.parametrize("threads", ["1", "4"])
def test_access_of_the_class_is_called_for_each_response(
    serve: Serve, tmp_path: Path, bind: str, threads: str
) -> None:
    server = start(serve, "Accessing", "--threads", threads, bind=bind)
    server.get("/list", User_Agent="me")
    server.get("/no-content")
    server.wait_for(r"200 OK 200 13 text/plain; charset=utf-8 GET True")
    (line,) = until(lambda: lines_of(tmp_path / "a.log"))
    assert line.endswith('"GET /list HTTP/1.1" 200 13 "-" "me"')


def test_refused_requests_reach_the_handlers_too(serve: Serve, tmp_path: Path) -> None:
    server = start(serve, "Accessing")
    with server.client() as client:
        client.send(b"nonsense\r\n\r\n")
        assert client.response().status == 400
    (line,) = until(lambda: lines_of(tmp_path / "a.log"))
    assert '"-" 400' in line


def test_atoms_of_the_class_are_in_the_line(serve: Serve, tmp_path: Path) -> None:
    server = start(serve, "WithAtoms", "--access-logformat", "%(m)s %(z)s %({host}i)s")
    server.get("/list", Host="there")
    assert until(lambda: lines_of(tmp_path / "a.log")) == ["GET atom of my own there"]


def test_a_renamed_file_is_left_for_a_new_one(serve: Serve, tmp_path: Path) -> None:
    server = start(serve, "WithAtoms")
    log = tmp_path / "a.log"
    server.get("/list")
    until(lambda: lines_of(log))
    log.rename(tmp_path / "a.log.1")
    server.get("/list")
    until(lambda: lines_of(log))


def test_an_access_that_raises_costs_no_response(serve: Serve) -> None:
    server = start(serve, "Failing")
    assert server.get("/list").status == 200
    assert server.get("/list").status == 200
    server.wait_for("LookupError: broken logger", 2)
    server.tracebacks = 2


def test_what_is_never_called_is_one_line_at_the_start(serve: Serve) -> None:
    server = start(serve, "Warning")
    assert (
        len(server.matches(r"--logger-class: warning\(\) of Warning: called by hooks only")) == 2
    )  # processes


def test_metrics_and_a_class_go_together(serve: Serve, tmp_path: Path) -> None:
    from integration.metrics import listening

    with listening() as metrics:
        server = start(serve, "WithAtoms", "--statsd-host", metrics.address)
        server.get("/list")
        until(lambda: metrics.counter("gunicorn.request.status.200") == 1)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("loggers.Broken", "LookupError: broken setup"),
        ("loggers.Missing", "AttributeError: module 'loggers' has no attribute 'Missing'"),
        ("missing.Class", "No module named 'missing'"),
    ],
)
def test_a_class_that_cannot_be_made_is_one_line(tmp_path: Path, name: str, reason: str) -> None:
    argv = [*command(), "kinds", "--pythonpath", str(APPS), "--logger-class", name]
    running = Process(argv, tmp_path)
    try:
        assert running.wait() == 2
        assert running.log == f"rhebok: error: --logger-class: cannot use {name}: {reason}\n"
    finally:
        running.end()


def test_a_class_needs_gunicorn_only_if_it_imports_it(tmp_path: Path) -> None:
    (tmp_path / "needs.py").write_text("from gunicorn.nowhere import Logger\n")
    argv = [*command(), "kinds", "--pythonpath", str(APPS), "--logger-class", "needs.Logger"]
    running = Process(argv, tmp_path)
    try:
        assert running.wait() == 2
        assert "needs gunicorn to be installed" in running.log
    finally:
        running.end()
