"""--request-timeout and --timeout: which requests are cut, and which go on because they make progress."""

from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest

from integration.conftest import Serve
from integration.http_client import head
from integration.waiting import until

pytestmark = pytest.mark.slow

# Each way takes 8 steps of 0.3 s. /read-in-pieces reads sizes that no block has; its body is in memory.
PACED = """
import time

def steps():
    for _ in range(8):
        time.sleep(0.3)
        yield

def read(body, size):
    for _ in steps():
        assert len(body.read(size)) == size
    return [b"done"]

def lines(body):
    for _ in steps():
        assert next(body)
    return [b"done"]

def hints(hint):
    for _ in steps():
        hint([("Link", "</style.css>; rel=preload")])
    return [b"done"]

def write(write):
    for _ in steps():
        write(b"block")
    return [b"done"]

def application(environ, start_response):
    path, body = environ["PATH_INFO"], environ["wsgi.input"]
    if path == "/stalls":
        start_response("200 OK", [])
        return stalls()
    if path == "/hints":
        answer = hints(environ["wsgi.early_hints"])
        start_response("200 OK", [])
        return answer
    write_block = start_response("200 OK", [])
    if path == "/write":
        return write(write_block)
    if path == "/yield":
        return (b"block" if number < 7 else b"done" for number, _ in enumerate(steps()))
    if path == "/lines":
        return lines(iter(body))
    return read(body, 100_000 if path == "/read" else 10_000)

def stalls():
    yield b"block"
    while True:
        time.sleep(0.01)
"""
LIMITS = [("1", "--timeout"), ("1", "--request-timeout"), ("2", "--request-timeout")]


@pytest.fixture
def paced(tmp_path: Path) -> None:
    (tmp_path / "paced.py").write_text(PACED)


def post(path: str, size: int) -> bytes:
    return head("POST", path, Content_Length=str(size), Connection="close")


@pytest.mark.usefixtures("paced")
@pytest.mark.parametrize(("threads", "limit"), LIMITS)
def test_each_sign_of_progress_gives_a_request_its_whole_time_again(
    serve: Serve, threads: str, limit: str
) -> None:
    server = serve("paced", "--threads", threads, limit, "1", "--early-hints", workers=6)
    requests = [
        head("GET", "/yield", Connection="close"),
        head("GET", "/write", Connection="close"),
        head("GET", "/hints", Connection="close"),
        post("/read", 2_000_000) + bytes(2_000_000),  # in a file
        post("/read-in-pieces", 300_000) + bytes(300_000),
        post("/lines", 300_000) + b"x\n" * 150_000,
    ]
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in requests]
        for client, request in zip(clients, requests, strict=True):
            client.send(request)
        assert [b"done" in client.rest() for client in clients] == [True] * len(requests)
    assert not server.matches(r"\[(?:WARNING|ERROR)\]"), server.log


@pytest.mark.usefixtures("paced")
@pytest.mark.parametrize(("threads", "limit"), LIMITS)
def test_a_stream_without_progress_is_cut_and_the_log_names_the_setting(
    serve: Serve, threads: str, limit: str
) -> None:
    server = serve("paced", "--threads", threads, limit, "1")
    first = server.workers()
    with server.client() as client:
        client.send(head("GET", "/stalls"))
        server.wait_for(rf"has not answered GET /stalls within 1 s \({limit}\)")
        assert not client.rest().endswith(b"0\r\n\r\n")
        server.wait_for(rf"RequestTimeout: no progress within .*{limit}")
        server.tracebacks = 1
        server.wait_for_workers(1, without=first)


@pytest.mark.parametrize(
    ("timeout", "request_timeout", "said"), [(1, 30, "--timeout"), (30, 1, "--request-")]
)
def test_with_one_thread_the_smaller_one_counts(
    serve: Serve, timeout: int, request_timeout: int, said: str
) -> None:
    server = serve("together", "--timeout", str(timeout), "--request-timeout", str(request_timeout))
    assert server.get("/stuck").status == 500
    server.wait_for(rf"has not answered GET /stuck within 1 s \({said}")
    server.tracebacks = 1


def test_with_several_threads_the_timeout_cuts_no_request(serve: Serve) -> None:
    """Even when all threads have one: these wait, and only a held interpreter is a reason."""
    server = serve("together", "--threads", "2", "--timeout", "0.5", PARTIES="2")
    with server.client() as first, server.client() as second:
        for client in (first, second):
            client.send(head("GET", "/listen", Connection="close"))
            assert client.response_head()[0] == 200
        until_later = monotonic() + 8  # longer than the shortest --timeout and two looks
        until(lambda: monotonic() > until_later)
        assert not server.matches(r"\[(?:WARNING|ERROR)\]"), server.log
        assert len(server.workers()) == 1
