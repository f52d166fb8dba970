"""`rhebok status` and `rhebok ctl` against real servers: busy, killed, deployed, told to stop."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from signal import SIGHUP, SIGKILL, SIGTERM, SIGTTIN
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from integration.conftest import Serve
from integration.gate import Gate
from integration.http_client import Client, head
from integration.server import APPS, Process, Server, command, environment, free_port
from integration.waiting import until
from integration.wrk import Wrk
from rhebok.board.histogram import percentile
from rhebok.control.client import ask
from rhebok.errors import UserError

SOON = 0.05  # seconds for an answer


@pytest.fixture
def runtime() -> Iterator[str]:
    """A directory whose name is short enough for sockets in it."""
    with TemporaryDirectory(prefix="rhebok-") as directory:
        yield directory


@pytest.fixture
def control(runtime: str) -> str:
    return f"{runtime}/c"


def rhebok(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    argv = [*command(), *words]
    return subprocess.run(
        argv, env=environment(**variables), capture_output=True, text=True, timeout=30, check=False
    )


def status(control: str) -> dict[str, Any]:
    return ask(control, "status")


def workers(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [worker for generation in answer["generations"] for worker in generation["workers"]]


def total(answer: dict[str, Any]) -> int:
    return sum(number for classes in answer["requests"].values() for number in classes.values())


def timed(answer: dict[str, Any]) -> int:
    return sum(answer["total_times"].values())


def counters(answer: dict[str, Any]) -> list[int]:
    return [total(answer), timed(answer), answer["accepted"], answer["bytes_in"], answer["bytes_out"]]


def busy(server: Server, gate: Gate, stack: ExitStack, path: str = "/gate") -> Client:
    client = stack.enter_context(server.client())
    client.send(head("GET", path))
    gate.wait_for_arrival()
    return client


def test_workers_are_shown_with_what_they_do(serve: Serve, gate: Gate, control: str) -> None:
    server = serve("gated", "--control", control, workers=2, **gate.variables)
    for _ in range(5):
        server.get("/")
    with ExitStack() as stack:
        client = busy(server, gate, stack, "/gate?secret=1")
        answer = until(lambda: a if timed(a := status(control)) >= 5 else None, lambda: status(control))
        assert answer is not None
        assert [each["name"] for each in answer["listeners"]] == [f"http://127.0.0.1:{server.address[1]}"]
        assert (answer["listeners"][0]["queue"], answer["pid"]) == (0, server.pid)
        by_state = {worker["state"]: worker for worker in workers(answer)}
        assert set(by_state) == {"busy", "idle"}
        assert {worker["pid"] for worker in workers(answer)} == set(server.workers())
        assert by_state["busy"]["request"]["line"] == "GET /gate"
        assert 0 <= by_state["busy"]["request"]["seconds"] < 30
        assert by_state["idle"]["memory"] > 2**20
        assert answer["requests"]["GET"]["2xx"] == 5
        gate.open()
        client.response()
    until(lambda: total(status(control)) == 6)


def test_the_command_shows_a_table_and_json(serve: Serve, control: str) -> None:
    server = serve("gated", "--control", control, workers=2)
    server.get("/")
    shown = rhebok("status", "--control", control)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("rhebok ")
    assert all(f" {pid}  idle" in shown.stdout for pid in server.workers()), shown.stdout
    assert shown.stdout.isascii()
    answer = json.loads(rhebok("status", "--json", "--control", control).stdout)
    assert answer["pid"] == server.pid


def test_while_every_worker_is_busy_the_answer_comes_at_once(serve: Serve, gate: Gate, control: str) -> None:
    server = serve("gated", "--control", control, workers=2, **gate.variables)
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(2)]
        for client in clients:
            client.send(head("GET", "/gate"))
        until(lambda: {worker["state"] for worker in workers(status(control))} == {"busy"})
        seconds = []
        for _ in range(20):
            started = time.monotonic()
            status(control)
            seconds.append(time.monotonic() - started)
        assert sorted(seconds)[len(seconds) // 2] < SOON, seconds
        gate.remove()
        for client in clients:
            client.response()


@pytest.mark.needs("wrk")
def test_percentiles_are_those_that_the_clients_have_seen(serve: Serve, tmp_path: Path, control: str) -> None:
    """Within the 3 % of a bucket, and what a request costs beside the application. One in ten is slow."""
    (tmp_path / "uneven.py").write_text(
        "import itertools, time\n"
        "number = itertools.count()\n"
        "def application(environ, start_response):\n"
        "    time.sleep(0.3 if next(number) % 10 == 0 else 0.04)\n"
        "    start_response('200 OK', [])\n"
        "    return []\n"
    )
    server = serve("uneven", "--control", control, "--threads", "4", "--pythonpath", str(tmp_path))
    seen = Wrk(server.address, seconds=3, connections=4).summary()
    assert seen.all_good
    until(lambda: timed(status(control)) >= seen.requests)
    times = {int(bucket): count for bucket, count in status(control)["total_times"].items()}
    for percent in (50, 99):
        ours = percentile(times, percent / 100)
        assert ours == pytest.approx(seen.percentiles[percent], rel=0.05, abs=0.02), (percent, times)


def test_counters_never_fall_when_workers_are_killed_and_generations_replaced(
    serve: Serve, control: str
) -> None:
    server = serve("gated", "--control", control, "--kill-old-delay", "0", workers=2)
    requests, before = 0, counters(status(control))

    def serve_some() -> None:
        nonlocal requests, before
        for _ in range(10):
            assert server.get("/").status == 200
        requests += 10
        until(lambda: timed(status(control)) >= requests, lambda: status(control))
        now = counters(status(control))
        assert all(new >= old for new, old in zip(now, before, strict=True)), (before, now)
        assert now[0] == requests, "none is lost, none is counted twice"
        before = now

    serve_some()
    for _ in range(2):
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
    until(lambda: len(status(control)["generations"]) == 1)
    serve_some()
    answer = status(control)
    assert (answer["deploys"], answer["failed_deploys"]) == (2, 0)
    assert answer["replaced_workers"]["killed"] == 2


def test_a_deploy_that_fails_is_counted(serve: Serve, control: str, tmp_path: Path) -> None:
    module = tmp_path / "breaking.py"
    module.write_text(
        "def application(environ, start_response):\n    start_response('200 OK', [])\n    return []\n"
    )
    server = serve("breaking", "--control", control, "--pythonpath", str(tmp_path))
    module.write_text("raise RuntimeError('broken')\n")
    server.tracebacks = 1
    server.send(SIGHUP)
    until(lambda: status(control)["failed_deploys"] == 1)
    assert status(control)["deploys"] == 0


def test_a_worker_that_is_replaced_after_its_requests_is_counted(serve: Serve, control: str) -> None:
    server = serve("gated", "--control", control, "--max-requests", "5")
    for _ in range(6):
        server.get("/")
    until(lambda: status(control)["replaced_workers"]["max-requests"] == 1)
    until(lambda: timed(status(control)) == 6)


def test_ctl_changes_the_number_of_workers_and_deploys(serve: Serve, control: str) -> None:
    server = serve("gated", "--control", control, "--kill-old-delay", "0")
    told = rhebok("ctl", "workers", "+1", "--control", control)
    assert (told.returncode, told.stderr) == (0, "")
    server.wait_for_workers(2)
    assert rhebok("ctl", "workers", "-1", "--control", control).returncode == 0
    server.wait_for_workers(1)
    assert "generation 2" in rhebok("ctl", "reload", "--control", control).stdout
    server.wait_for(r"generation 2 \(pid \d+\) serves")


def test_ctl_asks_one_worker_for_its_traceback_and_replaces_it(
    serve: Serve, gate: Gate, control: str
) -> None:
    server = serve("gated", "--control", control, **gate.variables)
    (worker,) = server.workers()
    with ExitStack() as stack:
        client = busy(server, gate, stack)
        assert rhebok("ctl", "traceback", str(worker), "--control", control).returncode == 0
        server.wait_for("in pass_gate")
        gate.open()
        client.response()
    assert rhebok("ctl", "recycle", str(worker), "--control", control).returncode == 0
    server.wait_for_workers(1, without=[worker])
    refused = rhebok("ctl", "recycle", str(server.pid), "--control", control)
    assert refused.returncode == 1
    assert "is not the pid of a worker of this server" in refused.stderr


def test_ctl_stops_the_server(serve: Serve, control: str) -> None:
    server = serve("gated", "--control", control)
    assert rhebok("ctl", "stop", "--control", control).returncode == 0
    assert server.wait() == 0
    assert not os.path.exists(control)


def test_two_servers_have_different_names(serve: Serve, runtime: str) -> None:
    """Root looks for other servers too; tests/unit/control/test_client.py is about the only one."""
    first = serve("gated", XDG_RUNTIME_DIR=runtime)
    second = serve("gated", XDG_RUNTIME_DIR=runtime)
    unclear = rhebok("status", XDG_RUNTIME_DIR=runtime)
    assert unclear.returncode == 2
    assert f"127.0.0.1-{first.address[1]}" in unclear.stderr
    assert f"127.0.0.1-{second.address[1]}" in unclear.stderr
    named = rhebok("status", f"{second.address[1]}", XDG_RUNTIME_DIR=runtime)
    assert f"pid {second.pid}," in named.stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["stop", "5"], "stop takes no argument"),
        (["reload", "now"], "reload takes no argument"),
        (["workers"], "workers takes +1 or -1"),
        (["recycle"], "recycle takes a PID"),
        (["dance"], "invalid choice: 'dance'"),
    ],
)
def test_words_that_are_wrong_are_not_sent(words: list[str], reason: str) -> None:
    refused = rhebok("ctl", *words, "--control", "/nowhere")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert reason in refused.stderr


def test_a_program_that_asks_with_too_much_is_refused(serve: Serve, control: str) -> None:
    serve("gated", "--control", control)
    for asked in ("stop", "reload", "status"):
        with pytest.raises(UserError, match=f"{asked} takes no argument"):
            ask(control, asked, "5")
    assert status(control)["generations"][0]["number"] == 1


def test_none_is_no_control_socket(serve: Serve, runtime: str) -> None:
    serve("gated", "--control", "none", XDG_RUNTIME_DIR=runtime)
    assert os.listdir(runtime) == []


def test_a_place_that_cannot_be_had_is_a_mistake_only_if_it_was_asked_for(
    serve: Serve, runtime: str, control: str
) -> None:
    Path(runtime, "rhebok").write_text("no directory")
    serve("gated", XDG_RUNTIME_DIR=runtime).wait_for("no control socket at")
    serve("gated", "--control", control)
    second = rhebok("--bind", "127.0.0.1:0", "--control", control, "integration.apps.gated")
    assert second.returncode == 1
    assert "--control: cannot listen at" in second.stderr


def test_without_a_server_the_command_says_so(runtime: str) -> None:
    result = rhebok("status", "nobody", XDG_RUNTIME_DIR=runtime)
    assert result.stdout == ""
    assert result.returncode in (1, 2)  # root may find other servers
    assert "no server" in result.stderr


def test_a_module_called_status_is_still_an_application(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "status.py").write_text(
        "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'mine']\n"
    )
    server = serve("status:application", "--pythonpath", str(tmp_path))
    assert server.get("/").body == b"mine"
    assert server.stop(SIGTERM) == 0


def test_under_another_superdaemon_the_master_answers(tmp_path: Path, control: str) -> None:
    port = free_port()
    starter = Path(command()[0]).with_name("rhebok-starter")
    served = [*command(), "--workers", "2", "--pythonpath", str(APPS), "--control", control, "gated"]
    process = Process(
        [str(starter), "--port", f"127.0.0.1:{port}", "--interval", "1", "--", *served], tmp_path
    )
    try:
        process.wait_for(r"worker \d+ is ready", 2)
        first = status(control)
        with Client(("127.0.0.1", port)) as client:
            client.get("/")
        until(lambda: timed(status(control)) == 1)
        assert [worker["state"] for worker in workers(status(control))] == ["idle", "idle"]
        refused = rhebok("ctl", "stop", "--control", control)
        assert f"process {process.pid} would start this server again" in refused.stderr
        process.send(SIGHUP)
        second = until(lambda: successor(control, first["pid"]), lambda: process.log)
        assert second["generations"][0]["number"] == first["generations"][0]["number"] + 1
        assert process.stop(SIGTERM) == 0
        assert not os.path.exists(control)
        assert "Traceback" not in process.log
    finally:
        process.end()


def successor(control: str, former: int) -> dict[str, Any] | None:
    """The answer of another master, once there is one."""
    try:
        answer = status(control)
    except UserError:
        return None  # between the two
    return answer if answer["pid"] != former else None


def test_ctl_changes_the_level_of_the_log_in_all_processes(serve: Serve, control: str) -> None:
    server = serve("gated", "--control", control)
    (worker,) = server.workers()
    assert rhebok("ctl", "loglevel", "loud", "--control", control).returncode == 1
    assert rhebok("ctl", "loglevel", "debug", "--control", control).returncode == 0
    os.kill(worker, SIGKILL)
    server.wait_for(rf"\[{server.master}\] \[DEBUG\] worker \d+ forked")
    assert rhebok("ctl", "loglevel", "error", "--control", control).returncode == 0
    (worker,) = server.wait_for_workers(1, without=[worker])
    before = server.log
    server.send(SIGTTIN)
    until(lambda: len(workers(status(control))) == 2)
    assert server.log == before
