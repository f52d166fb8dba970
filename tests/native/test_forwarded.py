"""The fields by which proxies name the client, in the environ and in the access log. tests/c
and, over the wire, tests/conformance/cases/forwarded.toml test their syntax."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_server import Server, serving, wait_until

FIELDS = (
    "X-Forwarded-For: 192.0.2.1:4711",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: example.com",
    "X-Forwarded-Port: 8443",
)
FORWARDED = 'Forwarded: for="[2001:db8::1]:99";proto=https;host="example.com:81"'

KEYS = ("REMOTE_ADDR", "REMOTE_PORT", "wsgi.url_scheme", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT")


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    values = [environ[key] for key in KEYS]
    assert all(type(value) is str for value in values)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [" ".join(values).encode()]


def said(server: Server, *fields: str) -> str:
    return server.get("/", *fields).body.decode()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(app) as server:
        yield server


def test_the_fields_of_an_allowed_peer_name_the_client(server: Server) -> None:
    assert said(server, *FIELDS) == "192.0.2.1 4711 https example.com test.example 8443"
    assert said(server, FORWARDED) == "2001:db8::1 99 https example.com:81 test.example 81"


def test_keys_without_a_field_keep_their_value(server: Server) -> None:
    assert said(server, FIELDS[0]) == "192.0.2.1 4711 http test.example test.example 8000"
    with server.client() as client:
        port = client.socket.getsockname()[1]
        answer = client.get("/", FIELDS[2]).body.decode()
    assert answer == f"127.0.0.1 {port} http example.com test.example 80"


def test_the_fields_do_not_apply_to_the_next_request_of_the_connection(server: Server) -> None:
    with server.client() as client:
        plain = client.get().body
        assert client.get("/", *FIELDS).body != plain
        assert client.get().body == plain
        assert client.get("/", FORWARDED).body != plain
        assert client.get().body == plain


@pytest.mark.parametrize("allowed", [(), ("192.0.2.0/24", "unix", "::1")])
def test_the_fields_of_other_peers_are_ignored(allowed: tuple[str, ...]) -> None:
    with serving(app, forwarded_allow_ips=allowed) as server, server.client() as client:
        plain = client.get().body
        assert client.get("/", *FIELDS).body == plain
        assert client.get("/", FORWARDED).body == plain


@pytest.mark.parametrize("allowed", [("*",), ("127.0.0.0/8",), ("::ffff:127.0.0.1",)])
def test_peers_may_be_named_in_several_ways(allowed: tuple[str, ...]) -> None:
    with serving(app, forwarded_allow_ips=allowed) as server:
        assert said(server, FORWARDED).startswith("2001:db8::1 99 https")


@pytest.mark.parametrize(("allowed", "client"), [(("unix",), "192.0.2.1 4711"), (("127.0.0.1",), " 0")])
def test_peers_on_unix_sockets_are_allowed_by_the_word_unix(allowed: tuple[str, ...], client: str) -> None:
    with serving(app, unix=True, forwarded_allow_ips=allowed) as server:
        assert said(server, FIELDS[0]).startswith(f"{client} http")


def test_only_the_fields_of_the_setting_are_used() -> None:
    with serving(app, forwarded_headers=("x-forwarded-for",)) as server:
        assert said(server, *FIELDS, FORWARDED) == "192.0.2.1 4711 http test.example test.example 8000"
    with serving(app, forwarded_headers=("forwarded",)) as server:
        assert said(server, *FIELDS, FORWARDED) == "2001:db8::1 99 https example.com:81 test.example 81"


def log_lines(path: Path, count: int) -> list[str]:
    return list(
        wait_until(lambda: len(lines := path.read_text().splitlines()) >= count and lines, "the lines")
    )


def test_the_access_log_shows_the_client(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.touch()
    with serving(app, access_logfile=str(path), access_logformat="%(h)s %(s)s") as server:
        with server.client() as client:
            client.get()
            client.get("/", *FIELDS)
            client.get()
            client.get("/", "X-Forwarded-For: unknown")
        server.get("/", *FIELDS, "Expect: nothing")  # refused before it gets to the application
    assert log_lines(path, 5) == [
        "127.0.0.1 200", "192.0.2.1 200", "127.0.0.1 200", "127.0.0.1 200", "192.0.2.1 417",
    ]  # fmt: skip


def test_the_access_log_shows_the_client_of_a_suspended_response(tmp_path: Path) -> None:
    def large(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        return (b"x" * 100_000 for _ in range(50))

    path = tmp_path / "access.log"
    path.touch()
    with serving(large, access_logfile=str(path), access_logformat="%(h)s %(B)s") as server:
        slow, quick = server.client(receive_buffer=4096), server.client()
        slow.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
        slow.more()
        quick.get("/", "X-Forwarded-For: 192.0.2.2")
        slow.response()
    assert log_lines(path, 2) == ["192.0.2.2 5000000", "192.0.2.1 5000000"]
