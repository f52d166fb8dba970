"""The grammar of lists of peers: --forwarded-allow-ips and --proxy-allow-ips.

Pure. Used by settings.values to check a value, and by native.allowed_peers, which converts the result to the
structs of csrc/http/allowed_peers.h.

item = ADDRESS | ADDRESS "/" BITS | "unix" | "*"
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from socket import AF_INET, AF_INET6, inet_pton

from rhebok.records import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

UNIX, ANYBODY = "unix", "*"

MAPPED = bytes(10) + b"\xff\xff"  # the prefix of an IPv4 address mapped into IPv6 (RFC 4291 section 2.5.5.2)


@dataclass(frozen=True)
class Network:
    """The peers whose address has the same first `bits` bits."""

    address: bytes  # 16 bytes; IPv4 is mapped into IPv6
    bits: int  # 0 to 128


@dataclass(frozen=True)
class Peers:
    """A list that has been parsed."""

    anybody: bool  # `*`: every peer
    unix: bool  # peers on unix sockets
    networks: tuple[Network, ...]


def parse_peers(items: Iterable[str]) -> Peers:
    """Parses the items of a list. Raises ValueError, which names the wrong item and the reason."""
    return _parsed(tuple(items))


@cache  # the workers need what the master has parsed
def _parsed(words: tuple[str, ...]) -> Peers:
    networks = tuple(_network(word) for word in words if word not in (UNIX, ANYBODY))
    return Peers(ANYBODY in words, UNIX in words, networks)


def _network(word: str) -> Network:
    for family, prefix in ((AF_INET, MAPPED), (AF_INET6, b"")):
        with suppress(OSError, ValueError):  # ipaddress is 0.3 MiB that a list of mere addresses does without
            return Network(prefix + inet_pton(family, word), 128)
    return _network_of_many(word)


def _network_of_many(word: str) -> Network:
    network = _read(word)
    if network.version == 4:
        return Network(MAPPED + network.network_address.packed, 96 + network.prefixlen)
    return Network(network.network_address.packed, network.prefixlen)


def _read(word: str) -> IPv4Network | IPv6Network:
    from ipaddress import ip_network

    try:
        network = ip_network(word)
    except ValueError as error:
        if str(error).endswith("has host bits set"):
            raise ValueError(
                f"{word!r} has bits set after its prefix (did you mean {ip_network(word, False)}?)"
            ) from None
        raise ValueError(f"{word!r} is neither an address nor a network, `unix` or `*`") from None
    if getattr(network.network_address, "scope_id", None):
        raise ValueError(f"{word!r} has a zone: peers are compared by address alone")
    return network
