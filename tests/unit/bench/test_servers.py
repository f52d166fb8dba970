"""What the bench starts and asks: workloads, servers, their processes, and slow clients."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench import client, cpu, run, slow_clients, wrk
from bench.commands import Launch
from bench.process import Server, ServerFailedError, running
from bench.servers import BY_NAME, MODES, SERVERS, unsupported
from bench.workloads import BY_NAME as WORKLOADS
from bench.workloads import chunked, fault_in_answer, fixed_answer
from unit.bench.programs import built

# --- workloads and servers ---


@pytest.mark.parametrize("name", [name for name, workload in WORKLOADS.items() if workload.fixed])
@pytest.mark.parametrize("close", [True, False])
def test_the_floor_answers_what_the_workload_expects(name: str, close: bool) -> None:
    import http.client
    import io

    class Answer:
        def __init__(self, data: bytes) -> None:
            self.file = io.BytesIO(data)

        def makefile(self, _mode: str) -> io.BytesIO:
            return self.file

    response = http.client.HTTPResponse(Answer(fixed_answer(WORKLOADS[name], close)))  # type: ignore[arg-type]
    response.begin()
    assert fault_in_answer(WORKLOADS[name], response.status, response.read()) is None
    assert response.will_close is close


def test_the_floor_works_as_long_as_it_is_told_before_it_answers(tmp_path: Path) -> None:
    floor, answer, address = built("floor"), tmp_path / "answer", str(tmp_path / "s.sock")
    answer.write_bytes(b"hello")
    command = [floor, "keepalive", f"unix:{address}", "--answer", answer, "--work", "50000"]
    with subprocess.Popen(command) as process, socket.socket(socket.AF_UNIX) as asking:
        try:
            while asking.connect_ex(address) != 0:
                assert process.poll() is None
            began = time.monotonic()
            asking.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert asking.recv(100) == b"hello"
            assert time.monotonic() - began >= 0.05
        finally:
            process.kill()


def test_a_wrong_body_is_a_fault() -> None:
    assert "instead of 12" in str(fault_in_answer(WORKLOADS["hello"], 200, b"hello"))


def test_a_wrong_status_is_a_fault() -> None:
    assert "status 500" in str(fault_in_answer(WORKLOADS["notes"], 500, b"oh"))


def test_a_server_that_closes_without_a_word_fails_its_cell_and_not_the_run() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        hang_up = threading.Thread(target=lambda: listening.accept()[0].close())
        hang_up.start()
        with pytest.raises(client.WrongAnswerError, match="while warming up"):
            client.warm_up(listening.getsockname(), WORKLOADS["hello"])
        hang_up.join()


def test_chunked_coding_ends_with_the_last_chunk() -> None:
    assert chunked(b"abcde", 3) == b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"


def test_the_browser_request_has_two_kilobytes_of_headers() -> None:
    size = sum(len(name) + len(value) + 4 for name, value in WORKLOADS["browser"].headers)
    assert 1800 <= size <= 2200


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_every_row_says_how_it_is_installed(server: object) -> None:
    row = BY_NAME[server.name]  # type: ignore[attr-defined]
    assert (row.pip and row.package) or row.program


def test_servers_without_an_application_are_told_apart() -> None:
    assert unsupported(BY_NAME["floor"], WORKLOADS["flask"], "tcp-close") == "has no application"
    assert unsupported(BY_NAME["unicorn"], WORKLOADS["post1k"], "tcp-close")
    assert unsupported(BY_NAME["gunicorn-sync"], WORKLOADS["hello"], "tcp-keepalive")
    assert unsupported(BY_NAME["rhebok"], WORKLOADS["hello"], "unix-keepalive") is None


def test_rounds_are_interleaved() -> None:
    rows = [BY_NAME["floor"], BY_NAME["rhebok"]]
    plan = run.Plan(rows, [WORKLOADS["hello"]], MODES[:1], 2, wrk.Load(1, 32, 1), 0)
    assert [turn.server.name for turn in run.turns(plan)] == ["floor", "rhebok", "floor", "rhebok"]


def test_rhebok_is_started_with_the_flags_of_its_command_line(tmp_path: Path) -> None:
    launch = Launch(str(tmp_path / "sock"), WORKLOADS["hello"], True, tmp_path, workers=8, preload=True)
    command = BY_NAME["rhebok"].command(launch)
    assert command[1:] == ["-w", "8", "-b", f"unix:{tmp_path}/sock", "--preload", "hello:application"]


# --- processes ---


def test_a_server_that_ends_at_once_is_quoted(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such option')"]
    with (
        pytest.raises(ServerFailedError, match="no such option"),
        running(command, ("127.0.0.1", 1), tmp_path / "log", {}),
    ):
        pass


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerFailedError, match="no-such-server"),
        running(["no-such-server"], ("127.0.0.1", 1), tmp_path / "log", {}),
    ):
        pass


STUBBORN = """
import os, signal, socket, sys, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True: signal.pause()
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
while True: signal.pause()
"""


def test_nothing_is_left_of_a_server_whose_worker_ignores_sigterm(tmp_path: Path) -> None:
    path = str(tmp_path / "sock")
    with running([sys.executable, "-c", STUBBORN, path], path, tmp_path / "log", {}) as server:
        family = [stat.pid for stat in cpu.tree(server.pid)]
    assert len(family) == 2
    assert not set(family) & {stat.pid for stat in cpu.all_stats() if stat.is_alive}


def test_a_block_that_fails_ends_its_server_too(tmp_path: Path) -> None:
    path = str(tmp_path / "sock")
    servers: list[Server] = []

    def fail() -> None:
        with running([sys.executable, "-c", STUBBORN, path], path, tmp_path / "log", {}) as server:
            servers.append(server)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not [stat for stat in cpu.tree(servers[0].pid) if stat.is_alive]


BURN = "import time\nwhile time.process_time() < 0.2: pass\nprint(time.process_time(), flush=True)\ninput()"
BURN_IN_CHILD = (
    "import os, time\npid = os.fork()\n"
    "while pid == 0:\n    time.process_time() > 0.2 and os._exit(0)\n"
    "os.waitpid(pid, 0)\nprint(0.2, flush=True)\ninput()"
)


@pytest.mark.parametrize("program", [BURN, BURN_IN_CHILD], ids=["itself", "a child that was reaped"])
def test_the_cpu_of_a_tree_includes_what_its_processes_used(program: str) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        used = float(process.stdout.readline())
        reading = cpu.read(process.pid)
        process.communicate("\n")
    assert reading.seconds >= used - 1 / cpu.TICKS_PER_SECOND


# --- slow clients ---


def test_slow_clients_begin_and_go_on_a_byte_at_a_time_and_come_again() -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        slow = slow_clients.Crowd(listener.getsockname(), 3)
        stack.callback(slow.close)
        served = [stack.enter_context(listener.accept()[0]) for _ in range(3)]
        assert [one.recv(1000) for one in served] == list(slow_clients.KINDS)
        turns = slow.turns()
        for _ in range(3):
            next(turns)
        assert [one.recv(1000) for one in served[:2]] == [b"x", b"x"]
        served[0].close()
        while not slow.reconnects:
            next(turns)
        assert stack.enter_context(listener.accept()[0]).recv(1000) == slow_clients.HEAD
