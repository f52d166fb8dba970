"""The grammar of lists of peers."""

import pytest

from rhebok.listening.allowed_peers import Network, parse_peers


def v4(*octets: int, bits: int) -> Network:
    return Network(bytes(10) + b"\xff\xff" + bytes(octets), bits)


@pytest.mark.parametrize(
    ("item", "network"),
    [
        ("127.0.0.1", v4(127, 0, 0, 1, bits=128)),
        ("10.0.0.0/8", v4(10, 0, 0, 0, bits=104)),
        ("0.0.0.0/0", v4(0, 0, 0, 0, bits=96)),
        ("192.0.2.0/255.255.255.0", v4(192, 0, 2, 0, bits=120)),
        ("::1", Network(bytes(15) + b"\x01", 128)),
        ("2001:db8::/32", Network(b"\x20\x01\x0d\xb8" + bytes(12), 32)),
        ("::ffff:10.0.0.0/104", v4(10, 0, 0, 0, bits=104)),
        ("::/0", Network(bytes(16), 0)),
    ],
)
def test_an_address_or_a_network_is_read(item, network):
    assert parse_peers([item]).networks == (network,)


def test_unix_and_the_asterisk_are_not_networks():
    peers = parse_peers(["unix", "*"])
    assert (peers.unix, peers.anybody, peers.networks) == (True, True, ())


def test_an_empty_list_allows_no_peer():
    peers = parse_peers([])
    assert (peers.unix, peers.anybody, peers.networks) == (False, False, ())


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("10.0.0.1/8", r"'10.0.0.1/8' has bits set after its prefix \(did you mean 10.0.0.0/8\?\)"),
        ("2001:db8::1/32", r"did you mean 2001:db8::/32\?"),
        ("nginx", "'nginx' is neither an address nor a network, `unix` or `\\*`"),
        ("10.0.0.0/33", "neither an address nor a network"),
        ("10.0.0", "neither an address nor a network"),
        ("127.0.0.1:8000", "neither an address nor a network"),
        ("[::1]", "neither an address nor a network"),
        ("unix:", "neither an address nor a network"),
        ("Unix", "neither an address nor a network"),
        ("fe80::1%eth0", "has a zone"),
    ],
)
def test_an_item_that_cannot_be_parsed_is_named(item, reason):
    with pytest.raises(ValueError, match=reason):
        parse_peers(["127.0.0.1", item])
