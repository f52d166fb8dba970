"""The grammar of --bind and of SERVER_STARTER_PORT."""

import pytest

from rhebok.listening.addresses import (
    AbstractAddress,
    FdAddress,
    StarterPort,
    TcpAddress,
    UnixAddress,
    parse_bind,
    parse_starter_ports,
)


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        ("127.0.0.1:8000", TcpAddress("127.0.0.1", 8000)),
        ("localhost:0", TcpAddress("localhost", 0)),
        ("my-host.example:65535", TcpAddress("my-host.example", 65535)),
        (":8080", TcpAddress("0.0.0.0", 8080)),
        ("8080", TcpAddress("0.0.0.0", 8080)),
        ("tcp://1.2.3.4:5", TcpAddress("1.2.3.4", 5)),
        ("[::1]:8000", TcpAddress("::1", 8000, v6=True)),
        ("[::]:80", TcpAddress("::", 80, v6=True)),
        ("[fe80::1%eth0]:80", TcpAddress("fe80::1%eth0", 80, v6=True)),
        ("unix:/run/app.sock", UnixAddress("/run/app.sock")),
        ("unix:///run/app.sock", UnixAddress("/run/app.sock")),
        ("unix:app.sock", UnixAddress("app.sock")),
        ("unix:@app", AbstractAddress("app")),
        ("fd://3", FdAddress(3)),
        ("localhost", TcpAddress("localhost", 8000)),
        ("tcp://1.2.3.4", TcpAddress("1.2.3.4", 8000)),
        ("0", TcpAddress("0.0.0.0", 0)),
        ("0:8080", TcpAddress("0", 8080)),
        ("", TcpAddress("0.0.0.0", 8000)),
        ("[::]", TcpAddress("::", 8000, v6=True)),
    ],
)
def test_an_address_is_read(spec, address):
    assert parse_bind(spec) == address


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("host:", "from 0 to 65535"),
        ("host:65536", "from 0 to 65535"),
        ("host:-1", "from 0 to 65535"),
        ("host:http", "from 0 to 65535"),
        ("host:٣", "from 0 to 65535"),
        ("::1:8000", "stands in brackets"),
        ("[::1]8000", "written [ADDRESS] or [ADDRESS]:PORT"),
        ("[::1:8000", "written [ADDRESS] or [ADDRESS]:PORT"),
        ("[nonsense]:80", "not an IPv6 address"),
        ("http//x:80", "not a host name"),
        ("a b:80", "not a host name"),
        ("unix:", "path of the unix socket is missing"),
        ("unix:@", "path of the unix socket is missing"),
        ("unix:/" + "x" * 107, "at most 107 bytes"),
        ("unix:/" + "é" * 54, "at most 107 bytes"),
        ("fd://x", "a descriptor is a number"),
        ("fd://-1", "a descriptor is a number"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(spec, reason):
    with pytest.raises(ValueError, match=r".") as refused:
        parse_bind(spec)
    assert reason in str(refused.value)


@pytest.mark.parametrize("spec", ["127.0.0.1:8000", "[::1]:8000", "unix:/run/x", "unix:@x", "fd://3"])
def test_an_address_is_shown_as_it_was_written(spec):
    assert str(parse_bind(spec)) == spec


@pytest.mark.parametrize(
    ("value", "ports"),
    [
        ("", []),
        ("8000=3", [StarterPort("8000", 3)]),
        (
            "0.0.0.0:80=4;[::]:80=5;/tmp/a=b.sock=6",
            [StarterPort("0.0.0.0:80", 4), StarterPort("[::]:80", 5), StarterPort("/tmp/a=b.sock", 6)],
        ),
    ],
)
def test_starter_ports_are_read(value, ports):
    assert parse_starter_ports(value) == ports


@pytest.mark.parametrize("value", ["8000", "8000=", "=3", "8000=x", "8000=3;9000"])
def test_other_starter_ports_are_refused(value):
    with pytest.raises(ValueError, match="is not SPEC=FD"):
        parse_starter_ports(value)
