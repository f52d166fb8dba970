"""Behind real proxies: haproxy with PROXY headers, nginx with X-Forwarded fields."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import Serve
from integration.haproxy import Haproxy
from integration.http_client import Client, connect
from integration.nginx import Nginx
from integration.server import Server

WITH_TLVS = "send-proxy-v2 proxy-v2-options unique-id,crc32c"

CLIENT = "127.0.0.2"  # none of the proxies' addresses


class From(Client):
    """A client with an address of its own."""

    def __init__(self, address: tuple[str, int], host: str = CLIENT) -> None:
        self.socket = connect(address, source=host)
        self._file = self.socket.makefile("rb")

    @property
    def port(self) -> str:
        return str(self.socket.getsockname()[1])


@pytest.fixture
def proxies(tmp_path: Path) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(params=["tcp", "unix"])
def bind(request: pytest.FixtureRequest) -> str:
    return "127.0.0.1:0" if request.param == "tcp" else "unix:app.sock"


def seen(client: Client, path: str = "/", **fields: str) -> dict[str, Any]:
    response = client.get(path, **fields)
    assert response.status == 200
    environ: dict[str, Any] = response.json()
    return environ


# ---- PROXY ----


def behind_haproxy(proxies: ExitStack, server: Server, option: str, host: str = "127.0.0.1") -> Haproxy:
    haproxy = Haproxy(server.directory, server.address, option, host)
    proxies.callback(haproxy.end)
    return haproxy


@pytest.mark.needs("haproxy")
@pytest.mark.parametrize("option", ["send-proxy", "send-proxy-v2", WITH_TLVS])
def test_haproxy_says_who_the_client_is(serve: Serve, proxies: ExitStack, bind: str, option: str) -> None:
    server = serve("environ_app", "--proxy-protocol", "--access-logfile", "access.log", bind=bind)
    haproxy = behind_haproxy(proxies, server, option)
    with From(haproxy.address) as client:
        for _ in range(3):  # the header stands before the first request only
            environ = seen(client)
            assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == (CLIENT, client.port)
        client.send(b"nonsense\r\n\r\n")
        assert client.response().status == 400
    server.stop()
    lines = (server.directory / "access.log").read_text().splitlines()
    assert [line.split()[0] for line in lines] == [CLIENT] * 4


@pytest.mark.needs("haproxy")
@pytest.mark.parametrize("option", ["send-proxy", "send-proxy-v2"])
def test_haproxy_says_it_of_ipv6_too(serve: Serve, proxies: ExitStack, option: str) -> None:
    server = serve("environ_app", "--proxy-protocol")
    with From(behind_haproxy(proxies, server, option, "::1").address, "::1") as client:
        environ = seen(client)
        assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("::1", client.port)


@pytest.mark.needs("haproxy")
def test_what_a_client_behind_haproxy_forges_is_not_believed(serve: Serve, proxies: ExitStack) -> None:
    server = serve("environ_app", "--proxy-protocol")
    with From(behind_haproxy(proxies, server, "send-proxy-v2").address) as client:
        fields = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "forged"}
        environ = seen(client, **fields)
    assert environ["REMOTE_ADDR"] == CLIENT
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["HTTP_HOST"] != "forged"


@pytest.mark.needs("haproxy")
@pytest.mark.parametrize(("sent", "wanted"), [("send-proxy", "v2"), ("send-proxy-v2", "v1"), ("", "auto")])
def test_a_header_of_another_version_or_none_is_refused(
    serve: Serve, proxies: ExitStack, sent: str, wanted: str
) -> None:
    server = serve("environ_app", "--proxy-protocol", wanted)
    with From(behind_haproxy(proxies, server, sent).address) as client:
        assert client.get("/").status == 400
        assert client.at_end()


def test_others_than_the_allowed_speak_http(serve: Serve) -> None:
    server = serve("environ_app", "--proxy-protocol", "--proxy-allow-ips", "192.0.2.0/24,unix")
    assert server.get("/").json()["REMOTE_ADDR"] == "127.0.0.1"
    with server.client() as client:
        client.send(b"PROXY TCP4 192.0.2.1 192.0.2.1 1 1\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.response().status == 400


def test_a_client_of_the_proxies_unix_socket_has_no_address(serve: Serve) -> None:
    server = serve("environ_app", "--proxy-protocol")
    header = b"\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8" + b"/run/x".ljust(216, b"\0")
    with server.client() as client:
        client.send(header + b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
        environ = client.response().json()
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("", "0")


# ---- X-Forwarded ----


@pytest.mark.needs("nginx")
def test_nginx_says_who_the_client_is(serve: Serve, proxies: ExitStack, bind: str, tmp_path: Path) -> None:
    server = serve("environ_app", "--access-logfile", "access.log", bind=bind)
    nginx = Nginx(tmp_path, server.address)
    proxies.callback(nginx.end)
    forged = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "forged",
        "X-Forwarded-Port": "1",
        "Forwarded": "for=6.6.6.6;host=forged",
    }
    with From(nginx.address) as client:
        for fields in ({}, forged):
            environ = seen(client, **{"Host": "Example.com:81", **fields})
            assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == (CLIENT, "0")
            assert (environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == ("http", "example.com")
            assert environ["SERVER_PORT"] == "80"
            assert environ["HTTP_X_FORWARDED_HOST"] == "example.com"
            assert not {"HTTP_X_FORWARDED_PORT", "HTTP_FORWARDED"} & set(environ)
    server.stop()
    lines = (server.directory / "access.log").read_text().splitlines()
    assert [line.split()[0] for line in lines] == [CLIENT] * 2
    nginx.judge()


def test_nobody_is_believed_where_the_list_is_empty(serve: Serve) -> None:
    server = serve("environ_app", "--forwarded-allow-ips", "")
    environ = server.get("/", **{"X-Forwarded-For": "192.0.2.1"}).json()
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["HTTP_X_FORWARDED_FOR"] == "192.0.2.1"


def test_gunicorns_variable_is_the_default(serve: Serve) -> None:
    server = serve("environ_app", FORWARDED_ALLOW_IPS="192.0.2.1")
    assert server.get("/", **{"X-Forwarded-Proto": "https"}).json()["wsgi.url_scheme"] == "http"
