"""Requests to the metrics process: as data, fed whole and byte by byte."""

from http import HTTPStatus

import pytest

from rhebok.metrics.request import LONGEST_HEAD, Refused, Request, read_request, refusal, response

TAKEN = [
    (b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", Request("/metrics", "", False)),
    (b"GET /metrics HTTP/1.0\r\n\r\n", Request("/metrics", "", False)),
    (b"HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n", Request("/livez", "", True)),
    (b"GET /readyz?verbose=1 HTTP/1.1\r\nHost: a\r\n\r\n", Request("/readyz", "", False)),
    (b"GET HTTP://a:1/livez HTTP/1.1\r\nHost: a\r\n\r\n", Request("/livez", "", False)),
    (b"GET /metrics HTTP/1.1\r\nhost:a\r\nAccept: x/y;q=0.5\r\nACCEPT: */*\r\n\r\n",
     Request("/metrics", "x/y;q=0.5, */*", False)),
    (b"GET /livez HTTP/1.1\r\nHost: a\r\nX: \xff\r\n\r\nmore", Request("/livez", "", False)),
]  # fmt: skip

REFUSED = [
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    (b"GET /metrics/ HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    (b"GET /Metrics HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    (b"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    (b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 405),
    (b"DELETE /livez HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    (b"get /livez HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    (b"GET /livez HTTP/1.1\r\n\r\n", 400),  # no Host
    (b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET /livez HTTP/2.0\r\nHost: a\r\n\r\n", 400),
    (b"GET /livez HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    (b"GET /livez HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
    (b"GET /livez HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400),
    (b"GET /livez HTTP/1.1\r\nHost: a\r\nX: a\nb\r\n\r\n", 400),
    (b"GET /livez HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400),
    (b"GET  /livez HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /li\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET\r\n\r\n", 400),
    (b"\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # TLS
    (b"PRI * HTTP/2.0\r\n", 400),
    (b"GET /" + b"a" * LONGEST_HEAD, 400),
    (b"GET /livez HTTP/1.1\r\n" + b"A: b\r\n" * LONGEST_HEAD, 400),
    (b"GET /livez HTTP/1.1\r\nHost: a\r\nA: " + b"b" * LONGEST_HEAD + b"\r\n\r\n", 400),
]  # fmt: skip


def outcome(received: bytes) -> Request | int | None:
    try:
        return read_request(received)
    except Refused as refused:
        return refused.status.value


def byte_by_byte(data: bytes) -> Request | int | None:
    return next(
        (found for end in range(1, len(data) + 1) if (found := outcome(data[:end])) is not None), None
    )


@pytest.mark.parametrize(("data", "request_"), TAKEN)
def test_what_is_asked(data: bytes, request_: Request) -> None:
    assert outcome(data) == request_
    assert byte_by_byte(data) == request_


@pytest.mark.parametrize(("data", "status"), REFUSED)
def test_what_is_refused(data: bytes, status: int) -> None:
    assert outcome(data) == status
    if len(data) < 1000:
        assert byte_by_byte(data) == status


def test_a_part_of_a_request_is_waited_for() -> None:
    data = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
    assert {outcome(data[:end]) for end in range(len(data))} == {None}


def test_a_response_says_that_the_connection_ends() -> None:
    head, _, body = response(HTTPStatus(404), b"body\n").partition(b"\r\n\r\n")
    assert body == b"body\n"
    assert b"Connection: close" in head
    assert b"Content-Length: 5" in head
    assert b"Allow: GET, HEAD" in refusal(HTTPStatus(405))
    assert response(HTTPStatus(200), b"body\n", without_body=True).endswith(b"\r\n\r\n")
