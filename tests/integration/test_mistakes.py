"""What cannot be served is an error with the reason, and no traceback: mended, items 17 and 18 (PEP 3333)."""

import re
from pathlib import Path

import pytest
from deploy.identities import STRANGER, as_root, open_to_all

from integration.conftest import Serve
from integration.namespace import in_a_namespace
from integration.server import Process, command
from integration.test_options import run
from integration.waiting import until

ASGI = {
    "function": "async def app(scope, receive, send):\n    pass\n",
    "object": (
        "class App:\n    async def __call__(self, scope, receive, send):\n        pass\napp = App()\n"
    ),
    "decorated": (
        "import functools\nasync def inner(scope, receive, send):\n    pass\napp = functools.partial(inner)\n"
    ),
    "class of version 2": "class app:\n    def __init__(self, scope):\n        pass\n"
    "    async def __call__(self, receive, send):\n        pass\n",
}

FACTORIES = {
    "without arguments": "def make():\n    return inner\n",
    "with defaults": "def make(config=None, *, debug=False):\n    return inner\n",
}
INNER = "def inner(environ, start_response):\n    start_response('200 OK', [])\n    return [b'made']\n"

each_moment = pytest.mark.parametrize("moment", ["--check-config", "start", "start without preload"])


def fails(directory: Path, app: str, moment: str) -> str:
    """What it says when it ends by itself, at once."""
    options = {
        "--check-config": ["--check-config"],
        "start": ["--bind", "127.0.0.1:0"],
        "start without preload": ["--bind", "127.0.0.1:0", "--no-preload", "--err-respawn-interval", "0"],
    }[moment]
    process = Process([*command(), *options, "--workers", "1", app], directory)
    try:
        until(lambda: process.ended or process.matches("is ready"), lambda: process.log)
        assert process.ended, process.log
        assert process.wait() != 0
        assert "Traceback" not in process.log
        return process.log
    finally:
        process.end()


@each_moment
@pytest.mark.parametrize("kind", list(ASGI))
def test_an_asgi_application_is_noticed(tmp_path: Path, kind: str, moment: str) -> None:
    (tmp_path / "asynchronous.py").write_text(ASGI[kind])
    said = fails(tmp_path, "asynchronous:app", moment)
    assert "ASGI" in said
    assert "WSGI" in said


@each_moment
@pytest.mark.parametrize("kind", list(FACTORIES))
def test_a_factory_without_parentheses_is_noticed(tmp_path: Path, kind: str, moment: str) -> None:
    (tmp_path / "factory.py").write_text(INNER + FACTORIES[kind])
    assert "factory:make()" in fails(tmp_path, "factory:make", moment)


WSGI_OF_ALL_SORTS = """
import functools
class Callable:
    def __call__(self, environ, start_response):
        return with_more(environ, start_response)
    def method(self, environ, start_response):
        return with_more(environ, start_response)
def with_more(environ, start_response, extra=None, *more, **named):
    start_response("200 OK", [])
    return [b"fine"]
def anything(*arguments, **named):
    return with_more(*arguments, **named)
class Response:
    "As a WSGI application may be a class."
    def __init__(self, environ, start_response):
        start_response("200 OK", [])
    def __iter__(self):
        return iter([b"fine"])
called, method, partial = Callable(), Callable().method, functools.partial(with_more, extra=1)
"""


@pytest.mark.parametrize("name", ["with_more", "anything", "Response", "called", "method", "partial"])
def test_every_sort_of_wsgi_application_is_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / "sorts.py").write_text(WSGI_OF_ALL_SORTS)
    done = run("--check-config", f"sorts:{name}", directory=tmp_path)
    assert done.returncode == 0, done.stderr


@as_root
@pytest.mark.parametrize("option", ["--user", "the shell's user"])
def test_an_unreadable_directory_of_the_application_is_an_error_and_no_traceback(
    tmp_path: Path, option: str
) -> None:
    open_to_all(tmp_path)
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    (hidden / "application.py").write_text(INNER)
    argv = [*command(), "--bind", "127.0.0.1:0", "--workers", "1", "application:inner"]
    if option == "--user":
        argv += ["--chdir", str(hidden), "--user", str(STRANGER), "--group", str(STRANGER)]
    else:
        drop = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"]
        argv = ["sh", "-c", 'cd hidden && exec "$@"', "sh", *drop, *argv]
    process = Process(argv, tmp_path)
    try:
        until(lambda: process.ended or process.matches("is ready"), lambda: process.log)
        assert process.ended
        assert "Traceback" not in process.log
        assert re.search(r"error: .*hidden", process.log), process.log
        assert "ermission denied" in process.log
    finally:
        process.end()
        print(process.log)


@pytest.mark.parametrize("options", [["--check-config"], ["--bind", "127.0.0.1:0"]])
def test_a_deleted_working_directory_is_an_error_and_no_traceback(tmp_path: Path, options: list[str]) -> None:
    argv = ["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "sh", *command(), *options]
    process = Process([*argv, "application:inner"], tmp_path)
    try:
        assert process.wait() in (1, 2, 4)
        assert "Traceback" not in process.log
        assert re.search(r"^rhebok: error: .*directory", process.log, re.MULTILINE), process.log
    finally:
        process.end()
        print(process.log)


@as_root
def test_a_pid_file_on_a_full_disk_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    full = "mkdir full && mount -t tmpfs -o size=4k none full && (yes > full/filled 2>&- || :)"
    argv = [*in_a_namespace(full), *command(), "--bind", "127.0.0.1:0", "--pid", "full/app.pid"]
    (tmp_path / "application.py").write_text(INNER)
    process = Process([*argv, "--workers", "1", "application:inner"], tmp_path)
    try:
        until(lambda: process.ended or process.matches("is ready"), lambda: process.log)
        assert process.ended
        assert "Traceback" not in process.log
        assert re.search(r"^rhebok: error: --pid: .*app\.pid.*[Nn]o space left", process.log, re.MULTILINE)
    finally:
        process.end()
        print(process.log)


@as_root
def test_without_dev_null_it_serves_or_says_so(tmp_path: Path) -> None:
    argv = in_a_namespace("mount -t tmpfs none /dev")
    (tmp_path / "application.py").write_text(INNER)
    process = Process(
        [*argv, *command(), "--bind", "127.0.0.1:0", "--workers", "1", "application:inner"], tmp_path
    )
    try:
        until(lambda: process.ended or process.matches("is ready"), lambda: process.log)
        assert "Traceback" not in process.log
        if process.ended:
            assert re.search(r"^rhebok: error: .*/dev/null", process.log, re.MULTILINE)
    finally:
        process.end()
        print(process.log)


@pytest.mark.parametrize("place", ["missing/deeper/s", "/nowhere/at/all/s"])
def test_the_missing_directory_of_a_unix_socket_is_named(tmp_path: Path, place: str) -> None:
    done = run("--bind", f"unix:{place}", "application:inner", directory=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    directory = str(Path(place).parent)
    assert re.search(rf"--bind: .*directory '{directory}': no such", done.stderr), done.stderr


# What PEP 3333 does not allow


MISTAKES = {
    "'204', []": r"'204 No Content'|\"204 No Content\"",
    "'200', []": r"'200 OK'|\"200 OK\"",
    "'200 OK', (('A', 'b'),)": r"list",
    "'200 OK', [['A', 'b']]": r"tuple",
}


@pytest.mark.parametrize("mistake", list(MISTAKES))
def test_the_message_says_what_to_write(serve: Serve, tmp_path: Path, mistake: str) -> None:
    (tmp_path / "mistaken.py").write_text(
        f"def application(environ, start_response):\n    start_response({mistake})\n    return [b'x']\n"
    )
    server = serve("mistaken")
    assert server.get("/").status == 500
    server.tracebacks = 1
    last = re.findall(r"^(\w*Error: .*)$", server.log, re.MULTILINE)[-1]
    assert re.search(MISTAKES[mistake], last), last
