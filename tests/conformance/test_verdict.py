"""The judge and the client themselves: that every way for a server to be wrong is noticed."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
import wire
from cases import Case, Expected, Until
from verdict import Kind, kind, problems
from wire import Exchange, Response

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"


def case(*responses: Expected, survives: bool | None = True, eof: bool = False) -> Case:
    wanted = responses or (Expected(),)
    return Case("file", "name", "RFC 9112 section 3", (), (GET,), eof, wanted, survives, "name")


def answer(
    path: str = "/a",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    interim: tuple[int, ...] = (),
    **environ: str,
) -> Response:
    seen = {
        "environ": {"PATH_INFO": path, **environ},
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "start": body.decode("latin-1"),
    }
    return Response("HTTP/1.1", 200, dict(headers or {}), json.dumps(seen).encode(), interim)


def error(status: int, version: str = "HTTP/1.1", connection: str = "close") -> Response:
    return Response(version, status, {"connection": connection}, b"")


PROBE = answer("/probe")
REFUSAL = Expected(status=(400,))


def whole(*responses: Response, closed: bool = False, torn: str = "") -> Exchange:
    return Exchange("whole", 0, list(responses), closed, torn)


def test_a_right_answer_and_a_probe_are_no_problem() -> None:
    assert problems(case(), whole(answer(), PROBE)) == []


def test_a_right_refusal_is_no_problem() -> None:
    assert problems(case(REFUSAL, survives=False), whole(error(400), closed=True)) == []


def test_either_is_fine_when_the_case_says_so() -> None:
    assert problems(case(survives=None), whole(answer(), PROBE)) == []
    assert problems(case(survives=None), whole(answer(headers={"connection": "close"}), closed=True)) == []


def test_a_close_without_an_answer_is_fine_only_where_the_case_says_so() -> None:
    silent = case(Expected(status=(400, 0)), survives=False, eof=True)
    assert problems(silent, whole(closed=True)) == []
    assert problems(case(REFUSAL, survives=False, eof=True), whole(closed=True)) == ["0 of 1 responses came"]


def test_the_first_of_two_answers_cannot_be_missing() -> None:
    wanted = case(Expected(), Expected(status=(400, 0)), survives=False, eof=True)
    assert problems(wanted, whole(answer(), closed=True)) == []
    assert problems(wanted, whole(closed=True)) == ["0 of 1 responses came"]


@pytest.mark.parametrize(
    ("wanted", "exchange", "problem"),
    [
        (case(REFUSAL, survives=False), whole(error(414), closed=True), "status 414, not 400"),
        (case(REFUSAL, survives=False), whole(answer(), closed=True), "status 200, not 400"),
        (case(REFUSAL, survives=False), whole(error(400)), "the connection was not closed"),
        (
            case(REFUSAL, survives=False),
            whole(error(400, connection=""), closed=True),
            "closed without Connection: close",
        ),
        (
            case(REFUSAL, survives=False),
            whole(error(400), answer("/hidden"), closed=True),
            "1 responses more",
        ),
        (case(), whole(answer(), closed=True), "the connection did not survive"),
        (case(), whole(answer(), answer("/b"), closed=True), "1 responses more"),
        (case(), whole(answer(), answer("/b"), PROBE), "2 responses more"),
        (case(), whole(answer(), torn="cut off: b'x'", closed=True), "not a response"),
        (case(), whole(error(200), PROBE), "200, but not from the application"),
        (case(Expected(environ={"K": "v"})), whole(answer(K="w"), PROBE), "K is 'w', not 'v'"),
        (case(Expected(environ={"K": "v"})), whole(answer(), PROBE), "K is None, not 'v'"),
        (case(Expected(absent=("HTTP_K",))), whole(answer(HTTP_K=""), PROBE), "HTTP_K is there"),
        (case(Expected(body=b"hello")), whole(answer(body=b"hellO"), PROBE), "the body is 5 bytes"),
        (case(Expected(headers={"A": "b"})), whole(answer(), PROBE), "A is None, not 'b'"),
        (case(Expected(interim=(100,))), whole(answer(), PROBE), "interim responses (), not (100,)"),
        (
            case(Expected(interim=())),
            whole(answer(interim=(100,)), PROBE),
            "interim responses (100,), not ()",
        ),
        (case(), whole(answer(interim=(102,)), PROBE), "interim responses (102,)"),
        (case(Expected(), Expected()), whole(answer(), closed=True), "1 of 2 responses came"),
        (
            case(),
            Exchange("pipelined", 1, [answer("/a"), PROBE]),
            "the good request before it was not answered",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_problem_is_noticed(wanted: Case, exchange: Exchange, problem: str) -> None:
    assert any(found.startswith(problem) for found in problems(wanted, exchange)), problems(wanted, exchange)


def test_an_empty_content_length_counts_as_absent() -> None:
    assert problems(case(Expected(absent=("CONTENT_LENGTH",))), whole(answer(CONTENT_LENGTH=""), PROBE)) == []


@pytest.mark.parametrize(
    ("wanted", "exchange", "expected"),
    [
        (case(), whole(answer(), PROBE), Kind.PASS),
        (case(REFUSAL, survives=False), whole(error(501), closed=True), Kind.OTHER_STATUS),
        (case(REFUSAL, survives=False), whole(error(400)), Kind.CONNECTION),
        (case(), whole(error(400), closed=True), Kind.REFUSED),
        (case(Expected(body=b"a")), whole(answer(body=b"b"), PROBE), Kind.READ_WRONG),
        (case(REFUSAL, survives=False), whole(answer()), Kind.ACCEPTED),
        (case(REFUSAL, survives=False), whole(answer(), answer("/hidden")), Kind.SMUGGLED),
        (case(REFUSAL, survives=False), whole(error(400), answer("/hidden")), Kind.SMUGGLED),
    ],
)
def test_the_kind_of_an_exchange(wanted: Case, exchange: Exchange, expected: Kind) -> None:
    assert kind(wanted, exchange) is expected


@contextmanager
def answering(script: list[bytes]) -> Iterator[str]:
    """A server that reads once and then sends each part of the script behind another read."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            for part in script:
                connection.recv(1 << 16)
                connection.sendall(part)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_the_client_reads_every_framing() -> None:
    buffer = bytearray(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        b"HTTP/1.1 204 No Content\r\n\r\n"
        b"HTTP/1.0 200 OK\r\n\r\nok"
    )
    read = [wire.read_response(buffer, False, True) for _ in range(4)]
    assert [response.body for response in read if response] == [b"ok", b"ok", b"", b"ok"]
    assert not buffer


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokXX0\r\n\r\n",
        b"hello\r\n\r\n",
    ],
)
def test_the_client_refuses_what_is_no_response(data: bytes) -> None:
    with pytest.raises(wire.BadResponse):
        wire.read_response(bytearray(data), False, True)


def test_half_a_response_is_none_yet() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    for length in range(len(data)):
        assert wire.read_response(bytearray(data[:length]), False, False) is None


def test_the_client_waits_for_an_interim_response_before_it_goes_on() -> None:
    final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    waiting = Case("f", "n", "r", (), (b"head", Until(100), b"body"), False, (Expected(),), False, "n")
    with answering([b"HTTP/1.1 100 Continue\r\n\r\n", final]) as address:
        exchange = wire.run(waiting, address, "whole", 5.0)
    assert [response.interim for response in exchange.responses] == [(100,)]
    assert exchange.closed


def test_a_response_that_is_cut_off_is_torn() -> None:
    with answering([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"]) as address:
        exchange = wire.run(case(survives=False), address, "whole", 5.0)
    assert exchange.torn.startswith("cut off")


@pytest.mark.parametrize("length", [0, 1, 2, 399, 400, 801, 1200, 5000, 100_000])
def test_pieces_are_all_of_the_bytes_in_order(length: int) -> None:
    data = bytes(index % 251 for index in range(length))
    parts = list(wire.pieces(data))
    assert b"".join(parts) == data
    assert all(parts)
    assert len(parts) <= 3 * wire.SINGLE_BYTES + 2


def test_short_cases_go_byte_by_byte() -> None:
    assert list(wire.pieces(b"abc")) == [b"a", b"b", b"c"]


def test_on_a_unix_socket_every_piece_is_read_by_itself() -> None:
    ours, theirs = socket.socketpair()
    sizes = []

    def serve() -> None:
        while data := theirs.recv(1 << 16):
            sizes.append(len(data))

    thread = threading.Thread(target=serve)
    with ours, theirs:
        ours.setblocking(False)
        thread.start()
        client = wire.Client(ours, [], 30.0, pace=30.0)
        client.send_in_pieces(b"0123456789" * 20)
        client.shut_down()
        thread.join()
    assert sizes == [1] * 200
