"""The hooks of a file of gunicorn, one moment after the other, with real processes."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from signal import Signals
from typing import Any

import pytest

from integration.conftest import Serve
from integration.hooked import AT_START, OF_A_WORKER, Hooked
from integration.http_client import Client
from integration.waiting import until

Start = Callable[..., Hooked]


@pytest.fixture
def start(serve: Serve, tmp_path: Path) -> Start:
    def started(*options: str, **more: Any) -> Hooked:
        return Hooked(serve, tmp_path, *options, **more)

    return started


def test_the_start_of_a_generation_and_its_end(start: Start) -> None:
    hooked = start()
    master, worker = hooked.server.master, hooked.server.workers()[0]
    assert hooked.names(master) == AT_START
    assert hooked.names(worker) == OF_A_WORKER
    assert hooked.server.stop() == 0
    assert hooked.names(master) == [*AT_START, "child_exit", "on_exit"]
    assert hooked.names(worker) == [*OF_A_WORKER, "worker_exit"]
    assert hooked.names()[-3:] == ["worker_exit", "child_exit", "on_exit"]
    assert {pid for pid, _, _ in hooked.notes()} == {master, worker}  # none in the supervisor
    assert hooked.notes()[0][2] == "1 None"


@pytest.mark.parametrize(
    ("option", "of_master", "of_worker"),
    [
        ("--preload", ["nworkers_changed", "import", "on_starting", "when_ready", "pre_fork"], OF_A_WORKER),
        (
            "--no-preload",
            ["nworkers_changed", "on_starting", "when_ready", "pre_fork"],
            ["post_fork", "import", "post_worker_init"],
        ),
    ],
)
def test_where_the_application_is_imported(
    start: Start, option: str, of_master: list[str], of_worker: list[str]
) -> None:
    hooked = start(option)
    assert hooked.names(hooked.server.master) == of_master
    assert hooked.names(hooked.server.workers()[0]) == of_worker


@pytest.mark.parametrize("number", [Signals.SIGINT, Signals.SIGQUIT])
def test_a_quick_stop_calls_worker_int(start: Start, number: Signals) -> None:
    hooked = start(workers=2)
    workers = hooked.server.workers()
    assert hooked.server.stop(number) == 0
    for worker in workers:
        assert hooked.names(worker) == [*OF_A_WORKER, "worker_int", "worker_exit"]
    assert hooked.names()[-1] == "on_exit"
    assert hooked.names().count("child_exit") == 2


def test_a_quick_stop_calls_worker_int_in_the_middle_of_a_request(start: Start) -> None:
    hooked = start(requests=True)
    worker = hooked.server.workers()[0]
    with Client(hooked.server.address) as client:
        client.send(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        hooked.wait_for("pre_request")
        assert hooked.server.stop(Signals.SIGQUIT) == 0
    assert hooked.names(worker)[-3:] == ["pre_request", "worker_int", "worker_exit"]


def test_a_killed_worker_has_only_child_exit(start: Start) -> None:
    hooked = start()
    killed = hooked.kill_worker()
    hooked.wait_for("post_worker_init", 2)
    assert hooked.names(killed) == OF_A_WORKER
    assert hooked.wait_for("child_exit")[0][2] == f"1 {killed}"
    assert hooked.names(hooked.server.master)[-2:] == ["child_exit", "pre_fork"]


@pytest.mark.parametrize("options", [("--timeout", "1"), ("--request-timeout", "1", "--threads", "4")])
def test_a_late_request_calls_worker_abort(start: Start, options: tuple[str, ...]) -> None:
    hooked = start(*options, requests=True)
    worker = hooked.server.workers()[0]
    hooked.server.tracebacks = 1  # of the request that is interrupted
    hooked.server.get("/loop")
    hooked.wait_for("child_exit")
    assert hooked.names(worker) == [
        *OF_A_WORKER, "pre_request", "worker_abort", "post_request", "worker_exit",
    ]  # fmt: skip


def test_max_requests_starts_the_successor_first(start: Start) -> None:
    hooked = start("--max-requests", "2")
    for _ in range(2):
        hooked.server.get()
    hooked.wait_for("child_exit")
    assert hooked.names()[len(AT_START) + 2 :] == ["pre_fork", *OF_A_WORKER, "worker_exit", "child_exit"]
    assert hooked.wait_for("worker_exit")[0][2] == "1 2"  # of the first worker, which had two requests


def test_a_hook_lets_its_worker_be_replaced(start: Start) -> None:
    hooked = start(requests=True)
    hooked.server.get("/stop")
    hooked.wait_for("child_exit")
    assert hooked.wait_for("post_worker_init", 2)[1][2] == "2"


def test_ttin_and_ttou_call_nworkers_changed(start: Start) -> None:
    hooked = start()
    hooked.server.send(Signals.SIGTTIN)
    hooked.wait_for("post_worker_init", 2)
    hooked.server.send(Signals.SIGTTOU)
    hooked.wait_for("child_exit")
    hooked.server.send(Signals.SIGTTOU)  # the last one stays
    hooked.server.wait_for("one worker less: 1", 2)
    assert [rest for _, _, rest in hooked.wait_for("nworkers_changed")] == ["1 None", "2 1", "1 2"]
    assert hooked.wait_for("child_exit")[0][2].startswith("1 ")  # the oldest


def test_a_deploy_is_a_new_server(start: Start) -> None:
    hooked = start()
    old = hooked.server.master
    new = hooked.deploy()
    begun = ["pre_exec", "nworkers_changed", "on_starting", "import", "on_reload", "when_ready", "pre_fork"]
    assert sorted(hooked.names(new)) == sorted(begun)
    assert [name for name in hooked.names(new) if name != "import"] == [
        name for name in begun if name != "import"
    ]
    assert hooked.names(old)[-2:] == ["child_exit", "on_exit"]


def test_hup_to_a_master_without_a_supervisor_calls_on_reload(start: Start) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port, fd = listener.getsockname()[1], listener.fileno()
        handed_over = {"SERVER_STARTER_PORT": f"127.0.0.1:{port}={fd}", "pass_fds": (fd,)}
        hooked = start(bind=None, **handed_over)
    assert hooked.server.master == hooked.server.pid
    hooked.server.send(Signals.SIGHUP)
    hooked.wait_for("child_exit")
    assert hooked.names(hooked.server.pid) == [*AT_START, "on_reload", "pre_fork", "child_exit"]


@pytest.mark.parametrize("load", ["--preload", "--no-preload"])
def test_what_on_starting_leaves_is_in_the_workers(start: Start, load: str) -> None:
    hooked = start(load)
    assert hooked.server.get("/left").text == f"left by {hooked.server.master}"
    new = hooked.deploy()
    assert hooked.server.get("/left").text == f"left by {new}"


@pytest.mark.parametrize("load", ["--preload", "--preload=auto", "--no-preload"])
def test_a_hook_that_asks_for_the_application_gets_what_is_served(
    serve: Serve, tmp_path: Path, load: str
) -> None:
    """A factory is called once for all of them."""
    (tmp_path / "made.py").write_text(
        "class App:\n"
        "    mark = b'of the factory'\n"
        "    def __call__(self, environ, start_response):\n"
        "        start_response('200 OK', [])\n"
        "        return [self.mark]\n"
        "def create(): return App()\n"
    )
    (tmp_path / "gunicorn.conf.py").write_text(
        "def post_fork(server, worker): worker.app.wsgi().mark = b'of the hook'\n"
    )
    server = serve("made:create()", load)
    assert server.get().body == b"of the hook"


@pytest.mark.parametrize(
    "hook", ["pre_exec", "on_starting", "on_reload", "when_ready", "pre_fork", "post_fork"]
)
def test_a_generation_that_a_hook_ends_leaves_the_old_one_serving(start: Start, hook: str) -> None:
    hooked = start()
    worker = hooked.server.get().text
    hooked.fail(hook)
    hooked.server.tracebacks = 1
    hooked.server.send(Signals.SIGHUP)
    hooked.server.wait_for("goes on serving")
    assert f"the hook {hook} failed" in hooked.server.log
    assert hooked.server.get().text == worker


@pytest.mark.parametrize("threads", ["1", "4"])
def test_request_hooks_are_pairs_around_each_request(start: Start, threads: str) -> None:
    hooked = start("--threads", threads, requests=True)
    hooked.server.tracebacks = 1
    paths = ("/a?b=1", "/fails", "/blocks", "/file", "/write")
    answers = [hooked.server.get(path) for path in paths]
    sizes = [len(answer.body) for answer in answers]
    notes = [rest for _, _, rest in hooked.wait_for("post_request", 5)]
    assert sorted(notes) == [
        f"GET /a?b=1 200 {sizes[0]}",
        f"GET /blocks 200 {sizes[2]}",
        "GET /fails None 0",
        f"GET /file 200 {sizes[3]}",
        f"GET /write 200 {sizes[4]}",
    ]
    assert answers[1].status == 500
    assert answers[3].body == (hooked.directory / "hello.py").read_bytes()
    assert hooked.names().count("pre_request") == 5


def test_many_requests_at_once_have_their_own_request_objects(start: Start) -> None:
    hooked = start("--threads", "4", requests=True)
    clients = [Client(hooked.server.address) for _ in range(8)]
    for number, client in enumerate(clients):
        client.send(f"GET /{number} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
    notes = hooked.wait_for("post_request", 8)
    for client in clients:
        client.close()
    assert {rest.split()[1] for _, _, rest in notes} == {f"/{number}" for number in range(8)}


def test_named_hooks_run_too_and_first(start: Start, tmp_path: Path) -> None:
    (tmp_path / "named.py").write_text(
        "import os\n"
        "def note(name):\n"
        "    with open('notes', 'a') as notes: notes.write(f'{os.getpid()} {name}\\n')\n"
        "def before_fork(master): note('before_fork')\n"
        "def after_fork(worker): note('after_fork')\n"
        "def reaped(pid, status): note('reaped')\n"
    )
    named = {"before-fork": "before_fork", "after-fork": "after_fork", "on-child-reap": "reaped"}
    hooked = start(*(word for flag, name in named.items() for word in (f"--{flag}", f"named:{name}")))
    master, worker = hooked.server.master, hooked.server.workers()[0]
    hooked.server.stop()
    assert hooked.names(master) == [
        *AT_START[:-1], "before_fork", "pre_fork", "reaped", "child_exit", "on_exit", "reaped",
    ]  # fmt: skip
    assert hooked.names(worker) == ["post_fork", "after_fork", "post_worker_init", "worker_exit"]


def test_workers_of_a_killed_master_call_child_exit_themselves(start: Start) -> None:
    hooked = start()
    master, worker = hooked.server.master, hooked.server.workers()[0]
    os.kill(master, signal.SIGKILL)
    hooked.wait_for("child_exit")
    assert hooked.names(worker) == [*OF_A_WORKER, "worker_exit", "child_exit"]
    until(lambda: hooked.server.master != master, lambda: hooked.server.log)
    hooked.server.wait_for("generation 2.* serves")
