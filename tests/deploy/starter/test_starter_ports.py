"""The grammar of --port and --path, rhebok/starter/ports.py."""

import pytest

from rhebok.starter.errors import StarterError
from rhebok.starter.ports import PortSpec, check_distinct_fds, parse_path, parse_port

GOOD = [
    ("8080", PortSpec(None, 8080), "8080"),
    ("0", PortSpec(None, 0), "0"),
    ("65535", PortSpec(None, 65535), "65535"),
    ("8080=7", PortSpec(None, 8080, fd=7), "8080"),
    ("u53", PortSpec(None, 53, udp=True), "53"),
    ("u53=3", PortSpec(None, 53, udp=True, fd=3), "53"),
    ("127.0.0.1:80", PortSpec("127.0.0.1", 80), "127.0.0.1:80"),
    ("localhost:80=4", PortSpec("localhost", 80, fd=4), "localhost:80"),
    ("127.0.0.1:u53", PortSpec("127.0.0.1", 53, udp=True), "127.0.0.1:53"),
    ("[::1]:80", PortSpec("::1", 80), "[::1]:80"),
    ("[::]:u53=9", PortSpec("::", 53, udp=True, fd=9), "[::]:53"),
    ("::1:80", PortSpec("::1", 80), "[::1]:80"),
    ("[127.0.0.1]:80", PortSpec("127.0.0.1", 80), "127.0.0.1:80"),  # as Perl's takes them
    ("[localhost]:80=4", PortSpec("localhost", 80, fd=4), "localhost:80"),
    ("[fe80::1%lo]:80", PortSpec("fe80::1%lo", 80), "[fe80::1%lo]:80"),
]

BAD = [
    "", "http", "65536", "-1", "80 ", " 80", "8O", "80=", "80=x", "80=-1", ":80", "[]:80", "a;b:80", "a=b:80",
    "host:", "uu53", "53u", "123456", "\N{ARABIC-INDIC DIGIT THREE}",
]  # fmt: skip


@pytest.mark.parametrize(("text", "spec", "name"), GOOD)
def test_a_port_is_parsed_and_named(text: str, spec: PortSpec, name: str) -> None:
    assert parse_port(text) == spec
    assert spec.name == name


@pytest.mark.parametrize("text", BAD)
def test_what_is_not_a_port_is_refused_with_its_value(text: str) -> None:
    with pytest.raises(StarterError) as caught:
        parse_port(text)
    assert f"--port={text}" in str(caught.value)


def test_a_bare_port_means_every_ipv4_address() -> None:
    assert parse_port("80").address == "0.0.0.0"


def test_a_host_with_a_colon_is_ipv6() -> None:
    assert [parse_port(text).ipv6 for text in ("80", "h:80", "[::1]:80")] == [False, False, True]


@pytest.mark.parametrize("text", ["", "/tmp/a;b"])
def test_a_path_that_the_variable_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(StarterError):
        parse_path(text)


def test_two_ports_at_one_descriptor_are_refused() -> None:
    with pytest.raises(StarterError, match="descriptor 7"):
        check_distinct_fds([parse_port("80=7"), parse_port("81=7")])
