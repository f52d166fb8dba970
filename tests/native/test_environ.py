"""The environ that applications get: PEP 3333, and docs/HTTP.md for fields and targets."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from gateway_server import Server, serving

from rhebok.native.environ import HIDDEN_FIELDS, KNOWN_FIELDS, EnvironBuilder


def dump(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read()
    plain = {key: value for key, value in environ.items() if isinstance(value, (str, bool, tuple))}
    payload = repr((plain, body)).encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [payload]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(dump) as server:
        yield server


def environ_of(body: bytes) -> dict[str, Any]:
    return ast.literal_eval(body.decode())[0]


def test_every_key_of_pep_3333_is_present(server: Server) -> None:
    environ = environ_of(server.get("/a/b?x=1&y=2").body)
    assert environ["REQUEST_METHOD"] == "GET"
    assert environ["SCRIPT_NAME"] == ""
    assert environ["PATH_INFO"] == "/a/b"
    assert environ["QUERY_STRING"] == "x=1&y=2"
    assert environ["RAW_URI"] == environ["REQUEST_URI"] == "/a/b?x=1&y=2"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert environ["SERVER_NAME"] == "test.example"
    assert environ["SERVER_PORT"] == "8000"
    assert environ["HTTP_HOST"] == "test.example"
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["REMOTE_PORT"].isdigit()
    assert environ["wsgi.version"] == (1, 0)
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["wsgi.multithread"] is False
    assert environ["wsgi.multiprocess"] is True
    assert environ["wsgi.run_once"] is False
    assert environ["wsgi.input_terminated"] is True
    assert "CONTENT_TYPE" not in environ
    assert "CONTENT_LENGTH" not in environ


def test_remote_port_is_the_clients(server: Server) -> None:
    client = server.client()
    environ = environ_of(client.get().body)
    assert environ["REMOTE_PORT"] == str(client.socket.getsockname()[1])


def test_over_a_unix_socket_there_is_no_remote_address() -> None:
    with serving(dump, unix=True) as server:
        environ = environ_of(server.get().body)
    assert environ["REMOTE_ADDR"] == ""
    assert environ["REMOTE_PORT"] == "0"


def test_a_request_sees_nothing_of_the_previous_one(server: Server) -> None:
    client = server.client()
    client.send(
        b"POST /first?query HTTP/1.1\r\nHost: other.example\r\nX-First: 1\r\n"
        b"Content-Type: text/x\r\nContent-Length: 3\r\n\r\nabc"
    )
    client.response()
    environ = environ_of(client.get("/second").body)
    assert environ["REQUEST_METHOD"] == "GET"
    assert environ["PATH_INFO"] == environ["REQUEST_URI"] == environ["RAW_URI"] == "/second"
    assert environ["QUERY_STRING"] == ""
    assert environ["HTTP_HOST"] == "test.example"
    assert not {"HTTP_X_FIRST", "CONTENT_TYPE", "CONTENT_LENGTH"} & environ.keys()


def test_server_protocol_is_that_of_each_request(server: Server) -> None:
    assert environ_of(server.get(version="1.0").body)["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert environ_of(server.get(version="1.1").body)["SERVER_PROTOCOL"] == "HTTP/1.1"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a%20b", "/a b"),
        ("/%e3%81%82", "/\xe3\x81\x82"),
        ("/%2F", "//"),
        ("/+", "/+"),
        ("/\xe9", "/\xe9"),
        ("/a%00b", "/a\x00b"),
    ],
)
def test_path_is_percent_decoded_into_latin_1(server: Server, target: str, path: str) -> None:
    environ = environ_of(server.get(target).body)
    assert environ["PATH_INFO"] == path
    assert environ["RAW_URI"] == target


def test_absolute_form_takes_path_and_host_from_the_target(server: Server) -> None:
    environ = environ_of(server.get("http://real.example:81/p?q").body)
    assert environ["PATH_INFO"] == "/p"
    assert environ["QUERY_STRING"] == "q"
    assert environ["HTTP_HOST"] == "real.example:81"
    assert environ["RAW_URI"] == "http://real.example:81/p?q"


def test_repeated_fields_are_joined_and_cookies_with_a_semicolon(server: Server) -> None:
    environ = environ_of(
        server.get("/", "X-Many: 1", "Cookie: a=1", "x-many: 2", "cookie: b=2", "X-MANY: 3").body
    )
    assert environ["HTTP_X_MANY"] == "1, 2, 3"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


def test_fields_with_an_underscore_in_their_name_are_not_passed_on(server: Server) -> None:
    environ = environ_of(server.get("/", "X_Forged: 1", "X-Real: 2").body)
    assert "HTTP_X_FORGED" not in environ
    assert environ["HTTP_X_REAL"] == "2"


def test_the_proxy_field_is_not_passed_on(server: Server) -> None:
    assert "HTTP_PROXY" not in environ_of(server.get("/", "Proxy: http://evil.example/").body)


def test_values_are_latin_1(server: Server) -> None:
    assert environ_of(server.get("/", "X-Name: caf\xe9").body)["HTTP_X_NAME"] == "caf\xe9"


def test_a_chunked_body_arrives_decoded_with_its_length(server: Server) -> None:
    client = server.client()
    client.send(
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nX-Trailer: 1\r\n\r\n"
    )
    environ, body = ast.literal_eval(client.response().body.decode())
    assert body == b"abcdefg"
    assert environ["CONTENT_LENGTH"] == "7"
    assert not {"HTTP_TRANSFER_ENCODING", "HTTP_X_TRAILER"} & environ.keys()


def test_more_names_than_the_table_has_entries_are_all_passed_on(server: Server) -> None:
    client = server.client()
    for start in range(0, 900, 90):
        fields = [f"X-Field-{number}: {number}" for number in range(start, start + 90)]
        environ = environ_of(client.get("/", *fields).body)
        assert all(environ[f"HTTP_X_FIELD_{number}"] == str(number) for number in range(start, start + 90))
    environ = environ_of(client.get("/", "X-Field-899: a", "x-field-899: b").body)
    assert environ["HTTP_X_FIELD_899"] == "a, b"


def colliding_names(count: int) -> list[bytes]:
    """Names that the table cannot tell apart by their length and their first, middle and last byte."""
    return [b"x%03dm%03dz" % (number, number) for number in range(count)]


def test_names_that_a_client_has_chosen_to_collide_cost_no_more_than_others() -> None:
    """Before there was a bound, 450 such names made each request ten times dearer."""
    builder = EnvironBuilder([])
    names = colliding_names(450)
    for _ in range(2):
        assert max(builder.probes(name) for name in names) <= 8
    assert max(builder.probes(name.encode()) for name in KNOWN_FIELDS + HIDDEN_FIELDS) <= 4


def test_names_that_collide_are_all_passed_on(server: Server) -> None:
    client = server.client()
    names = [name.decode() for name in colliding_names(450)]
    for _ in range(2):
        for start in range(0, 450, 90):
            part = names[start : start + 90]
            environ = environ_of(client.get("/", *(f"{name}: {name}" for name in part)).body)
            assert all(environ[f"HTTP_{name.upper()}"] == name for name in part)
            assert environ["HTTP_HOST"] == "test.example"


def test_only_names_of_ours_are_interned() -> None:
    """CPython 3.12 never frees an interned string: a client could fill the memory."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        keys = [key for key in environ if key.startswith("HTTP_")]
        # intern() returns the interned string of these characters: the key, or else the copy
        return [" ".join(key for key in keys if sys.intern("".join([*key])) is key).encode()]

    chosen = [f"X-Chosen-{number}: a" for number in range(20)] + ["X-" + "y" * 200 + ": a"]
    with serving(app) as server:
        assert server.get("/", "User-Agent: a", *chosen).body.split() == [b"HTTP_HOST", b"HTTP_USER_AGENT"]


def test_a_changed_value_is_not_replaced_by_the_remembered_one(server: Server) -> None:
    client = server.client()
    for value in ("one", "two", "one", "onE", "x" * 5000, "one", ""):
        assert environ_of(client.get("/", f"User-Agent: {value}").body)["HTTP_USER_AGENT"] == value
