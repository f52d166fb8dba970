"""The grammar of addresses: --bind of rhebok, --port of rhebok-starter, and the specs in SERVER_STARTER_PORT.

Pure; listeners and starter.sockets make the sockets. ValueError says what is wrong with a text.

bind    = [ HOST ] [ ":" PORT ] | "[" V6 "]" [ ":" PORT ] | PORT | "unix:" PATH | "unix:@" NAME | "fd://" N
port    = [ HOST ":" ] [ "u" ] PORT [ "=" FD ]             HOST: of any kind, brackets or not
starter = [ spec "=" FD *( ";" spec "=" FD ) ]
spec    = PORT | HOST ":" PORT | "[" V6 "]" ":" PORT | PATH
"""

from rhebok.records import dataclass

DEFAULT_PORT = 8000  # gunicorn's

UNIX_PATH_MAX = 107  # sizeof(sun_path) less the NUL, unix(7)

_NOT_IN_HOST = frozenset(":/[]@")
_PORT_DIGITS, _FD_DIGITS = 5, 7
_STARTER_PORT = r"(?:(?P<host>.*):)?(?P<udp>u?)(?P<port>[0-9]{1,5})(?:=(?P<fd>[0-9]{1,9}))?"


@dataclass(frozen=True)
class TcpAddress:
    host: str
    port: int
    v6: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.v6 else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class UnixAddress:
    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True)
class AbstractAddress:
    name: str

    def __str__(self) -> str:
        return f"unix:@{self.name}"


@dataclass(frozen=True)
class FdAddress:
    fd: int

    def __str__(self) -> str:
        return f"fd://{self.fd}"


Address = TcpAddress | UnixAddress | AbstractAddress | FdAddress


def parse_bind(spec: str) -> Address:
    """One --bind value; ValueError says what is wrong with it."""
    if spec.startswith("unix:"):
        return _unix(spec.removeprefix("unix:"))
    if spec.startswith("fd://"):
        return FdAddress(_fd(spec.removeprefix("fd://")))
    return _tcp(spec.removeprefix("tcp://"))


def _unix(rest: str) -> UnixAddress | AbstractAddress:
    path = rest.removeprefix("//")
    if not path or path == "@":
        raise ValueError("the path of the unix socket is missing")
    if "\0" in path:
        raise ValueError("a path cannot contain a NUL")
    if len(path.encode("utf-8", "surrogateescape")) > UNIX_PATH_MAX:
        raise ValueError(f"the path of a unix socket has at most {UNIX_PATH_MAX} bytes")
    return AbstractAddress(path[1:]) if path.startswith("@") else UnixAddress(path)


def _fd(text: str) -> int:
    if not _is_number(text, _FD_DIGITS):
        raise ValueError("a descriptor is a number")
    return int(text)


def _tcp(spec: str) -> TcpAddress:
    if spec.startswith("["):
        return _tcp_v6(spec)
    if ":" not in spec and not _is_number(spec, _PORT_DIGITS):
        spec = f"{spec}:{DEFAULT_PORT}"
    host, _, port = spec.rpartition(":")
    if ":" in host:
        raise ValueError(f"an IPv6 address stands in brackets (did you mean [{host}]:{port}?)")
    if host and not all(_in_host(letter) for letter in host):
        raise ValueError(f"{host!r} is not a host name or an address")
    return TcpAddress(host or "0.0.0.0", _port(port))


def _tcp_v6(spec: str) -> TcpAddress:
    host, bracket, rest = spec[1:].partition("]")
    if not bracket or (rest and not rest.startswith(":")):
        raise ValueError("an IPv6 address is written [ADDRESS] or [ADDRESS]:PORT")
    from ipaddress import AddressValueError, IPv6Address  # 0.3 MiB that most servers do without

    try:
        IPv6Address(host or "::")
    except AddressValueError:
        raise ValueError(f"{host!r} is not an IPv6 address") from None
    return TcpAddress(host or "::", _port(rest[1:]) if rest else DEFAULT_PORT, v6=True)


def _port(text: str) -> int:
    if not _is_number(text, _PORT_DIGITS) or int(text) > 65535:
        raise ValueError(f"the port must be a number from 0 to 65535, not {text!r}")
    return int(text)


def _is_number(text: str, digits: int) -> bool:
    """Decimal, of at most so many digits."""
    return text.isascii() and text.isdigit() and len(text) <= digits


def _in_host(letter: str) -> bool:
    return letter not in _NOT_IN_HOST and not letter.isspace()


@dataclass(frozen=True)
class PortSpec:
    """One --port of rhebok-starter: the address, and the descriptor at which the program wants its socket."""

    host: str | None
    port: int
    udp: bool = False
    fd: int | None = None

    @property
    def address(self) -> TcpAddress:
        """What is bound: a bare port is every IPv4 address."""
        host = self.host if self.host is not None else "0.0.0.0"
        return TcpAddress(host, self.port, v6=":" in host)

    @property
    def name(self) -> str:
        """The key in SERVER_STARTER_PORT: neither the `u` nor the `=fd` is part of it."""
        return str(self.port) if self.host is None else str(self.address)


def parse_port(text: str) -> PortSpec:
    """One --port value."""
    import re  # which only rhebok-starter has anyway

    match = re.fullmatch(_STARTER_PORT, text)
    if match is None:
        raise ValueError(f"--port={text}: expected [HOST:][u]PORT[=FD], like 8080, u53, [::1]:80=7")
    if int(match["port"]) > 65535:
        raise ValueError(f"--port={text}: a port is at most 65535")
    host, fd = match["host"], match["fd"]
    if host is not None:
        host = _starter_host(host, text)
    return PortSpec(host, int(match["port"]), bool(match["udp"]), None if fd is None else int(fd))


def _starter_host(host: str, text: str) -> str:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not bare or ";" in bare or "=" in bare:
        raise ValueError(f"--port={text}: not a host; for any address leave it and the ':' out")
    return bare


def parse_path(text: str) -> str:
    """One --path value of rhebok-starter."""
    if not text:
        raise ValueError("--path: the path of a unix socket must not be empty")
    if ";" in text:
        raise ValueError(f"--path={text}: SERVER_STARTER_PORT cannot hold a ';'; choose another path")
    return text


@dataclass(frozen=True)
class StarterPort:
    """One listener that a superdaemon hands over."""

    spec: str
    fd: int


def parse_starter_ports(value: str) -> list[StarterPort]:
    """The value of SERVER_STARTER_PORT; ValueError names the part that cannot be read."""
    return [_starter_port(part) for part in value.split(";") if part]


def _starter_port(part: str) -> StarterPort:
    spec, equals, fd = part.rpartition("=")
    if not equals or not spec or not _is_number(fd, _FD_DIGITS):
        raise ValueError(f"{part!r} is not SPEC=FD")
    return StarterPort(spec, int(fd))
