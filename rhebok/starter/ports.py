"""The grammar of --port and --path, as pure functions; options.py calls them, sockets.py binds the result.

    port-spec = [ host ":" ] [ "u" ] port [ "=" fd ]
    host      = name / IPv4 address / "[" IPv6 address "]" / IPv6 address

A bare port means every IPv4 address.
"""

import re
from dataclasses import dataclass

from rhebok.starter.errors import StarterError

ANY_IPV4 = "0.0.0.0"
MAX_PORT = 65535

_PORT_SPEC = re.compile(r"(?:(?P<host>.*):)?(?P<udp>u?)(?P<port>[0-9]{1,5})(?:=(?P<fd>[0-9]{1,9}))?")


@dataclass(frozen=True)
class PortSpec:
    """One --port: the address to bind, and the descriptor at which the program wants it, if it said."""

    host: str | None
    port: int
    udp: bool = False
    fd: int | None = None

    @property
    def ipv6(self) -> bool:
        return self.host is not None and ":" in self.host

    @property
    def address(self) -> str:
        """The host to bind: a bare port means every IPv4 address."""
        return self.host if self.host is not None else ANY_IPV4

    @property
    def name(self) -> str:
        """The key in SERVER_STARTER_PORT: neither the `u` nor the `=fd` is part of it."""
        if self.host is None:
            return str(self.port)
        return f"[{self.host}]:{self.port}" if self.ipv6 else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class PathSpec:
    """One --path: where the unix socket is to be found."""

    path: str

    @property
    def name(self) -> str:
        return self.path


def parse_port(text: str) -> PortSpec:
    """The PortSpec of one --port value."""
    match = _PORT_SPEC.fullmatch(text)
    if match is None:
        raise StarterError(f"--port={text}: expected [HOST:][u]PORT[=FD], like 8080, u53, [::1]:80=7")
    port = int(match["port"])
    if port > MAX_PORT:
        raise StarterError(f"--port={text}: a port is at most {MAX_PORT}")
    fd = int(match["fd"]) if match["fd"] is not None else None
    return PortSpec(_host(match["host"], text), port, bool(match["udp"]), fd)


def parse_path(text: str) -> PathSpec:
    """The PathSpec of one --path value."""
    if not text:
        raise StarterError("--path: the path of a unix socket must not be empty")
    if ";" in text:
        raise StarterError(f"--path={text}: SERVER_STARTER_PORT cannot hold a ';'; choose another path")
    return PathSpec(text)


def check_distinct_fds(specs: list[PortSpec]) -> None:
    """Two listeners cannot stand at one descriptor."""
    seen: dict[int, PortSpec] = {}
    for spec in specs:
        if spec.fd is None:
            continue
        if spec.fd in seen:
            raise StarterError(f"--port: {seen[spec.fd].name} and {spec.name} both want descriptor {spec.fd}")
        seen[spec.fd] = spec


def _host(host: str | None, text: str) -> str | None:
    if host is None:
        return None
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not bare or ";" in bare or "=" in bare:
        raise StarterError(f"--port={text}: not a host; for any address leave it and the ':' out")
    if bare != host and ":" not in bare:
        raise StarterError(f"--port={text}: only an IPv6 address stands in brackets")
    return bare
