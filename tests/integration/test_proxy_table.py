"""The table of proxies in docs/HTTP.md: for each configuration, whose values the server gets in each field.
Measured with the real proxy, over plain HTTP."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from integration.http_client import Client
from integration.proxy_sites import Apache, Caddy, Haproxy, Nginx, Proxy
from integration.server import ROOT, Server
from integration.test_proxies import From

# For each field: what a client forges, and the key and value of the environ if that is trusted.
FORGED = {
    "X-Forwarded-For": ("6.6.6.6", "REMOTE_ADDR", "6.6.6.6"),
    "X-Forwarded-Proto": ("https", "wsgi.url_scheme", "https"),
    "X-Forwarded-Host": ("forged", "HTTP_HOST", "forged"),
    "X-Forwarded-Port": ("1", "SERVER_PORT", "1"),
    "X-Forwarded-Ssl": ("on", "wsgi.url_scheme", "https"),
    "X-Forwarded-Protocol": ("ssl", "wsgi.url_scheme", "https"),
    "Forwarded": ("for=6.6.6.6;host=forged;proto=https", "REMOTE_ADDR", "6.6.6.6"),
}

ADDED = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
SCHEME = "proxy_set_header X-Forwarded-Proto $scheme;\n"


def of_the_example() -> str:
    """The proxy_set_header lines of examples/nginx."""
    text = (ROOT / "examples" / "nginx" / "nginx.conf").read_text()
    return "\n".join(re.findall(r"^ *(proxy_set_header (?:Host|X-|Forwarded).*;)", text, re.MULTILINE)) + "\n"


# The rows of the table: the text of the first column, and the directives.
ROWS: dict[type[Proxy], dict[str, str]] = {
    Nginx: {
        "nginx: `proxy_pass` alone": "",
        "nginx: Debian's `proxy_params`, gunicorn's docs": ADDED
        + SCHEME
        + "proxy_set_header Host $http_host;\n",
        "nginx: Flask's docs": ADDED + SCHEME + "proxy_set_header X-Forwarded-Host $host;\n",
        "nginx: `X-Forwarded-Ssl on` instead of -Proto": ADDED + "proxy_set_header X-Forwarded-Ssl off;\n",
        "nginx: `X-Forwarded-Protocol $scheme` instead of -Proto": ADDED
        + "proxy_set_header X-Forwarded-Protocol $scheme;\n",
        "nginx: [our example](../examples/nginx/nginx.conf)": of_the_example(),
    },
    Haproxy: {
        "HAProxy: `mode http` alone": "",
        "HAProxy: `option forwardfor`": "    option forwardfor\n",
        "HAProxy: `option forwardfor if-none`": "    option forwardfor if-none\n",
        "HAProxy: `forwardfor`, -Proto `https if { ssl_fc }`": "    option forwardfor\n"
        "    http-request set-header X-Forwarded-Proto https if { ssl_fc }\n",
        "HAProxy: `forwardfor`, -Proto also `http if !{ ssl_fc }`": "    option forwardfor\n"
        "    http-request set-header X-Forwarded-Proto https if { ssl_fc }\n"
        "    http-request set-header X-Forwarded-Proto http if !{ ssl_fc }\n",
        "HAProxy: the same, -Port `%[dst_port]`": "    option forwardfor\n"
        "    http-request set-header X-Forwarded-Port %[dst_port]\n"
        "    http-request set-header X-Forwarded-Proto https if { ssl_fc }\n"
        "    http-request set-header X-Forwarded-Proto http if !{ ssl_fc }\n",
    },
    Apache: {
        "Apache: `ProxyPass` alone": "",
        "Apache: `ProxyPreserveHost On`, `RequestHeader set X-Forwarded-Proto`": "ProxyPreserveHost On\n"
        'RequestHeader set X-Forwarded-Proto "http"\n',
    },
    Caddy: {"Caddy: `reverse_proxy`": ""},
}

PROXIES = [pytest.param(proxy, marks=pytest.mark.needs(proxy.command), id=proxy.command) for proxy in ROWS]


# The servers: one with the defaults, and those that read other fields. Fields that have the same effect are
# not read by the same one.
READ = {
    "": [],
    "together": ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port"],
    **{field: [field] for field in ("X-Forwarded-Ssl", "X-Forwarded-Protocol", "Forwarded")},
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """For each field the server that reads it; and the one with the defaults, as ""."""

    def start(fields: list[str]) -> Server:
        options = ["--forwarded-headers", ",".join(fields).lower()] if fields else []
        return Server("environ_app", *options, directory=tmp_path_factory.mktemp("server"))

    with ExitStack() as stack, ThreadPoolExecutor(len(READ)) as pool:
        started = dict(zip(READ, pool.map(start, READ.values()), strict=True))
        for server in started.values():
            stack.callback(server.end)
        yield {"": started[""], **{field: started[name] for name in READ for field in READ[name]}}
        list(pool.map(Server.judge, started.values()))


def place_of(server: Server) -> str:
    return "{}:{}".format(*server.address)


def environ_of(client: Client, **fields: str) -> dict[str, Any]:
    response = client.get("/", Host="example.com", **fields)
    assert response.status == 200, response
    environ: dict[str, Any] = response.json()
    return environ


def whose(address: tuple[str, int], field: str) -> str:
    """Whose value the server takes that reads this field."""
    value, key, trusted = FORGED[field]
    with From(address) as client:
        if environ_of(client, **{field: value})[key] == trusted:
            return "**client**"
        return "proxy" if f"HTTP_{field.upper().replace('-', '_')}" in environ_of(client) else "removed"


def documented(label: str) -> list[str]:
    for line in (ROOT / "docs" / "HTTP.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if cells[0] == label:
            return cells[1:]
    raise AssertionError(f"docs/HTTP.md has no row {label!r}")


def check_defaults(address: tuple[str, int]) -> None:
    """No client sets host or port, beyond its own Host and what follows from the scheme."""
    with From(address) as client:
        plain = environ_of(client)
        environ = environ_of(client, **{field: value for field, (value, _, _) in FORGED.items()})
    assert environ["HTTP_HOST"] == plain["HTTP_HOST"]
    ports = (plain["SERVER_PORT"], "443" if environ["wsgi.url_scheme"] == "https" else "80")
    assert environ["SERVER_PORT"] in ports


@pytest.mark.parametrize("kind", PROXIES)
def test_the_docs_say_what_the_proxy_does(
    kind: type[Proxy], servers: dict[str, Server], tmp_path: Path
) -> None:
    rows = ROWS[kind]
    proxy = kind(tmp_path, list(rows.values()), list({place_of(server) for server in servers.values()}))
    try:
        measured = {
            label: [whose(proxy.address(text, place_of(servers[field])), field) for field in FORGED]
            for label, text in rows.items()
        }
        print("\n".join(f"| {label} | {' | '.join(cells)} |" for label, cells in measured.items()))
        for text in rows.values():
            check_defaults(proxy.address(text, place_of(servers[""])))
    finally:
        proxy.end()
    assert measured == {label: documented(label) for label in rows}
