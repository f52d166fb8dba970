"""--metrics-bind against real servers: busy, deployed, killed and stopping."""

import os
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from signal import SIGCONT, SIGHUP, SIGKILL, SIGQUIT, SIGSTOP, SIGTERM
from typing import Any

import pytest

from integration.conftest import Serve
from integration.gate import Gate
from integration.http_client import Client, head
from integration.measured import (
    SOME_PORT,
    answers,
    ask,
    figure,
    figures,
    metrics_address,
    metrics_process,
    served,
)
from integration.server import APPS, Process, command
from integration.waiting import until

SOON = 0.05  # seconds for an answer


# ---- what is answered ----


def test_a_server_that_serves_is_live_and_ready(serve: Serve) -> None:
    server = serve("gated", *SOME_PORT, workers=2)
    server.get("/")
    assert (ask(server, "/livez").body, ask(server, "/livez").status) == (b"ok\n", 200)
    until(lambda: ask(server, "/readyz").status == 200)
    until(lambda: served(server) == 1)
    assert figure(server, "requests_total", method="GET", **{"class": "2xx"}) == 1
    assert figure(server, "workers", state="ready") == 2
    assert figure(server, "ready") == 1
    listener = f"http://127.0.0.1:{server.address[1]}"
    assert figure(server, "listen_queue_length", listener=listener) == 0
    for kind in ("supervisor", "master", "worker", "metrics"):
        assert figure(server, "memory_bytes", process=kind) > 2**20


def test_a_unix_socket_is_as_good(serve: Serve, tmp_path: Path) -> None:
    serve("gated", "--metrics-bind", "unix:metrics.sock")
    with Client(str(tmp_path / "metrics.sock")) as client:
        assert client.get("/livez").status == 200


def test_while_every_worker_is_busy_all_answers_come_at_once(serve: Serve, gate: Gate) -> None:
    server = serve("gated", *SOME_PORT, workers=2, **gate.variables)
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(2)]
        for client in clients:
            client.send(head("GET", "/gate"))
        until(lambda: figure(server, "worker_busy") == 2)
        for path in ("/metrics", "/livez", "/readyz"):
            seconds = []
            for _ in range(20):
                started = time.monotonic()
                assert ask(server, path).status == 200
                seconds.append(time.monotonic() - started)
            assert sorted(seconds)[len(seconds) // 2] < SOON, (path, seconds)
        assert figure(server, "oldest_request_seconds") > 0
        gate.remove()
        for client in clients:
            client.response()


def test_times_are_those_of_the_clients_within_the_resolution(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\n"
        "def application(environ, start_response):\n"
        "    time.sleep(0.06)\n"
        "    start_response('200 OK', [])\n"
        "    return []\n"
    )
    server = serve("slow", *SOME_PORT, "--pythonpath", str(tmp_path))
    clock = 0.0
    for _ in range(10):
        started = time.monotonic()
        server.get("/")
        clock += time.monotonic() - started
    until(lambda: served(server) == 10)
    for name in ("request_duration", "application"):
        assert 0.6 * 0.97 < figure(server, f"{name}_seconds_sum") < clock * 1.03
        assert figure(server, f"{name}_seconds_bucket", le="0.05") == 0
        assert figure(server, f"{name}_seconds_bucket", le="60.0") == 10
    assert figure(server, "request_queue_seconds_bucket", le="0.025") == 10


def test_counters_never_fall_when_workers_are_killed_and_generations_replaced(serve: Serve) -> None:
    server = serve("gated", *SOME_PORT, "--kill-old-delay", "0", "--control", "none", workers=2)
    requests, before = 0, figures(server)

    def serve_some() -> None:
        nonlocal requests, before
        for _ in range(5):
            assert server.get("/").status == 200
        requests += 5
        until(lambda: served(server) >= requests)
        now = figures(server)
        fallen = [key for key in before if _only_grows(key[0]) and now[key] < before[key]]
        assert not fallen, [(key, before[key], now[key]) for key in fallen]
        assert served(server) == requests, "none is lost, none is counted twice"
        before = now

    serve_some()
    killed = server.workers()
    os.kill(killed[0], SIGKILL)
    server.wait_for_workers(2, without=killed[:1])
    serve_some()
    for number in (2, 3):
        old = server.workers()
        server.send(SIGHUP)
        server.wait_for(rf"generation {number} \(pid \d+\) serves")
        server.wait_for_workers(2, without=old)
        serve_some()
    os.kill(metrics_process(server), SIGKILL)
    server.wait_for(r"the metrics process \d+ has ended")
    until(lambda: answers(server))
    serve_some()
    assert figure(server, "deploys_total") == 2
    assert figure(server, "restarts_total", cause="killed") == 1


def _only_grows(name: str) -> bool:
    return name.endswith(("_total", "_bucket", "_count", "_sum"))


# ---- when a server is ready ----


def test_before_the_first_generation_a_server_is_live_and_not_ready(tmp_path: Path, gate: Gate) -> None:
    (tmp_path / "loading.py").write_text("import gated\ngated.pass_gate()\napplication = gated.application\n")
    argv = [*command(), "--bind", "127.0.0.1:0", *SOME_PORT, "--pythonpath", f"{APPS},.", "loading"]
    process = Process(argv, tmp_path, **gate.variables)
    try:
        gate.wait_for_arrival()
        assert ask(process, "/livez").status == 200
        refused = ask(process, "/readyz")
        assert (refused.status, refused.body) == (503, b"no generation serves\n")
        assert figure(process, "ready") == 0
        assert served(process) == 0
        gate.open()
        until(lambda: ask(process, "/readyz").status == 200)
        assert process.stop(SIGTERM) == 0
    finally:
        process.end()


def test_during_pre_stop_delay_a_server_serves_and_is_not_ready(serve: Serve) -> None:
    server = serve("gated", *SOME_PORT, "--pre-stop-delay", "60")
    until(lambda: ask(server, "/readyz").status == 200)
    server.send(SIGTERM)
    refused = until(lambda: answer if (answer := ask(server, "/readyz")).status == 503 else None)
    assert refused is not None
    assert refused.body == b"the server stops\n"
    assert server.get("/").status == 200
    assert ask(server, "/livez").status == 200
    assert server.stop(SIGQUIT) == 0


def test_while_requests_are_finished_a_server_is_live_and_not_ready(serve: Serve, gate: Gate) -> None:
    server = serve("gated", *SOME_PORT, **gate.variables)
    with server.client() as client:
        client.send(head("GET", "/gate"))
        gate.wait_for_arrival()
        server.send(SIGTERM)
        until(lambda: ask(server, "/readyz").status == 503)
        assert ask(server, "/livez").status == 200
        assert figure(server, "generations", phase="ending") == 1
        gate.open()
        assert client.response().status == 200
    assert server.wait() == 0
    with pytest.raises(ConnectionRefusedError):
        Client(metrics_address(server))


def test_a_deploy_that_fails_leaves_the_server_ready(serve: Serve, tmp_path: Path) -> None:
    module = tmp_path / "breaking.py"
    module.write_text("from gated import application\n")
    server = serve("breaking", *SOME_PORT, "--pythonpath", str(tmp_path))
    module.write_text("raise RuntimeError('broken')\n")
    server.tracebacks = 1
    server.send(SIGHUP)
    until(lambda: figure(server, "deploys_failed_total") == 1)
    assert ask(server, "/readyz").status == 200


def test_signals_to_the_whole_group_do_not_end_it_before_the_server(serve: Serve, gate: Gate) -> None:
    """As systemd sends them (KillMode=control-group), or a terminal."""
    server = serve("gated", *SOME_PORT, "--pre-stop-delay", "60")
    os.kill(metrics_process(server), SIGTERM)
    os.killpg(server.pid, SIGHUP)
    server.wait_for(r"generation 2 \(pid \d+\) serves")
    server.send(SIGTERM)
    until(lambda: ask(server, "/readyz").status == 503)
    assert server.matches("the metrics process") == []
    assert server.stop(SIGQUIT) == 0


# ---- faults ----


def test_a_supervisor_that_hangs_is_not_live(serve: Serve) -> None:
    server = serve("gated", *SOME_PORT)
    until(lambda: ask(server, "/livez").status == 200)
    os.kill(server.pid, SIGSTOP)
    try:
        for path in ("/livez", "/readyz"):
            assert ask(server, path).status == 503
    finally:
        os.kill(server.pid, SIGCONT)
    until(lambda: ask(server, "/livez").status == 200)


def test_it_holds_no_listener_of_the_server(serve: Serve) -> None:
    """Otherwise clients would wait in the queue of a server that is gone."""
    server = serve("gated", *SOME_PORT)
    pid = metrics_process(server)
    until(lambda: answers(server))
    until(lambda: len(sockets_of(pid)) == 2, lambda: sockets_of(pid))  # the connection has ended
    (listener,) = [each for each in sockets_of(server.pid) if listens_at(each, server.address)]
    assert listener not in sockets_of(pid)


def sockets_of(pid: int) -> list[str]:
    """Their inodes."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
    return [each[8:-1] for each in found if each.startswith("socket:[")]


def listens_at(inode: str, address: Any) -> bool:
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[9] == inode and int(row[1].partition(":")[2], 16) == address[1] for row in rows)


# ---- mistakes ----


def mistake(tmp_path: Path, *options: str, **variables: str) -> tuple[int, str]:
    process = Process([*command(), "--bind", "127.0.0.1:0", *options, "gated"], tmp_path, **variables)
    try:
        return process.wait(), process.log
    finally:
        process.end()


def test_an_address_that_cannot_be_had_is_a_mistake(serve: Serve, tmp_path: Path) -> None:
    host, port = metrics_address(serve("gated", *SOME_PORT))
    status, log = mistake(tmp_path, "--metrics-bind", f"{host}:{port}")
    assert status == 1
    assert "--metrics-bind: cannot listen on" in log


@pytest.mark.parametrize("option", ["--metrics-bind", "--control"])
def test_a_daemon_says_so_too_before_its_command_ends(serve: Serve, tmp_path: Path, option: str) -> None:
    host, port = metrics_address(serve("gated", *SOME_PORT))
    place = f"{host}:{port}" if option == "--metrics-bind" else "/proc/none/control"
    status, log = mistake(tmp_path, "--daemon", "--error-logfile", str(tmp_path / "log"), option, place)
    assert status == 1
    assert f"{option}: cannot listen" in log


def test_without_prometheus_client_the_message_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'prometheus_client':\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
    )
    for options in (["--no-preload"], ["--check-config"]):
        status, log = mistake(
            tmp_path, *SOME_PORT, *options, "--pythonpath", str(APPS), PYTHONPATH=str(tmp_path)
        )
        assert status == 2
        assert "pip install 'rhebok[metrics]'" in log
