"""Commands in gunicorn's words: each starts, and answers at the address that gunicorn would use."""

import json
import os
import shlex
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from integration.http_client import Client
from integration.server import Process, command, free_port
from integration.waiting import until

APPLICATION = """
import logging, os, sys

def application(environ, start_response):
    print("printed by the application", flush=True)
    logging.getLogger("gunicorn.error").warning("logged by the application")
    facts = [__name__, environ["SCRIPT_NAME"], environ["PATH_INFO"], os.environ.get("FOO", "")]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [" ".join(facts).encode()]

app = server = application

def create_app(conf=None):
    return application
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory as people have them: an application beside the command, and packages with a wsgi module."""
    for name in (
        "hello.py", "my-app.py", "shop/wsgi.py", "src/blog/wsgi.py", "code/inside.py",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(APPLICATION)
    (tmp_path / "settings.conf").write_text("import os\nkeepalive = 3\nworkers = int('1')\n")
    return tmp_path


Where = tuple[str, int] | str


class Running:
    """A command that is to serve at `where`; {port} and $PORT in it are a free port."""

    def __init__(self, site: Path, text: str, where: str, **variables: str) -> None:
        self.port = free_port()
        words = shlex.split(text.replace("{port}", str(self.port)).replace("$PORT", str(self.port)))
        self.where = self._address(site, where.replace("{port}", str(self.port)))
        named = {name: value.replace("{port}", str(self.port)) for name, value in variables.items()}
        self.process = Process([*command(), *words], site, **named)

    def _address(self, site: Path, where: str) -> Where:
        host, colon, port = where.rpartition(":")
        return (host, int(port)) if colon else str(site / where)

    def get(self, path: str = "/", where: Where | None = None) -> str:
        until(lambda: self.process.ended or self.process.matches(r"worker \d+ is ready"), lambda: "no worker")
        assert not self.process.ended, self.process.log
        with Client(where or self.where) as client:
            return client.get(path).text


class Start(Protocol):
    def __call__(self, text: str, where: str = ..., **variables: str) -> Running: ...


@pytest.fixture
def start(site: Path) -> Iterator[Start]:
    running: list[Running] = []

    def started(text: str, where: str = "127.0.0.1:{port}", **variables: str) -> Running:
        running.append(Running(site, text, where, **variables))
        return running[-1]

    yield started
    for each in running:
        each.process.end()


LOCAL = "127.0.0.1:{port}"
# The words; what the platform sets; where it answers.
COMMANDS: tuple[tuple[str, dict[str, str], str], ...] = (
    # Platforms that say the port, and nothing else
    ("hello:app", {"PORT": "{port}"}, LOCAL),
    ("hello", {"PORT": "{port}"}, LOCAL),
    ("shop.wsgi", {"PORT": "{port}"}, LOCAL),
    ("shop.wsgi:application --log-file -", {"PORT": "{port}"}, LOCAL),
    ("hello:app --log-file=-", {"PORT": "{port}"}, LOCAL),
    ("--pythonpath src blog.wsgi", {"PORT": "{port}"}, LOCAL),
    ("--chdir code inside:app --workers 2 --timeout 120", {"PORT": "{port}"}, LOCAL),
    ("-k gthread -w 2 --threads 8 shop.wsgi:application -t 600 --log-file -", {"PORT": "{port}"}, LOCAL),
    ("shop.wsgi:application -w 1 --threads 4 --timeout 0", {"PORT": "{port}"}, LOCAL),
    (
        "hello:app --log-level debug --workers=2 --threads=4 --worker-class=gthread "
        "--worker-tmp-dir=/dev/shm --access-logfile - --error-logfile -",
        {"PORT": "{port}"},
        LOCAL,
    ),
    # and that are said it again
    ("--bind 0.0.0.0:$PORT hello:app", {"PORT": "{port}"}, LOCAL),
    ("--bind :$PORT --workers 1 --threads 8 --timeout 0 hello:server", {"PORT": "{port}"}, LOCAL),
    ("-b 0.0.0.0:$PORT --worker-class eventlet -w 1 hello:app", {"PORT": "{port}"}, LOCAL),
    ("hello:app -b 0.0.0.0:$PORT -w 1 -k gevent -t 120 --keep-alive 5", {"PORT": "{port}"}, LOCAL),
    (
        "-b 0.0.0.0:$PORT --workers 1 --threads 2 --worker-class gthread --max-requests 100 "
        "--max-requests-jitter 10 --worker-tmp-dir /dev/shm hello:app",
        {"PORT": "{port}"},
        LOCAL,
    ),
    ("--bind 0.0.0.0:$PORT --timeout 60 -w 2 --worker-class sync hello:app", {"PORT": "{port}"}, LOCAL),
    # Units, images and scripts
    ("--workers 3 --bind 127.0.0.1:$PORT shop.wsgi:application", {"PORT": "1"}, LOCAL),
    ("--workers 3 --bind unix:app.sock hello:app", {}, "app.sock"),
    ("--chdir code --bind unix:inside.sock inside:app", {}, "code/inside.sock"),
    ("-w 2 -b 0:{port} shop.wsgi", {}, LOCAL),
    ("-b :{port} --access-logfile - --error-logfile - hello:app", {}, LOCAL),
    ("hello:app -b 127.0.0.1:{port},unix:both.sock", {}, "both.sock"),
    ("hello:app -b [::]:{port}", {}, LOCAL),
    ("hello:app -b [::1]:{port} -b 127.0.0.1:{port}", {}, "::1:{port}"),
    ("-b 0.0.0.0:{port} --env FOO=1 --reload --thread 3 hello:app", {}, LOCAL),
    ("-b 127.0.0.1:{port} 'hello:create_app()'", {}, LOCAL),
    ("-b 127.0.0.1:{port} -p app.pid hello", {}, LOCAL),
    ("-b 127.0.0.1:{port} --preload -R --no-sendfile hello:app", {}, LOCAL),
    ("hello:app -w4 -b0.0.0.0:{port} --access-logfi=-", {}, LOCAL),
    ("my-app:app --bind localhost:{port}", {}, LOCAL),
    ("hello:app second:app --bind 127.0.0.1:{port} --name shop", {}, LOCAL),
    ("hello -c settings.conf --bind 127.0.0.1:{port}", {}, LOCAL),
    ("hello", {"GUNICORN_CMD_ARGS": "--bind=127.0.0.1:{port} --workers=2"}, LOCAL),
    # Odd ones, as people have them
    ("hello:app", {"GUNICORN_CMD_ARGS": "--bind=0.0.0.0:{port} --timeout=60 --access-logfile - -"}, LOCAL),
    ("hello:app -b :{port}", {"GUNICORN_CMD_ARGS": "-csettings.conf --reload"}, LOCAL),
    ("-b unix:g.sock hello:app", {"GUNICORN_CMD_ARGS": "--bind=0.0.0.0 --workers=3"}, "g.sock"),
    ("--bind=unix://slashes.sock hello:app", {}, "slashes.sock"),
    ("--bind unix:x.sock --umask 0o111 --chdir code --threads 4 --capture-output inside", {}, "code/x.sock"),
    ("-b tcp://0.0.0.0:{port} hello:app", {}, LOCAL),
    ("-c /dev/null -b 0.0.0.0:{port} --log-level=warn hello:app --log-level INFO", {}, LOCAL),
    ("-b 0.0.0.0:{port} -w 2 'hello:create_app(conf=\"path/to/site.cfg\")'", {}, LOCAL),
    (
        "--limit-request-fields 0 --limit-request-line 8190 --threads 0 --backlog 0 -t0 -w1 -b:{port} hello",
        {},
        LOCAL,
    ),
    ("--log-level debug hello:app --reload -w 1 --bind 0.0.0.0:{port} --reload-extra-file code", {}, LOCAL),
    ("--config python:hello -b :{port} hello:app", {}, LOCAL),
    ("--statsd-host=localhost:9125 --statsd-prefix=hello --bind :{port} hello:app", {}, LOCAL),
    ("-e DJANGO_SETTINGS_MODULE=shop.settings -e FOO=a,b -b 0.0.0.0:{port} shop.wsgi", {}, LOCAL),
)


@pytest.mark.parametrize(("text", "variables", "where"), COMMANDS, ids=[row[0] for row in COMMANDS])
def test_a_command_starts_and_answers_where_gunicorn_would(
    start: Start, text: str, variables: dict[str, str], where: str
) -> None:
    assert " /" in start(text, where, **variables).get()


def test_a_file_in_python_is_found_beside_the_command(start: Start, site: Path) -> None:
    (site / "gunicorn.conf.py").write_text(
        "import multiprocessing\n"
        "bind = 'unix:conf.sock'\nwsgi_app = 'hello:app'\nraw_env = ['FOO=7']\n"
        "def post_fork(server, worker):\n    server.log.info('forked in %s', worker.nr)\n"
    )
    server = start("", "conf.sock")
    assert server.get() == "hello  / 7"
    server.process.wait_for(r"\[INFO\] forked in 0")


def test_a_note_is_one_line_of_the_log(start: Start) -> None:
    server = start("hello -b 127.0.0.1:{port} -k gevent --spew other")
    server.get()
    for line in ("-k: gevent is not used", "--spew is accepted and ignored: ", "argument 'other' is ignored"):
        assert server.process.log.count(line) == 1


@pytest.mark.parametrize(
    ("path", "facts"), [("/shop/list", "/shop /list"), ("/shop", "/shop "), ("/other", "/shop /other")]
)
@pytest.mark.parametrize("given", ["--root-path /shop", "-e SCRIPT_NAME=/shop", "SCRIPT_NAME"])
def test_the_root_path_is_the_script_name(start: Start, given: str, path: str, facts: str) -> None:
    variables = {given: "/shop"} if given == "SCRIPT_NAME" else {}
    server = start(f"hello -b 127.0.0.1:{{port}} {'' if variables else given}", **variables)
    assert server.get(path).strip() == f"hello {facts}".strip()


def test_the_loggers_of_gunicorn_write_to_the_error_log(start: Start, site: Path) -> None:
    server = start("hello -b 127.0.0.1:{port} --error-logfile error.log")
    until(
        lambda: (site / "error.log").exists() and "is ready" in (site / "error.log").read_text(), lambda: ""
    )
    with Client(server.where) as client:
        client.get("/")
    assert "[WARNING] logged by the application\n" in (site / "error.log").read_text()
    assert "printed by the application" in server.process.log


def test_capture_output_writes_what_is_printed_to_the_error_log(start: Start, site: Path) -> None:
    log = site / "error.log"
    server = start("hello -b 127.0.0.1:{port} --error-logfile error.log --capture-output")
    until(lambda: log.exists() and "is ready" in log.read_text())
    with Client(server.where) as client:
        client.get("/")
        assert "printed by the application\n" in log.read_text()
        log.rename(site / "old.log")
        client.get("/")
        until(lambda: "logged by the application" in log.read_text(), lambda: "not renamed")
        client.get("/")
    assert "printed by the application\n" in log.read_text()


def test_a_daemon_goes_on_when_the_command_has_ended(start: Start, site: Path) -> None:
    server = start("hello -b 127.0.0.1:{port} -D --pid app.pid --error-logfile error.log")
    # Its group is its own, so that the end of the test would not reach it.
    until(lambda: server.process.ended, lambda: "still in the foreground")
    pid = int((site / "app.pid").read_text())
    try:
        until(lambda: "is ready" in (site / "error.log").read_text(), lambda: "not ready")
        with Client(server.where) as client:
            assert client.get("/").status == 200
        assert os.readlink(f"/proc/{pid}/fd/1") == os.readlink(f"/proc/{pid}/fd/2") == os.devnull
    finally:
        os.kill(pid, signal.SIGTERM)
        until(lambda: not (site / "app.pid").exists(), lambda: "still there")


LOGGING = {
    "version": 1,
    "formatters": {"marked": {"format": "MARKED %(message)s"}},
    "handlers": {
        "errors": {"class": "logging.FileHandler", "filename": "errors.log", "formatter": "marked"},
        "accesses": {"class": "logging.FileHandler", "filename": "accesses.log"},
    },
    "loggers": {
        "gunicorn.error": {"handlers": ["errors"], "level": "INFO"},
        "gunicorn.access": {"handlers": ["accesses"], "level": "INFO"},
    },
}

IN_INI = """
[loggers]
keys=root,error,access
[handlers]
keys=errors,accesses
[formatters]
keys=marked
[logger_root]
handlers=
[logger_error]
qualname=gunicorn.error
handlers=errors
level=INFO
[logger_access]
qualname=gunicorn.access
handlers=accesses
[handler_errors]
class=FileHandler
args=("errors.log",)
formatter=marked
[handler_accesses]
class=FileHandler
args=("accesses.log",)
[formatter_marked]
format=MARKED %(message)s
"""


@pytest.mark.parametrize("form", ["json", "ini", "dict"])
def test_the_configuration_of_logging_says_where_lines_go(start: Start, site: Path, form: str) -> None:
    (site / "log.json").write_text(json.dumps(LOGGING))
    (site / "log.ini").write_text(IN_INI)
    (site / "log.py").write_text(f"logconfig_dict = {LOGGING!r}\n")
    option = {"json": "--log-config-json log.json", "ini": "--log-config log.ini", "dict": "-c log.py"}
    server = start(f"hello -b 127.0.0.1:{{port}} {option[form]}")
    errors, accesses = site / "errors.log", site / "accesses.log"
    until(lambda: errors.exists() and "is ready" in errors.read_text(), lambda: server.process.log)
    with Client(server.where) as client:
        client.get("/here")
    assert "MARKED logged by the application\n" in errors.read_text()
    until(lambda: '"GET /here HTTP/1.1" 200' in accesses.read_text(), lambda: "no line")


def test_a_broken_configuration_of_logging_is_one_line(start: Start, site: Path) -> None:
    (site / "log.json").write_text("{}x")
    server = start("hello -b 127.0.0.1:{port} --log-config-json log.json")
    until(lambda: server.process.ended, lambda: server.process.log)
    assert "--log-config-json: 'log.json': cannot configure logging: JSONDecodeError" in server.process.log
    assert server.process.log.count("\n") == 1


def test_syslog_gets_the_lines_of_the_error_log(start: Start) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as syslog:
        syslog.bind(("127.0.0.1", 0))
        syslog.settimeout(10)
        to = f"udp://127.0.0.1:{syslog.getsockname()[1]}"
        start(f"hello -b 127.0.0.1:{{port}} --log-syslog --log-syslog-to {to} --log-syslog-facility daemon")
        line = syslog.recv(2000).decode()
    assert line.startswith("<30>gunicorn.hello.error: [")  # 3 * 8 + 6: daemon, info
    assert "rhebok" in line


@pytest.mark.parametrize("option", ["--limit-request-line 0", "--limit-request-line 200000"])
def test_a_request_line_may_be_long_when_its_limit_is(start: Start, option: str) -> None:
    assert "x" * 150_000 in start(f"hello -b 127.0.0.1:{{port}} {option}").get("/" + "x" * 150_000)


def test_usr2_says_what_to_use_and_an_unknown_atom_is_a_hyphen(start: Start) -> None:
    server = start("hello -b 127.0.0.1:{port} --access-logfile - --access-logformat '%(m)s %(zz)s %({x}q)s.'")
    server.get()
    server.process.wait_for(r"(?m)^GET - -\.$")
    server.process.send(signal.SIGUSR2)
    server.process.wait_for("SIGUSR2 does nothing here: HUP starts new code")
