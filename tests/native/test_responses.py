"""How the body that an application returns is sent (PEP 3333, RFC 9110, RFC 9112)."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from gateway_server import Client, serving

BLOCKS = (b"Hello, ", b"", b"world", b"!")


def answering(body: Any, *headers: tuple[str, str], status: str = "200 OK") -> Any:
    """An application that returns body, or what body() makes."""

    def app(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response(status, list(headers))
        return body() if callable(body) else body

    return app


def generate() -> Iterator[bytes]:
    yield from BLOCKS


class OwnList(list):  # type: ignore[type-arg]
    """A subclass of list is iterated like any iterable: its length is not used."""


@pytest.mark.parametrize("body", [list(BLOCKS), tuple(BLOCKS), [b"".join(BLOCKS)]])
def test_lists_and_tuples_get_a_content_length(body: Any) -> None:
    with serving(answering(body)) as server:
        response = server.get()
        assert response.header("Content-Length") == "13"
        assert response.header("Transfer-Encoding") is None
        assert response.body == b"Hello, world!"


@pytest.mark.parametrize(
    "body", [generate, lambda: iter(BLOCKS), lambda: OwnList(BLOCKS), lambda: {b"Hello, world!"}]
)
def test_other_iterables_are_chunked_and_keep_the_connection(body: Any) -> None:
    with serving(answering(body)) as server, server.client() as client:
        for _ in range(3):
            response = client.get()
            assert response.header("Transfer-Encoding") == "chunked"
            assert response.header("Content-Length") is None
            assert response.body == b"Hello, world!"


@pytest.mark.parametrize("body", [[], (), [b""], lambda: iter(())])
def test_an_empty_body_has_length_zero(body: Any) -> None:
    with serving(answering(body)) as server, server.client() as client:
        assert client.get().header("Content-Length") == "0"
        assert client.get().body == b""


def test_a_body_of_unknown_length_ends_with_the_connection_for_http_1_0() -> None:
    with serving(answering(generate)) as server, server.client() as client:
        response = client.get(version="1.0")
        assert response.header("Transfer-Encoding") is None
        assert response.body == b"Hello, world!"


def test_http_1_0_keeps_the_connection_when_it_asks_and_the_length_is_known() -> None:
    with serving(answering([b"x"])) as server, server.client() as client:
        assert client.get("/", "Connection: keep-alive", version="1.0").header("Connection") == "keep-alive"
        assert client.get(version="1.0").body == b"x"
        assert client.closed()


def test_a_body_of_unknown_length_ends_with_the_connection_without_chunked() -> None:
    with serving(answering(generate), chunked=False) as server, server.client() as client:
        response = client.get()
        assert response.header("Connection") == "close"
        assert response.body == b"Hello, world!"


@pytest.mark.parametrize("body", [list(BLOCKS), generate])
def test_head_sends_no_body(body: Any) -> None:
    with serving(answering(body)) as server, server.client() as client:
        assert client.get(method="HEAD").status == 200
        length = "13" if isinstance(body, list) else None
        assert client.get(method="HEAD").header("Content-Length") == length
        assert client.get().body == b"Hello, world!"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("body", [[], list(BLOCKS), generate])
def test_204_and_304_send_no_body_and_no_framing(status: str, body: Any) -> None:
    with serving(answering(body, status=status)) as server, server.client() as client:
        for _ in range(2):
            response = client.get()
            assert response.header("Content-Length") is None
            assert response.header("Transfer-Encoding") is None


def test_date_and_server_are_added_unless_the_application_gives_them() -> None:
    date = "Tue, 15 Nov 1994 08:12:31 GMT"
    with serving(answering([b""], ("Date", date), ("Server", "mine"))) as server:
        response = server.get()
        assert response.header("Date") == date
        assert response.header("Server") == "mine"
    with serving(answering([b""])) as server:
        response = server.get()
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", response.header("Date") or "")
        assert response.header("Server") == "Rhebok"
    with serving(answering([b""]), server_header="") as server:
        assert server.get().header("Server") is None


def test_connection_close_of_the_application_closes_the_connection() -> None:
    with serving(answering([b"x"], ("Connection", "close"))) as server, server.client() as client:
        assert client.get().header("Connection") == "close"
        assert client.closed()


@pytest.mark.parametrize("body", [[b"123", b"456789"], lambda: iter([b"123", b"456789"]), [b"1" * 20_000]])
def test_a_body_longer_than_the_content_length_is_cut_and_logged(body: Any) -> None:
    with serving(answering(body, ("Content-Length", "5"))) as server, server.client() as client:
        assert client.get("/long").body in (b"12345", b"11111")
        assert client.get().status == 200  # the connection is still in step
        server.wait_for_log("response to GET /long is longer than its Content-Length")


@pytest.mark.parametrize("body", [[b"123"], lambda: iter([b"123"]), lambda: iter(())])
def test_a_body_shorter_than_the_content_length_ends_the_connection_and_is_logged(body: Any) -> None:
    with serving(answering(body, ("Content-Length", "5"))) as server, server.client() as client:
        with pytest.raises(EOFError):
            client.get("/short")
        server.wait_for_log("response to GET /short ended")
        assert server.log().count("Traceback") == 0


@pytest.mark.parametrize(
    "sizes",
    [
        [8191],
        [8192],
        [8193],
        [1] * 3000,
        [100_000] * 30,
        [5_000_000],
        [0, 9000, 0, 1, 0],
        [9000] * 1001 + [1],
    ],
)
@pytest.mark.parametrize("kind", ["list", "generator", "length"])
@pytest.mark.parametrize("unix", [False, True])
def test_bodies_of_all_shapes_arrive_whole(sizes: list[int], kind: str, unix: bool) -> None:
    blocks = [bytes([65 + index % 26]) * size for index, size in enumerate(sizes)]
    whole = b"".join(blocks)
    headers = [("Content-Length", str(len(whole)))] if kind == "length" else []
    app = answering(blocks if kind == "list" else lambda: iter(blocks), *headers)
    with serving(app, unix=unix) as server, server.client() as client:
        assert client.get().body == whole
        assert client.get().body == whole


def test_blocks_are_sent_as_they_are_produced() -> None:
    """Each block arrives before the application is asked for the next: the client allows that."""
    import os

    allow_read, allow_write = os.pipe()

    def app(_environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        for number in range(5):
            yield b"block %d" % number
            assert os.read(allow_read, 1) == b"x"

    with serving(app) as server, server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        client.take_until(b"\r\n\r\n")
        for number, block in enumerate(client.chunks()):
            assert block == b"block %d" % number
            os.write(allow_write, b"x")


def test_write_sends_at_once_and_before_the_returned_body() -> None:
    def app(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", [])
        write(b"one ")
        write(b"")
        write(b"t" * 100_000)
        return [b" three"]

    with serving(app) as server, server.client() as client:
        assert client.get().body == b"one " + b"t" * 100_000 + b" three"
        assert client.get(version="1.0").body == b"one " + b"t" * 100_000 + b" three"


def test_write_waits_for_a_client_that_reads_slowly() -> None:
    def app(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", [])
        for _ in range(20):
            write(b"w" * 1_000_000)
        return []

    with serving(app) as server, server.client(receive_buffer=4096) as client:
        assert client.get().body == b"w" * 20_000_000


def test_pipelined_requests_are_answered_in_order() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [environ["PATH_INFO"].encode()]

    with serving(app) as server, server.client() as client:
        client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % number for number in range(500)))
        assert [client.response().body for _ in range(500)] == [b"/%d" % number for number in range(500)]


def test_pipelined_requests_wait_behind_a_response_that_is_read_slowly() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        big = b"x" * 3_000_000
        return {"/list": [big], "/iterator": iter([big, big])}.get(environ["PATH_INFO"], [b"small"])

    with serving(app) as server, server.client(receive_buffer=4096) as client:
        client.send(
            b"".join(
                b"GET /%b HTTP/1.1\r\nHost: h\r\n\r\n" % path
                for path in (b"list", b"small", b"iterator", b"small", b"list")
            )
        )
        sizes = [len(client.response().body) for _ in range(5)]
        assert sizes == [3_000_000, 5, 6_000_000, 5, 3_000_000]


def test_max_requests_ends_the_worker_after_its_last_answer() -> None:
    with serving(answering([b"x"]), max_requests=3) as server:
        with server.client() as client:
            closings = [client.get().header("Connection") for _ in range(3)]
        assert closings == [None, None, "close"]

        def gone() -> bool:
            try:
                Client(server.address).socket.close()
            except OSError:
                return True
            return False

        from gateway_server import wait_until

        wait_until(gone, "the listener to be closed")


def test_out_of_band_collection_runs_every_n_requests() -> None:
    import gc

    def app(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [repr((gc.isenabled(), gc.get_stats()[2]["collections"])).encode()]

    with serving(app, oobgc=2) as server, server.client() as client:
        seen = [client.get().body for _ in range(5)]
        enabled, before = eval(seen[0])
        assert enabled is False
        assert [eval(body)[1] - before for body in seen] == [0, 0, 1, 1, 2]


@pytest.mark.parametrize("body", [[b"whole"], lambda: iter([b"who", b"le"]), [b"w" * 30_000]])
@pytest.mark.parametrize("unix", [False, True])
def test_the_last_response_arrives_although_bytes_followed_its_request(body: Any, unix: bool) -> None:
    """Closing then resets the connection, and the kernel has kept the last bytes back (MSG_MORE)."""
    running, say_running = os.pipe()
    may_go_on, let_go_on = os.pipe()

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        os.write(say_running, b".")
        os.read(may_go_on, 1)
        return answering(body)(environ, start_response)

    with serving(app, unix=unix) as server, server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        os.read(running, 1)
        client.send(b"\r\n")
        os.write(let_go_on, b".")
        assert client.response().body in (b"whole", b"w" * 30_000)
        with contextlib.suppress(ConnectionResetError):
            assert client.closed()
    for descriptor in (running, say_running, may_go_on, let_go_on):
        os.close(descriptor)
