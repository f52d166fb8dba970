"""What an application still has to do when its worker ends gracefully is done: mended, item 8."""

import os
from collections.abc import Callable
from pathlib import Path
from signal import SIGHUP, SIGKILL, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, Signals
from time import monotonic

import pytest
from integration.conftest import Serve
from integration.http_client import Client
from integration.server import Server
from integration.waiting import until

from applications.ends import ENDS, End, each_end, each_way_to_load

EVERYTHING = "/atexit/thread/jobs/row/file/directory"


def noted(directory: Path) -> list[str]:
    file = directory / "noted"
    return file.read_text().splitlines() if file.exists() else []


def lost(directory: Path, worker: int) -> set[str]:
    """What the worker was to do at its end, and has not done."""
    done = {
        **{name: f"{name} {worker}" in noted(directory) for name in ("atexit", "thread", "job", "queued")},
        "row": f"row {worker}\n" in (directory / "rows").read_text(),
        "file": (directory / f"file-{worker}").read_text() == "written",
        "directory": not list(directory.glob("left-*")),
    }
    return {name for name, is_done in done.items() if not is_done}


@each_way_to_load
@each_end
def test_all_that_was_left_to_do_is_done_at_each_graceful_end(
    serve_app: Serve, tmp_path: Path, end: End, load: str
) -> None:
    server = serve_app("last_work", load, *end.options)
    worker = server.get(EVERYTHING).json()
    end.of(server, [worker])
    assert lost(tmp_path, worker) == set()


def served(server: Server, path: str) -> int:
    worker: int = server.get(path).json()
    assert server.stop() == 0
    return worker


def test_an_exit_handler_runs_once(serve_app: Serve, tmp_path: Path) -> None:
    worker = served(serve_app("last_work"), "/atexit")
    assert noted(tmp_path).count(f"atexit {worker}") == 1


@pytest.mark.parametrize("threads", ["1", "4"])
@pytest.mark.parametrize("name", ["thread", "jobs"])
def test_threads_and_their_jobs_end_before_the_worker(
    serve_app: Serve, tmp_path: Path, name: str, threads: str
) -> None:
    worker = served(serve_app("last_work", "--threads", threads), f"/{name}")
    expected = ["thread"] if name == "thread" else ["job", "queued"]
    assert [line for line in noted(tmp_path) if line.endswith(f" {worker}") and "import" not in line] == [
        f"{text} {worker}" for text in expected
    ]


def test_a_buffered_file_of_the_import_has_the_rows_of_each_worker_once(
    serve_app: Serve, tmp_path: Path
) -> None:
    """Frozen objects (gc.freeze) are files too."""
    server = serve_app("last_work", workers=3)
    workers: set[int] = set()
    while len(workers) < 3:  # each answers once, then the connection is kept
        clients = [Client(server.address) for _ in range(6)]
        workers |= {client.get("/").json() for client in clients}
        for client in clients:
            client.close()
    asked = [server.get("/row").json() for _ in range(20)]
    server.stop()
    rows = (tmp_path / "rows").read_text().splitlines()
    assert sorted(rows) == sorted(f"row {worker}" for worker in asked)


def test_what_the_import_registered_in_the_master_runs_in_the_master(
    serve_app: Serve, tmp_path: Path
) -> None:
    server = serve_app("last_work", "--preload", workers=2)
    master = server.master
    server.stop()
    assert noted(tmp_path).count(f"import {master}") == 1


@pytest.mark.parametrize("number", [SIGTERM, SIGHUP, SIGUSR1, SIGUSR2])
def test_a_second_signal_does_not_cut_what_runs_at_the_end_of_the_master(
    serve_app: Serve, tmp_path: Path, number: Signals
) -> None:
    os.mkfifo(tmp_path / "awaited")
    (tmp_path / "slow_end.py").write_text(
        "import atexit, last_work\n"
        "atexit.register(last_work.note, 'done')\n"
        "atexit.register(lambda: open('awaited').read())\n"
        "application = last_work.application\n"
    )
    server = serve_app("slow_end", "--preload")
    master = server.master
    server.send(SIGTERM)
    with open(tmp_path / "awaited", "w"):  # once the exit handler reads it
        os.kill(master, number)
    server.wait()
    assert f"done {master}" in noted(tmp_path)
    assert not server.matches("killed by")


def test_without_preload_it_runs_in_each_worker(serve_app: Serve, tmp_path: Path) -> None:
    server = serve_app("last_work", "--no-preload", workers=2)
    workers = server.workers()
    server.stop()
    assert sorted(noted(tmp_path)) == sorted(f"import {worker}" for worker in workers)


def test_a_temporary_directory_of_the_import_outlives_a_worker_and_goes_with_the_master(
    serve_app: Serve, tmp_path: Path
) -> None:
    (tmp_path / "shared_directory.py").write_text(
        "import os, tempfile\n"
        "SHARED = tempfile.TemporaryDirectory(prefix='shared-', dir='.')\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [str(os.path.isdir(SHARED.name)).encode()]\n"
    )
    server = serve_app("shared_directory", "--preload", "--max-requests", "1")
    before = server.workers()
    assert server.get("/").text == "True"
    server.wait_for_workers(1, without=before)
    until(lambda: server.matches(rf"worker {before[0]} exited|worker \d+ is ready")[1:])
    assert server.get("/").text == "True"
    server.stop()
    assert not list(tmp_path.glob("shared-*"))


STUCK: dict[str, str] = {
    "exit handler": "import atexit, time; atexit.register(time.sleep, 1000)",
    "thread": "import threading; threading.Thread(target=threading.Event().wait).start()",
}


@pytest.fixture
def stuck(tmp_path: Path, serve_app: Serve) -> Callable[..., Server]:
    def start(what: str, *options: str) -> Server:
        (tmp_path / "stuck.py").write_text(
            "def application(environ, start_response):\n"
            f"    {STUCK[what]}\n"
            "    start_response('200 OK', [])\n"
            "    return [b'stuck']\n"
        )
        server = serve_app("stuck", *options)
        assert server.get("/").text == "stuck"
        return server

    return start


@pytest.mark.parametrize("what", list(STUCK))
def test_what_does_not_end_is_cut_after_the_graceful_timeout_and_named(
    stuck: Callable[..., Server], what: str
) -> None:
    server = stuck(what, "--graceful-timeout", "1")
    before = monotonic()
    assert server.stop(SIGTERM) == 0
    assert monotonic() - before < 6
    assert server.matches(r"worker \d+ did not stop in time")


@pytest.mark.parametrize("what", list(STUCK))
def test_a_worker_that_has_failed_and_does_not_end_shows_where_its_threads_are(
    serve_app: Serve, tmp_path: Path, what: str
) -> None:
    (tmp_path / "fails.py").write_text(
        "import os\n"
        "if os.path.exists('failing'):\n"
        "    os.remove('failing')\n"
        f"    {STUCK[what]}\n"
        "    raise ValueError('on purpose')\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [b'works']\n"
    )
    options = ["--no-preload", "--graceful-timeout", "1", "--err-respawn-interval", "0.1"]
    server = serve_app("fails", *options)
    (tmp_path / "failing").touch()
    os.kill(server.workers()[0], SIGKILL)
    (pid,) = server.wait_for(
        r"The worker, pid (\d+), does not end; this is where its threads are:\n.*hread 0x"
    )
    server.wait_for(rf"worker {pid} .* status 1")
    server.tracebacks = 1
    assert server.get("/").text == "works"


@pytest.mark.parametrize("what", list(STUCK))
def test_a_quick_stop_waits_for_nothing(stuck: Callable[..., Server], what: str) -> None:
    server = stuck(what, "--graceful-timeout", "1000")
    before = monotonic()
    assert server.stop(SIGQUIT) == 0
    assert monotonic() - before < 6


def test_the_end_of_a_worker_that_waits_for_a_thread_does_not_delay_its_successor(
    stuck: Callable[..., Server],
) -> None:
    server = stuck("thread", *ENDS["max-requests"].options, "--graceful-timeout", "2")
    before = monotonic()
    assert server.get("/").text == "stuck"
    assert monotonic() - before < 2
