"""wsgiref.validate.validator around an application that answers in every way finds nothing wrong."""

import pytest

from integration.apps.kinds import KINDS, WHOLE
from integration.conftest import Serve

EXPECTED = {
    **dict.fromkeys(KINDS, (200, WHOLE)),
    "replaced": (404, WHOLE),
    "nothing": (200, b""),
    "no-content": (204, b""),
    "not-modified": (304, b""),
}
SPECIAL = {"echo", "environ"}

either_app = pytest.mark.parametrize("app", ["kinds", "kinds:checked"])


@either_app
def test_every_kind_of_response_arrives_whole_on_one_connection(serve: Serve, app: str) -> None:
    server = serve(app)
    with server.client() as client:
        for kind in sorted(KINDS.keys() - SPECIAL):
            response = client.get(f"/{kind}")
            assert (kind, response.status, response.body) == (kind, *EXPECTED[kind])


@either_app
def test_head_has_the_same_status_and_no_body(serve: Serve, app: str) -> None:
    server = serve(app)
    with server.client() as client:
        for kind in sorted(KINDS.keys() - SPECIAL - {"write"}):
            response = client.request("HEAD", f"/{kind}")
            assert (kind, response.status, response.body) == (kind, EXPECTED[kind][0], b"")


@either_app
def test_an_http_1_0_client_gets_every_kind_unchunked(serve: Serve, app: str) -> None:
    server = serve(app)
    for kind in sorted(KINDS.keys() - SPECIAL):
        with server.client() as client:
            client.send(f"GET /{kind} HTTP/1.0\r\n\r\n".encode())
            status, fields = client.response_head()
            assert "transfer-encoding" not in fields
            assert (kind, status, client.rest()) == (kind, *EXPECTED[kind])


@either_app
@pytest.mark.parametrize("bind", ["127.0.0.1:0", "unix:app.sock"])
def test_a_body_reads_the_same_by_every_method(serve: Serve, app: str, bind: str) -> None:
    server = serve(app, "--body-buffer", "1000", bind=bind)
    for size in (0, 1, 999, 1000, 1001, 300_000):
        body = (b"0123456789abcde\n" * (size // 16 + 1))[:size]
        with server.client() as client:
            assert client.post("/echo", body).body == body
            client.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            client.send((b"%x\r\n%s\r\n" % (size, body) if size else b"") + b"0\r\n\r\n")
            assert client.response().body == body


@either_app
def test_the_iterable_is_closed_once_a_request(serve: Serve, app: str) -> None:
    server = serve(app)
    with server.client() as client:
        for _ in range(3):
            client.get("/closing")
        client.request("HEAD", "/closing")
        client.get("/list")
    server.stop()
    assert server.log.count("iterable closed") == 4
