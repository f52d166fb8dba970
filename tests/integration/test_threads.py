"""--threads: several requests at a time in one worker, and nothing lost between them."""

import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from signal import SIGHUP

import pytest

from integration.conftest import Serve
from integration.http_client import Client, head
from integration.load import SteadyClients
from integration.processes import cpu_ticks
from integration.server import Server
from integration.waiting import until
from integration.wrk import Wrk, build_shim

TCP, UNIX = "127.0.0.1:0", "unix:app.sock"


def ask_at_once(server: Server, paths: list[str]) -> list[bytes]:
    with ThreadPoolExecutor(len(paths)) as pool:
        return [response.body for response in pool.map(server.get, paths)]


def speak(server: Server) -> None:
    assert server.get("/speak").body == b"spoken"


def test_so_many_requests_are_served_at_a_time(serve: Serve) -> None:
    server = serve("together", "--threads", "5", PARTIES="5")
    assert ask_at_once(server, ["/meet"] * 5) == [b"met"] * 5


def test_those_beyond_wait_for_a_thread(serve: Serve) -> None:
    server = serve("together", "--threads", "4", PARTIES="4")
    assert ask_at_once(server, ["/meet"] * 12) == [b"met"] * 12


def test_events_go_to_as_many_clients_as_there_are_threads(serve: Serve) -> None:
    server = serve("together", "--threads", "201")
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(200)]
        for client in clients:
            client.send(head("GET", "/listen"))
        for client in clients:
            assert client.response_head()[0] == 200
            assert client.chunk() == b"data: here\n\n"
        assert server.get("/listeners").body == b"200"
        speak(server)
        for client in clients:
            assert client.chunk() == b"data: spoken\n\n"
            assert client.chunk() == b""
            assert client.get("/thread").body.startswith(b"rhebok-")


def test_a_pipeline_is_answered_in_its_order(serve: Serve) -> None:
    server = serve("together", "--threads", "4")
    words = [f"word-{number}".encode() for number in range(200)]
    with server.client() as client:
        client.send(b"".join(head("GET", f"/echo?{word.decode()}") for word in words))
        assert [client.response().body for _ in words] == words


def test_each_client_gets_its_own_answers(serve: Serve) -> None:
    server = serve("together", "--threads", "8")

    def ask(name: int) -> None:
        with server.client() as client:
            for number in range(300):
                word = f"{name}-{number}"
                assert client.get(f"/echo?{word}").text == word

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(16)))


def test_a_request_that_only_computes_is_followed_by_the_next_in_the_same_thread(serve: Serve) -> None:
    server = serve("together", "--threads", "8")
    with server.client() as client:
        client.send(head("GET", "/thread") * 300)
        threads = [client.response().body for _ in range(300)]
    changes = sum(one != other for one, other in pairwise(threads))
    assert changes < 150, Counter(threads)


def test_the_context_of_a_request_is_not_seen_by_others(serve: Serve) -> None:
    server = serve("together", "--threads", "4", PARTIES="4")
    for _ in range(5):
        answers = ask_at_once(server, [f"/context?{name}" for name in "abcd"])
        assert sorted(answers) == [b",a", b",b", b",c", b",d"]


def test_slow_readers_hold_no_thread(serve: Serve) -> None:
    server = serve("together", "--threads", "2", PARTIES="2")
    with ExitStack() as stack:
        slow = [stack.enter_context(Client(server.address, receive_buffer=4096)) for _ in range(6)]
        for client in slow:
            client.send(head("GET", "/big"))
        for client in slow:
            assert client.response_head()[0] == 200
        assert ask_at_once(server, ["/meet"] * 2) == [b"met"] * 2
        for client in slow:
            assert sum(len(block) for block in iter(client.chunk, b"")) == 3_000_000


@pytest.mark.needs("wrk", "cc")
@pytest.mark.parametrize("close", [True, False], ids=["closing", "kept"])
@pytest.mark.parametrize("bind", [TCP, UNIX], ids=["tcp", "unix"])
def test_wrk_sees_no_error(serve: Serve, tmp_path: Path, bind: str, close: bool) -> None:
    log = tmp_path / "access.log"
    server = serve("together", "--threads", "8", "--access-logfile", str(log), bind=bind)
    shim = build_shim(tmp_path) if bind == UNIX else None
    summary = Wrk(server.address, seconds=1, connections=32, close=close, shim=shim).summary()
    assert summary.all_good, summary
    server.judge()
    # wrk drops the answers that are on their way at its end
    lines = log.read_bytes().splitlines()
    assert summary.requests <= len(lines) <= summary.requests + 2 * 32
    assert all(line.count(b'"GET / HTTP/1.1" 200') == 1 for line in lines)


def test_no_request_fails_when_the_workers_are_replaced(serve: Serve) -> None:
    server = serve("together", "--threads", "3", "--max-requests", "50", workers=2)
    with SteadyClients(server.address, count=6) as clients:
        before = server.wait_for_workers(2)
        server.send(SIGHUP)
        server.wait_for_workers(2, without=before)
        until(lambda: clients.total > 500, lambda: clients.total)
    assert not server.matches(r"\[(?:WARNING|ERROR|CRITICAL)\]")


def test_a_stopping_worker_finishes_what_its_threads_have(serve: Serve) -> None:
    server = serve("together", "--threads", "3", "--keep-alive", "60", PARTIES="3")
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(3)]
        for client in clients[1:]:
            client.send(head("GET", "/meet"))
        until(lambda: server.get("/waiting").body == b"2")
        clients[0].get("/echo")  # by the last thread, which keeps the connection if it has a loop of its own
        server.send(signal.SIGTERM)
        server.wait_for("stopping gracefully")
        clients[0].send(head("GET", "/meet"))
        answers = [client.response() for client in clients]
    assert [(answer.body, answer.says_close) for answer in answers] == [(b"met", True)] * 3


def test_a_late_request_is_interrupted_and_the_others_end_well(serve: Serve) -> None:
    server = serve("together", "--threads", "2", "--request-timeout", "1")
    with server.client() as stuck, server.client() as listening:
        stuck.send(head("GET", "/stuck"))
        server.wait_for("has not answered GET /stuck within 1 s")
        first = server.workers()
        listening.send(head("GET", "/echo?new"))
        assert stuck.response().status == 500
        assert listening.response().body == b"new"
    server.wait_for_workers(1, without=first[:1])
    assert server.get("/echo?again").body == b"again"
    server.wait_for(r"worker \d+ exited with status 0")
    assert server.matches(r"RequestTimeout")
    server.tracebacks = 1


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_response_that_is_late_when_it_goes_on_is_interrupted_too(serve: Serve, threads: str) -> None:
    server = serve("together", "--threads", threads, "--request-timeout", "1")
    with server.client() as stuck:
        stuck.send(head("GET", "/stuck-when-resumed"))
        assert stuck.response_head()[0] == 200
        assert not stuck.rest().endswith(b"0\r\n\r\n")
    server.wait_for(r"worker \d+ exited with status 0")
    assert server.matches(r"RequestTimeout")
    server.tracebacks = 1


@pytest.mark.parametrize("threads", ["1", "2"])
def test_an_application_that_is_stuck_in_close_is_interrupted_too(serve: Serve, threads: str) -> None:
    server = serve("together", "--threads", threads, "--request-timeout", "1")
    assert server.get("/stuck-in-close").body == b"done"
    server.wait_for("has not answered GET /stuck-in-close within 1 s")
    server.wait_for(r"close\(\) of the application's iterable failed")
    server.wait_for(r"worker \d+ exited with status 0")
    assert server.matches(r"RequestTimeout")
    server.tracebacks = 1


def test_idle_threads_cost_nothing(serve: Serve) -> None:
    server = serve("together", "--threads", "50")
    (worker,) = server.workers()
    with server.client() as client:
        client.get("/echo")
        before = cpu_ticks(worker)
        client.socket.settimeout(1.5)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        assert cpu_ticks(worker) - before < 15


def test_the_application_is_told(serve: Serve) -> None:
    server = serve("kinds", "--threads", "2")
    assert server.get("/environ").json()["wsgi.multithread"] is True
