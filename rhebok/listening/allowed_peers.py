"""The grammar of lists of peers: --forwarded-allow-ips and --proxy-allow-ips. Pure;
native.allowed_peers makes of the result what csrc/allowed_peers.h wants.

item = ADDRESS | ADDRESS "/" BITS | "unix" | "*"
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

UNIX, ANYBODY = "unix", "*"

MAPPED = bytes(10) + b"\xff\xff"  # in front of an IPv4 address in an IPv6 one (RFC 4291 section 2.5.5.2)


@dataclass(frozen=True)
class Network:
    """The peers whose first `bits` bits are those of the address; IPv4 is mapped into IPv6."""

    address: bytes
    bits: int


@dataclass(frozen=True)
class Peers:
    """A list that has been read."""

    anybody: bool
    unix: bool
    networks: tuple[Network, ...]


def parse_peers(items: Iterable[str]) -> Peers:
    """ValueError says which item cannot be read, and why."""
    words = list(items)
    networks = tuple(_network(word) for word in words if word not in (UNIX, ANYBODY))
    return Peers(ANYBODY in words, UNIX in words, networks)


def _network(word: str) -> Network:
    network = _read(word)
    if isinstance(network, IPv4Network):
        return Network(MAPPED + network.network_address.packed, 96 + network.prefixlen)
    return Network(network.network_address.packed, network.prefixlen)


def _read(word: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(word)
    except ValueError as error:
        if str(error).endswith("has host bits set"):
            raise ValueError(
                f"{word!r} has bits behind its prefix (did you mean {ip_network(word, False)}?)"
            ) from None
        raise ValueError(f"{word!r} is neither an address nor a network, `unix` or `*`") from None
    if getattr(network.network_address, "scope_id", None):
        raise ValueError(f"{word!r} has a zone: peers are known by address alone")
    return network
