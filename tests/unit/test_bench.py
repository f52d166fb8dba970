"""The bench's pure parts and its unix-socket shim: what it counts, what it refuses, how it divides."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench import bare, client, cpu, crowd, instructions, memory, run, slow_clients, tables, wrk  # noqa: E402
from bench.cells import FAILED, MISSING, NONE, OK, Cell, range_of, ratios, summaries  # noqa: E402
from bench.process import Server, ServerFailedError, running  # noqa: E402
from bench.servers import BY_NAME, MODES, SERVERS, Launch, unsupported  # noqa: E402
from bench.workloads import BY_NAME as WORKLOADS  # noqa: E402
from bench.workloads import chunked, fault_in_answer, fixed_answer  # noqa: E402

REPORT = {
    "requests": 200,
    "duration_us": 2_000_000,
    "bytes": 40_000,
    "p50_us": 150,
    "p99_us": 900,
    "errors": {"connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0},
}


def printed(**changes: object) -> str:
    """What wrk prints, with our line in the middle."""
    return f"Running 2s test\n{wrk.MARK}{json.dumps(REPORT | changes)}\nbye\n"


def built(name: str) -> Path:
    """One of the bench's C programs."""
    subprocess.run(["make", "-s", "-C", str(ROOT / "bench"), f"build/{name}"], check=True)
    return ROOT / "bench" / "build" / name


def cell(server: str, cpu_us: float, number: int = 1, status: str = OK, mode: str = "tcp-close") -> Cell:
    """A cell of the hello workload."""
    reason = "" if status == OK else "why"
    return Cell(server, "hello", mode, number, status, reason, 100, 50.0, 1.0, 2.0, cpu_us)


# --- wrk ---


def test_the_report_of_wrk_is_found_among_its_other_output() -> None:
    report = wrk.parse_report(printed())
    assert (report.requests, report.seconds, report.per_second, report.p99_us) == (200, 2.0, 100.0, 900)


def test_output_without_a_report_is_quoted_in_the_error() -> None:
    with pytest.raises(wrk.WrkFailedError, match="unable to connect"):
        wrk.parse_report("unable to connect to 127.0.0.1:1 Connection refused\n")


@pytest.mark.parametrize("kind", ["connect", "read", "write", "status", "timeout"])
def test_every_kind_of_error_spoils_a_run_and_is_counted(kind: str) -> None:
    report = wrk.parse_report(printed(errors=REPORT["errors"] | {kind: 3}))  # type: ignore[operator]
    assert f"3 {kind}" in str(report.fault(12))


def test_a_clean_run_has_no_fault() -> None:
    assert wrk.parse_report(printed()).fault(200) is None


def test_answers_shorter_than_the_body_spoil_a_run() -> None:
    assert "200 bytes instead of 65536" in str(wrk.parse_report(printed()).fault(65536))


def test_a_run_without_requests_is_spoilt() -> None:
    assert wrk.parse_report(printed(requests=0)).fault(0) == "no request was answered"


def test_close_modes_send_connection_close() -> None:
    load = wrk.Load(2, 32, 1)
    assert "Connection: close" in wrk.command(WORKLOADS["hello"], load, 80, close=True)
    assert "Connection: close" not in wrk.command(WORKLOADS["hello"], load, 80, close=False)


# --- CPU ---


def test_a_process_name_may_contain_parentheses_and_spaces() -> None:
    fields = ["S", "1", "9", "9", *["0"] * 7, "11", "12", "13", "14", "0"]
    assert cpu.parse_stat(f"77 (a) b (c)) {' '.join(fields)}") == cpu.Stat(77, 1, 9, 11, 12, 13, 14, "S")


def test_the_tree_is_the_session_and_all_descendants() -> None:
    def stat(pid: int, parent: int, session: int) -> cpu.Stat:
        return cpu.Stat(pid, parent, session, 0, 0, 0, 0, "S")

    root, child, grandchild, orphan, stranger = (
        stat(10, 1, 10),
        stat(11, 10, 10),
        stat(12, 11, 12),
        stat(13, 1, 10),
        stat(14, 1, 1),
    )
    found = cpu.members(10, [grandchild, stranger, orphan, child, root])
    assert sorted(one.pid for one in found) == [10, 11, 12, 13]


def test_the_total_is_divided_between_user_and_system_by_ticks() -> None:
    spent = cpu.spent(cpu.Reading(1.0, 100, 300), cpu.Reading(3.0, 150, 450))
    assert (spent.total, spent.user, spent.system) == (2.0, 0.5, 1.5)


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


# --- cells and tables ---


def test_a_range_is_median_and_extremes() -> None:
    values = range_of([5.0, 1.0, 2.0])
    assert (values.median, values.least, values.most) == (2.0, 1.0, 5.0)


def test_ratios_pair_the_rounds() -> None:
    cells = [
        cell("floor", 10, 1),
        cell("a", 20, 1),
        cell("floor", 20, 2),
        cell("a", 40, 2),
        cell("floor", 5, 3),
        cell("a", 15, 3),
    ]
    assert ratios(cells, "floor")[("a", "hello", "tcp-close")] == 2.0


def test_a_server_without_a_partner_in_its_round_has_no_ratio() -> None:
    cells = [cell("a", 20), cell("floor", 0, status=FAILED)]
    assert ratios(cells, "floor") == {}


def test_one_failed_round_spoils_the_summary() -> None:
    (summary,) = summaries([cell("a", 20, 1), cell("a", 0, 2, FAILED)])
    assert (summary.status, summary.reason, summary.cpu.median) == (FAILED, "why", 0.0)


def test_a_missing_server_is_reported_with_its_reason() -> None:
    text = tables.render([cell("floor", 10), cell("a", 0, status=MISSING)])
    assert "| a | MISSING |" in text
    assert "- a: MISSING: why" in text


def test_a_failed_cell_shows_no_figure() -> None:
    text = tables.render([cell("floor", 10), cell("a", 33, 1), cell("a", 0, 2, FAILED)])
    assert "| a | FAILED |" in text
    assert "33" not in text


def test_a_table_gives_cpu_and_ratio_to_the_floor() -> None:
    text = tables.render([cell("floor", 10), cell("a", 25), cell("b", 0, status=NONE)])
    assert "25.0 (0.0+0.0) [25.0-25.0] **2.50x**" in text
    assert "| b | - |" in text


def test_ratios_to_rhebok_are_shown_when_it_ran() -> None:
    text = tables.render([cell("floor", 10), cell("rhebok", 12), cell("a", 30)])
    assert "| a | 2.50x |" in text


def test_the_share_of_a_server_is_its_total_less_the_bare_application() -> None:
    text = tables.render([cell("bare", 90), cell("a", 100)])
    assert "| a | 10.0 % |" in text


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


# --- memory, instructions, the bare application ---


def test_pss_is_read_from_the_rollup() -> None:
    assert memory.parse_pss("Rss:  1632 kB\nPss:   264 kB\nPss_Dirty:  112 kB\n") == 264


def test_start_up_cancels_in_the_difference_of_two_runs() -> None:
    assert instructions.difference([500, 5_000 + 100 * 7], [5_000 + 200 * 7, 500], 100) == 7.0


def test_two_runs_with_different_numbers_of_processes_are_not_compared() -> None:
    assert instructions.difference([500, 5_000], [500, 5_000, 5_700], 100) is None


def test_the_total_of_a_callgrind_file_is_found() -> None:
    assert instructions.parse_total("version: 1\nevents: Ir\n1 2\ntotals: 12345\n") == 12345


@pytest.mark.parametrize(("figure", "passes"), [(100, True), (102.9, True), (103.1, False), (90, True)])
def test_a_figure_beyond_the_tolerance_is_a_regression(figure: float, passes: bool) -> None:
    assert instructions.verdict("tcp-close", figure, 100, 0.03)[0] is passes


def test_a_figure_without_a_committed_one_does_not_pass() -> None:
    assert not instructions.verdict("tcp-close", 100, None, 0.03)[0]


def test_the_bare_call_consumes_and_closes_the_body_once() -> None:
    closed = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield b"x"

        def close(self) -> None:
            closed.append(True)

    bare.call(lambda _environ, _start_response: Body(), bare.PAGE)
    assert closed == [True]


# --- crowds ---


def test_figures_with_and_without_a_crowd_are_divided_round_by_round() -> None:
    figure = crowd.Series("median", "µs", without=[10.0, 20.0, 40.0], beside=[11.0, 22.0, 80.0])
    assert figure.ratio == pytest.approx(1.1)
    assert figure.line == "| median | 20.0 (10.0 to 40.0) | 22.0 (11.0 to 80.0) | µs | 1.10 |"


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


# --- the shim ---


@pytest.fixture(scope="module")
def shim() -> Path:
    """The shim, built."""
    return built("unix_shim.so")


@pytest.fixture
def unix_server(tmp_path: Path) -> Iterator[str]:
    """A unix socket on which each connection is told what it sent, in capitals."""
    path = str(tmp_path / "sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(connection.recv(100).upper())

    thread = threading.Thread(target=serve)
    thread.start()
    yield path
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    listener.close()


CLIENT = """
import fcntl, json, os, socket, sys
family, host = (socket.AF_INET6, "::1") if sys.argv[1] == "6" else (socket.AF_INET, "127.0.0.1")
s = socket.socket(family)
number, blocking = s.fileno(), sys.argv[2] == "blocking"
s.setblocking(blocking)
s.connect((host, 8000))
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
facts = {"same": s.fileno() == number, "peer": s.getpeername()[:2],
         "nonblocking": bool(fcntl.fcntl(s, fcntl.F_GETFL) & os.O_NONBLOCK),
         "cloexec": bool(fcntl.fcntl(s, fcntl.F_GETFD) & fcntl.FD_CLOEXEC),
         "family": s.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN)}
s.setblocking(True)
s.sendall(b"hello")
facts["answer"] = s.recv(100).decode()
print(json.dumps(facts))
"""


def through_the_shim(shim: Path, path: str, *arguments: str) -> dict[str, object]:
    """What a TCP client sees when the shim is preloaded."""
    environ = os.environ | {"LD_PRELOAD": str(shim), "RHEBOK_BENCH_UNIX": f"8000:{path}"}
    command = [sys.executable, "-c", CLIENT, *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    facts: dict[str, object] = json.loads(done.stdout)
    return facts


@pytest.mark.parametrize("version", ["4", "6"])
def test_the_shim_leads_a_loopback_connection_to_the_unix_socket(
    shim: Path, unix_server: str, version: str
) -> None:
    facts = through_the_shim(shim, unix_server, version, "blocking")
    assert facts["answer"] == "HELLO"
    assert facts["family"] == socket.AF_UNIX


@pytest.mark.parametrize("blocking", [True, False])
def test_the_descriptor_keeps_its_number_and_flags(shim: Path, unix_server: str, blocking: bool) -> None:
    facts = through_the_shim(shim, unix_server, "4", "blocking" if blocking else "nonblocking")
    assert (facts["same"], facts["nonblocking"], facts["cloexec"]) == (True, not blocking, True)


def test_the_program_sees_the_peer_it_asked_for(shim: Path, unix_server: str) -> None:
    assert through_the_shim(shim, unix_server, "4", "blocking")["peer"] == ["127.0.0.1", 8000]


def test_another_port_is_left_alone(shim: Path, unix_server: str) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listener.getsockname()[1]
        program = f"import socket; socket.create_connection(('127.0.0.1', {port}))"
        redirect = f"{port % 65535 + 1}:{unix_server}"
        environ = os.environ | {"LD_PRELOAD": str(shim), "RHEBOK_BENCH_UNIX": redirect}
        subprocess.run([sys.executable, "-c", program], env=environ, check=True)
        listener.settimeout(10)
        assert listener.accept()[0].fileno() >= 0


def test_a_socket_path_where_nobody_listens_is_refused(shim: Path, tmp_path: Path) -> None:
    program = "import socket; socket.create_connection(('127.0.0.1', 8000))"
    environ = os.environ | {"LD_PRELOAD": str(shim), "RHEBOK_BENCH_UNIX": f"8000:{tmp_path}/nothing"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert "FileNotFoundError" in done.stderr
