"""What a request costs the worker in system calls, seen by strace."""

from pathlib import Path

import pytest

from integration.conftest import Serve
from integration.server import EXAMPLES, Server
from integration.strace import Call, traced

pytestmark = pytest.mark.needs("strace")

REQUESTS = 20

RECEIVE = {"recv", "recvfrom", "recvmsg", "read"}
SEND = {"send", "sendto", "sendmsg", "write", "writev"}
WAIT = {"epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll"}

HELLO = ["--chdir", str(EXAMPLES)]


def role(call: Call) -> str:
    for name, calls in {"receive": RECEIVE, "send": SEND, "wait": WAIT}.items():
        if call.name in calls:
            return name
    return call.name


def trace(server: Server, directory: Path, requests: int, path: str = "/") -> list[Call]:
    """The worker's calls for so many connections with one request each; it is warm and idle before."""
    (worker,) = server.workers()
    for _ in range(5):
        server.get(path)
    with traced(worker, directory) as trace:
        for _ in range(requests):
            assert server.get(path).status == 200
        return trace.wait_for(lambda calls: len(connections(calls)) == requests)


def connections(calls: list[Call]) -> list[list[Call]]:
    """The calls between each accept4 that had a connection and the close of it, both included."""
    found: list[list[Call]] = []
    current: list[Call] | None = None
    for call in calls:
        if call.name == "accept4" and call.result >= 0:
            current = []
        if current is not None:
            current.append(call)
            if call.name == "close" and call.fd == current[0].result:
                found.append(current)
                current = None
    return found


def test_over_tcp_a_request_costs_accept4_recv_one_write_shutdown_and_close(
    serve: Serve, tmp_path: Path
) -> None:
    """The call more makes one packet of the answer and the end of the connection."""
    seen = connections(trace(serve("hello", *HELLO), tmp_path, REQUESTS))
    for calls in seen:
        assert [role(call) for call in calls] == ["accept4", "receive", "send", "shutdown", "close"], calls
        assert "MSG_MORE" in calls[2].arguments


def test_nothing_is_held_back_where_the_connection_goes_on(serve: Serve, tmp_path: Path) -> None:
    server = serve("kinds")
    (worker,) = server.workers()
    with server.client() as client, traced(worker, tmp_path) as trace:
        for path in ("/list", "/generator", "/write"):
            client.get(path)
        calls = trace.wait_for(lambda calls: sum(role(call) == "send" for call in calls) >= 3)
    assert not [call for call in calls if "MSG_MORE" in call.arguments]


def test_over_a_unix_socket_it_may_have_to_wait_for_the_first_bytes(serve: Serve, tmp_path: Path) -> None:
    """There is no TCP_DEFER_ACCEPT: connect and send are two events. A client that is held up between them
    for more than the grace of a millisecond, as on a busy machine, is parked."""
    seen = connections(trace(serve("hello", *HELLO, bind=f"unix:{tmp_path}/app.sock"), tmp_path, REQUESTS))
    ways = [[role(call) for call in calls] for calls in seen]
    at_once = ["accept4", "receive", "send", "close"]
    in_time = ["accept4", "receive", "wait", "receive", "send", "close"]
    held_up = [way for way in ways if way not in (at_once, in_time)]
    assert len(held_up) <= REQUESTS // 4, held_up


def test_between_two_requests_an_idle_worker_waits_once(serve: Serve, tmp_path: Path) -> None:
    """But for the look at the listeners once a second: a wait that timed out, fcntl, an accept4 in vain."""
    calls = trace(serve("hello", *HELLO), tmp_path, REQUESTS)
    waits = [call for call in calls if role(call) == "wait" and call.result > 0]
    assert len(waits) <= REQUESTS + 1, calls
    usual = ("accept4", "receive", "send", "shutdown", "close", "wait")
    rest = {call.name for call in calls if role(call) not in usual}
    assert rest <= {"fcntl", "restart_syscall"}, calls


def test_a_kept_alive_request_costs_a_wait_recv_and_one_write(serve: Serve, tmp_path: Path) -> None:
    server = serve("hello", *HELLO)
    (worker,) = server.workers()
    with server.client() as client:
        for _ in range(5):
            client.get("/")
        with traced(worker, tmp_path) as trace:
            for _ in range(REQUESTS):
                client.get("/")
            calls = trace.wait_for(lambda calls: sum(role(call) == "send" for call in calls) == REQUESTS)
    done = [role(call) for call in calls if not (role(call) == "wait" and call.result == 0)]
    assert done.count("receive") <= REQUESTS + 1, calls  # one may find nothing
    assert done.count("send") == REQUESTS
    assert done.count("wait") <= REQUESTS + 1


def test_a_wrapped_file_goes_out_by_sendfile(serve: Serve, tmp_path: Path) -> None:
    calls = trace(serve("big"), tmp_path, 1, "/file")
    sent = [call for call in calls if call.name == "sendfile" and call.result > 0]
    assert sum(call.result for call in sent) == 8 * 2**20


def test_a_static_file_costs_what_an_answer_costs(serve: Serve, tmp_path: Path) -> None:
    """Once a second it is looked whether it has changed: those requests make more calls."""
    (tmp_path / "small.txt").write_text("small")
    (tmp_path / "large.txt").write_bytes(bytes(100_000))
    server = serve("hello", *HELLO, "--static", f"/static/={tmp_path}")
    for path, more in (("/static/small.txt", []), ("/static/large.txt", ["sendfile"])):
        usual = ["accept4", "receive", "send", *more, "shutdown", "close"]
        seen = connections(trace(server, tmp_path, REQUESTS, path))
        ways = [[role(call) for call in calls] for calls in seen]
        assert ways.count(usual) >= REQUESTS / 2, ways


def test_a_list_of_blocks_goes_out_in_one_write(serve: Serve, tmp_path: Path) -> None:
    seen = connections(trace(serve("kinds"), tmp_path, REQUESTS, "/list"))
    assert {sum(role(call) == "send" for call in calls) for calls in seen} == {1}
