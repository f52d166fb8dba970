"""What the command does on signals, with requests in flight and connections kept alive."""

import os
import signal
from signal import SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTTIN, SIGTTOU

import pytest

from integration.conftest import Serve
from integration.gate import Gate
from integration.http_client import Client, head
from integration.server import Server

LONG = ["--keep-alive", "600", "--graceful-timeout", "25"]


def at_gate(server: Server, gate: Gate) -> Client:
    """A client whose request is with the application."""
    client = server.client()
    client.send(head("GET", "/gate"))
    gate.wait_for_arrival()
    return client


def test_ttin_adds_a_worker_and_ttou_takes_one_away(serve: Serve) -> None:
    server = serve("gated", workers=2)
    server.send(SIGTTIN)
    assert server.wait_for_workers(3)
    for count in (2, 1):  # one at a time: two of the same signal may become one
        server.send(SIGTTOU)
        assert server.wait_for_workers(count)
    assert server.get("/").status == 200


def test_ttou_never_takes_the_last_worker(serve: Serve) -> None:
    server = serve("gated")
    workers = server.workers()
    server.send(SIGTTOU)
    server.wait_for(r"one worker less: 1")
    assert server.get("/").json() == workers[0]


@pytest.mark.parametrize("number", [SIGTERM, SIGINT, SIGQUIT])
def test_an_idle_server_ends_with_status_0(serve: Serve, number: signal.Signals) -> None:
    server = serve("gated", workers=2)
    assert server.stop(number) == 0


def test_a_request_in_flight_at_term_is_finished(serve: Serve, gate: Gate) -> None:
    server = serve("gated", *LONG, **gate.variables)
    with at_gate(server, gate) as client:
        server.send(SIGTERM)
        server.wait_for("stopping gracefully")
        gate.open()
        response = client.response()
        assert (response.status, response.says_close) == (200, True)
        assert client.at_end()
    assert server.wait() == 0


def test_a_stream_in_flight_at_term_is_finished(serve: Serve, gate: Gate) -> None:
    server = serve("gated", *LONG, **gate.variables)
    with server.client() as client:
        client.send(head("GET", "/events"))
        client.response_head()
        assert client.chunk()
        gate.wait_for_arrival()
        server.send(SIGTERM)
        server.wait_for("stopping gracefully")
        gate.open()
        assert client.chunk() == b"data: 1\n\n"
        gate.let_through()
        assert client.chunk() == b"data: 2\n\n"
        assert client.chunk() == b""
        assert client.at_end()
    assert server.wait() == 0


def test_a_response_that_a_client_reads_slowly_is_finished_after_term(serve: Serve) -> None:
    server = serve("big", *LONG)
    with Client(server.address, receive_buffer=65536) as client:
        client.send(head("GET", "/list"))
        _, fields = client.response_head()
        server.send(SIGTERM)
        server.wait_for("stopping gracefully")
        assert len(client.read(int(fields["content-length"]))) == 8 * 2**20
        assert client.at_end()
    assert server.wait() == 0


def test_a_request_on_a_kept_alive_connection_at_term_is_answered_and_told_to_close(
    serve: Serve, gate: Gate
) -> None:
    server = serve("gated", *LONG, **gate.variables)
    with server.client() as kept, at_gate(server, gate) as busy:
        kept_alive_before(server, kept, gate, busy)
        with at_gate(server, gate):
            server.send(SIGTERM)
            server.wait_for("stopping gracefully")
            kept.send(head("GET", "/"))
            gate.open()
            response = kept.response()
            assert (response.status, response.says_close) == (200, True)
            assert kept.at_end()
    assert server.wait() == 0


def kept_alive_before(server: Server, kept: Client, gate: Gate, busy: Client) -> None:
    """`kept` has been answered once and stays open; nobody is at the gate any more."""
    gate.open()
    busy.response()
    assert not kept.get("/").says_close
    assert len(server.workers()) == 1


def test_idle_connections_are_closed_at_term_though_they_could_stay_longer(serve: Serve) -> None:
    server = serve("gated", *LONG, bind="unix:app.sock")  # over TCP the silent one would not be accepted yet
    with server.client() as silent, server.client() as used:
        assert not used.get("/").says_close
        server.send(SIGTERM)
        assert used.at_end()
        assert silent.at_end()
    assert server.wait() == 0


def test_half_a_request_at_term_is_still_answered(serve: Serve) -> None:
    server = serve("gated", *LONG)
    with server.client() as half, server.client() as other:
        half.send(b"GET / HTTP/1.1\r\nHo")
        other.get("/")  # behind it, so half a head is with the worker now
        server.send(SIGTERM)
        server.wait_for("stopping gracefully")
        half.send(b"st: x\r\n\r\n")
        response = half.response()
        assert (response.status, response.says_close) == (200, True)
    assert server.wait() == 0


@pytest.mark.parametrize("number", [SIGQUIT, SIGINT])
def test_quit_does_not_wait_for_requests(serve: Serve, gate: Gate, number: signal.Signals) -> None:
    server = serve("gated", *LONG, **gate.variables)
    with at_gate(server, gate) as client:
        assert server.stop(number) == 0
        assert client.at_end()


def test_quit_after_term_does_not_wait_any_longer(serve: Serve, gate: Gate) -> None:
    server = serve("gated", *LONG, **gate.variables)
    with at_gate(server, gate) as client:
        server.send(SIGTERM)
        server.wait_for("stopping gracefully")
        assert server.stop(SIGQUIT) == 0
        assert client.at_end()


def test_a_worker_that_does_not_finish_within_graceful_timeout_is_killed(serve: Serve, gate: Gate) -> None:
    server = serve("gated", "--graceful-timeout", "0.5", **gate.variables)
    (worker,) = server.workers()
    with at_gate(server, gate) as client:
        assert server.stop(SIGTERM) == 0
        assert client.at_end()
    assert server.matches(rf"worker {worker} did not stop in time: killed")


def test_hup_replaces_every_worker_and_the_master_stays(serve: Serve) -> None:
    server = serve("gated", workers=3)
    before = server.workers()
    server.send(SIGHUP)
    after = server.wait_for_workers(3, without=before)
    assert not set(before) & set(after)
    assert server.get("/").json() in after


def test_hup_lets_requests_in_flight_finish(serve: Serve, gate: Gate) -> None:
    server = serve("gated", *LONG, **gate.variables)
    before = server.workers()
    with at_gate(server, gate) as client:
        server.send(SIGHUP)
        server.wait_for(r"worker \d+ is ready", 2)
        assert server.get("/").json() not in before
        server.wait_for("stopping gracefully")
        gate.open()
        response = client.response()
        assert (response.json(), response.says_close) == (before[0], True)
    server.wait_for_workers(1, without=before)


def test_a_killed_worker_is_replaced(serve: Serve) -> None:
    server = serve("gated", workers=2)
    before = server.workers()
    os.kill(before[0], signal.SIGKILL)
    assert before[1] in server.wait_for_workers(2, without=before[:1])


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_process_that_the_application_forks_is_ended_by_term(serve: Serve, threads: str) -> None:
    server = serve("forks", "--threads", threads)
    assert server.get("/terminate").body == str(-SIGTERM).encode()
    assert server.get("/").body == b"ok"
