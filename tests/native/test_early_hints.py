"""wsgi.early_hints: 103 responses before the final one (RFC 8297)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_server import Client, serving, wait_until

from rhebok.board.counts import Counts, add_up

LINK = ("Link", "</style.css>; rel=preload; as=style")
HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n"


def hinting(*hints: Any) -> Any:
    """An application that sends these hints before its response; the body names the exceptions."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raised = []
        for headers in hints:
            try:
                assert environ["wsgi.early_hints"](headers) is None
            except Exception as error:
                raised.append(type(error).__name__)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [" ".join(raised).encode()]

    return app


def test_hints_arrive_before_the_application_goes_on(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.early_hints"]([LINK])
        gate.read_bytes()
        start_response("200 OK", [])
        return [b"done"]

    with serving(app) as server, server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.take(len(HINT)) == HINT
        gate.write_bytes(b"go on")
        assert client.response().body == b"done"


def test_hints_may_be_sent_several_times_and_the_connection_is_kept() -> None:
    with serving(hinting([LINK], [LINK, ("Link", "</b>")])) as server, server.client() as client:
        for _ in range(3):
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert client.take(len(HINT)) == HINT
            assert client.take_until(b"\r\n\r\n").endswith(b"as=style\r\nLink: </b>\r\n\r\n")
            assert client.response().status == 200


def test_the_bytes_of_hints_are_counted_once_with_their_response() -> None:
    with serving(hinting([LINK], [LINK])) as server, server.client() as client:
        sent = 0
        for number in range(1, 3):
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            response = [client.take_until(b"\r\n\r\n") for _ in range(2)]
            assert response == [HINT, HINT]
            final = client.response()
            sent += 2 * len(HINT) + len(final.raw_head) + len(final.body)
            found = wait_until(
                lambda number=number: (c := Counts(add_up(server.scoreboard.board(0)))).count == number and c,
                "a count",
            )
            assert found.bytes_out == sent


def test_without_the_setting_there_is_no_key() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"%d" % ("wsgi.early_hints" in environ)]

    with serving(app, early_hints=False) as server, server.client() as client:
        assert [client.get().body for _ in range(2)] == [b"0", b"0"]


def test_an_http_1_0_client_gets_no_hints() -> None:
    with serving(hinting([LINK])) as server:
        assert server.get(version="1.0").status == 200


def test_names_and_values_may_be_bytes() -> None:
    with serving(hinting([(b"Link", LINK[1].encode())])) as server, server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.take(len(HINT)) == HINT


def test_fields_of_the_connection_and_content_length_are_left_out() -> None:
    fields = [("Content-Length", "5"), ("Connection", "close"), ("Transfer-Encoding", "chunked"), LINK]
    with serving(hinting(fields)) as server, server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.take(len(HINT)) == HINT
        assert client.response().status == 200


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ([("Link", "</a>\r\nSet-Cookie: a=b")], "ValueError"),
        ([("Link", "</a>\n\nHTTP/1.1 200 OK")], "ValueError"),
        ([("Link\r\nX", "</a>")], "ValueError"),
        ([(b"Link", b"</a>\r\nX: y")], "ValueError"),
        ([("", "</a>")], "ValueError"),
        ([("Link", "\u20ac")], "ValueError"),
        ([("Link", None)], "TypeError"),
        ([("Link",)], "TypeError"),
        (["ab"], "TypeError"),
        (5, "TypeError"),
        ([LINK, ("Link", "\0")], "ValueError"),
    ],
)
def test_a_field_that_must_not_be_sent_raises_and_nothing_is_sent(headers: Any, error: str) -> None:
    with serving(hinting(headers)) as server:
        response = server.get()
        assert (response.status, response.body) == (200, error.encode())


def test_nothing_is_sent_after_the_head_of_the_response() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        environ["wsgi.early_hints"]([LINK])  # the head is known, but not out
        yield b"a"
        environ["wsgi.early_hints"]([LINK])
        yield b"b"

    with serving(app) as server, server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.take(len(HINT)) == HINT
        assert client.response().body == b"ab"


def test_an_early_hints_object_that_is_kept_sends_nothing_into_later_responses() -> None:
    kept: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        for hints in kept:
            hints([LINK])
        if environ["PATH_INFO"] != "/own":
            kept.append(environ["wsgi.early_hints"])
        start_response("200 OK", [])
        return [b"%d" % len(kept)]

    with serving(app) as server, server.client() as client:
        for count in range(1, 4):
            assert client.get().body == b"%d" % count
        assert client.get("/own").body == b"3"


def test_an_environ_that_is_kept_sends_nothing_into_later_responses() -> None:
    kept: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        for old in kept:
            old["wsgi.early_hints"]([LINK])
        environ["itself"] = environ  # a cycle, as frameworks make them
        kept.append(environ)
        start_response("200 OK", [])
        return [b"%d" % len(kept)]

    with serving(app) as server, server.client() as client:
        for count in range(1, 5):
            assert client.get().body == b"%d" % count


def test_another_thread_of_the_application_may_send_them() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        thread = threading.Thread(target=environ["wsgi.early_hints"], args=([LINK],))
        thread.start()
        thread.join()
        start_response("200 OK", [])
        return [b"done"]

    with serving(app) as server, server.client() as client:
        for _ in range(3):
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert client.take(len(HINT)) == HINT
            assert client.response().body == b"done"


def hints_and_answer(client: Client, value: str, limit: int) -> int:
    """Reads whole 103s, at most `limit`, and then the final response; how many 103s there were."""
    expected = f"HTTP/1.1 103 Early Hints\r\nX: {value}\r\n\r\n".encode()
    for count in range(limit + 1):
        head = client.take_until(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 103 "):
            client.buffer = head + client.buffer
            return count
        assert head == expected
    raise AssertionError("too many")


@pytest.mark.parametrize("unix", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_a_client_that_does_not_read_delays_no_other_and_gets_complete_hints(unix: bool, fails: bool) -> None:
    """More hints than the socket takes: the one it cut is completed first, the rest is dropped."""
    value, times = "x" * 8000, 2000

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/":
            start_response("200 OK", [])
            return [b"small"]
        send: Callable[..., None] = environ["wsgi.early_hints"]
        for _ in range(times):
            send([("X", value)])
        if fails:
            raise KeyError("after the hints")
        start_response("200 OK", [])
        return [b"y" * 100_000]

    with serving(app, unix=unix) as server:
        client = server.client(receive_buffer=4096)
        client.send(b"GET /hints HTTP/1.1\r\nHost: h\r\n\r\n")
        client.more()
        assert server.get().body == b"small"
        assert 1 <= hints_and_answer(client, value, times) < times
        response = client.response()
        assert (response.status, len(response.body)) == ((500, 22) if fails else (200, 100_000))
        assert client.get().body == b"small"  # the connection is as good as before


def test_the_access_log_has_the_final_response_alone(tmp_path: Path) -> None:
    log = tmp_path / "access"
    settings = {"access_logfile": str(log), "access_logformat": "%(s)s %({link}o)s %({x}o)s"}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.early_hints"]([LINK])
        start_response("204 No Content", [("X", "y")])
        return []

    with serving(app, **settings) as server, server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        client.take(len(HINT))
        assert client.response().status == 204
    assert log.read_text() == "204 - y\n"
