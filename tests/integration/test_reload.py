"""--reload: what is saved is served, what is broken is not, and no request is lost meanwhile."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from deploy.identities import STRANGER, as_root, open_to_all

from integration.conftest import Serve
from integration.load import SteadyClients
from integration.server import Process, Server, command
from integration.waiting import until

APP = """
VERSION = "{version}"
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [VERSION.encode()]
"""

LAZY = """
def app(environ, start_response):
    import views
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [views.TEXT.encode()]
"""

JINJA = """
from flask import Flask, render_template
app = Flask(__name__)
@app.get("/")
def page():
    return render_template("page.html")
"""

WAITS = r"no generation serves: clients wait until a change is saved"
KEPT = r"goes on serving \(the next change tries again\)"
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}  # as for users


class Source:
    """A directory of the application, as an editor sees it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def save(self, text: str, name: str = "reloaded.py") -> None:
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def version(self, version: object) -> None:
        self.save(APP.format(version=version))


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """A server whose first generation need not get ready."""
    started: list[Process] = []

    def run(*options: str) -> Process:
        argv = [*command(), "--reload", "--workers", "1", "--bind", "unix:sock", *options, "reloaded:app"]
        started.append(Process(argv, tmp_path))
        return started[-1]

    yield run
    for process in started:
        process.end()


def until_served(server: Server, body: object) -> None:
    until(lambda: server.get().body == str(body).encode(), lambda: f"{body}\n{server.log}")


@pytest.mark.parametrize(
    ("engine", "preload"), [("poll", "--preload"), ("inotify", "--preload"), ("auto", "--no-preload")]
)
def test_what_is_saved_is_served(serve: Serve, source: Source, engine: str, preload: str) -> None:
    source.version("one")
    server = serve("reloaded:app", "--reload", "--reload-engine", engine, preload, workers=2)
    assert server.get().body == b"one"
    source.version("two")
    until_served(server, "two")
    assert server.matches(r"reloaded.py changed: reloading")


def test_saves_within_one_second_and_of_one_size_are_all_served(serve: Serve, source: Source) -> None:
    """Python would take the compiled code of one for that of the next."""
    source.version(10)
    server = serve("reloaded:app", "--reload", **COMPILED)
    for version in range(11, 17):
        source.version(version)
        until_served(server, version)


def test_a_small_application_answers_anew_within_a_second(serve: Serve, source: Source) -> None:
    """The best of several: the machine may be busy."""
    source.version(0)
    server = serve("reloaded:app", "--reload", "--reload-engine", "poll", workers=2)
    seconds = []
    for version in range(1, 6):
        saved = time.monotonic()
        source.version(version)
        until_served(server, version)
        seconds.append(time.monotonic() - saved)
    assert min(seconds) < 1, seconds


def test_what_the_first_request_imports_is_watched(serve: Serve, source: Source) -> None:
    source.save(LAZY)
    source.save("TEXT = 'one'", "views.py")
    server = serve("reloaded:app", "--reload")
    until_served(server, "one")
    source.save("TEXT = 'two'", "views.py")
    until_served(server, "two")


def test_templates_and_extra_files_are_watched(serve: Serve, source: Source) -> None:
    pytest.importorskip("flask")
    source.save(JINJA)
    source.save("one", "templates/page.html")
    source.save("", "conf/app.ini")
    server = serve("reloaded:app", "--reload", "--reload-extra-file", "conf")
    until_served(server, "one")
    source.save("two", "templates/page.html")
    until_served(server, "two")
    source.save("changed", "conf/app.ini")
    server.wait_for(r"conf/app.ini changed: reloading")


def test_without_the_option_nothing_is_watched(serve: Serve, source: Source) -> None:
    source.version("one")
    server = serve("reloaded:app")
    environment = Path(f"/proc/{server.master}/environ").read_bytes()
    assert b"RHEBOK_FILES_FD" not in environment
    assert "watchfiles" not in Path(f"/proc/{server.pid}/maps").read_text()


# ---- broken edits ----


@pytest.mark.parametrize(
    ("broken", "preload"),
    [("def (", "--preload"), ("import none_such", "--preload"), ("app = none_such", "--no-preload")],
)
def test_a_broken_edit_keeps_the_old_code_serving_and_a_mended_one_is_served(
    serve: Serve, source: Source, preload: str, broken: str
) -> None:
    source.version("one")
    server = serve("reloaded:app", "--reload", preload)
    source.save(broken)
    server.wait_for(KEPT)
    server.tracebacks = len(server.matches("Traceback"))
    assert server.matches(r"(?:SyntaxError|ModuleNotFoundError|NameError): ")
    assert server.get().body == b"one"
    source.version("two")
    until_served(server, "two")


def test_a_module_that_only_the_broken_generation_knows_can_be_mended(serve: Serve, source: Source) -> None:
    source.version("one")
    server = serve("reloaded:app", "--reload")
    source.save("def (", "views.py")
    source.save(LAZY.replace("def app", "import views\ndef app"))
    server.wait_for(KEPT)
    source.save("TEXT = 'two'", "views.py")
    until_served(server, "two")
    server.tracebacks = len(server.matches("Traceback"))


@pytest.mark.parametrize("preload", ["--preload", "--no-preload"])
def test_a_server_that_starts_with_a_broken_application_waits_for_its_mending(
    start: Callable[..., Process], source: Source, preload: str
) -> None:
    source.save("def (")
    server = start(preload)
    server.wait_for(WAITS)
    assert server.matches("SyntaxError: ")
    source.version("one")
    server.wait_for(r"generation 2 \(pid \d+\) serves")
    assert server.stop() == 0


def test_a_missing_module_is_waited_for_at_the_start(start: Callable[..., Process], source: Source) -> None:
    server = start()
    server.wait_for(WAITS)
    source.version("one")
    server.wait_for(r"generation 2 \(pid \d+\) serves")
    assert server.stop() == 0


def test_a_server_that_waits_for_a_mending_can_be_stopped(
    start: Callable[..., Process], source: Source
) -> None:
    source.save("def (")
    server = start()
    server.wait_for(WAITS)
    assert server.stop() == 0


def test_without_the_option_a_broken_application_ends_the_server(
    start: Callable[..., Process], source: Source
) -> None:
    source.save("def (")
    assert start("--no-reload").wait() == 4


def test_a_save_while_the_new_code_hangs_ends_its_start(serve: Serve, source: Source) -> None:
    source.version("one")
    server = serve("reloaded:app", "--reload")
    source.save("import time\nprint('hangs', flush=True)\ntime.sleep(1000)")
    server.wait_for("hangs")

    def saved_again() -> list[str]:
        source.save(APP.format(version="two") + f"# {time.monotonic()}")
        return server.matches(KEPT)

    until(saved_again, lambda: server.log)
    until_served(server, "two")


def test_an_extra_file_that_is_not_there_is_a_mistake(start: Callable[..., Process], source: Source) -> None:
    source.version("one")
    server = start("--reload-extra-file", "none.ini")
    assert server.wait() == 2
    assert "--reload-extra-file: there is no 'none.ini'" in server.log


def test_under_another_superdaemon_it_is_ignored_with_a_warning(tmp_path: Path, source: Source) -> None:
    source.version("one")
    starter = Path(command()[0]).with_name("rhebok-starter")
    server = Process(
        [str(starter), "--port", "127.0.0.1:0", "--", *command(), "--reload", "reloaded:app"], tmp_path
    )
    try:
        server.wait_for(r"WARNING\] --reload is ignored here")
        assert server.stop() == 0
    finally:
        server.end()


# ---- under load ----


def save_under_load(serve: Serve, source: Source, saves: int, *options: str) -> None:
    """Saves as fast as answers come, every third time without waiting for one."""
    source.version(0)
    server = serve("reloaded:app", "--reload", *options, workers=2, **COMPILED)
    with SteadyClients(server.address, 2) as clients:
        for version in range(1, saves + 1):
            source.version(version)
            if version % 3 and version < saves:
                clients.wait_for_others(clients.seen())
        until(lambda: str(saves).encode() in clients.seen(), lambda: server.log[-5000:])
    assert not server.matches(r"cut: ")


@as_root
def test_a_user_who_cannot_read_the_library_of_the_interpreter_is_served_too(
    serve: Serve, source: Source, tmp_path: Path
) -> None:
    """What is needed after --user has been imported before."""
    source.version("as nobody")
    open_to_all(tmp_path)
    server = serve("reloaded:app", "--reload", "--user", str(STRANGER), "--group", str(STRANGER))
    assert server.get("/").text == "as nobody"
    source.version("as nobody, again")
    until(lambda: server.get("/").text == "as nobody, again", lambda: server.log[-3000:])


def test_saves_under_load_lose_no_request_and_the_last_one_is_served(serve: Serve, source: Source) -> None:
    save_under_load(serve, source, 12)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("preload", ["--preload", "--no-preload"])
def test_many_saves_under_load_lose_no_request(serve: Serve, source: Source, preload: str) -> None:
    """1,000 take a quarter of an hour: RHEBOK_SAVES=1000."""
    save_under_load(serve, source, int(os.environ.get("RHEBOK_SAVES", "25")), preload)
