"""Makes the listening sockets: binds --bind, or adopts what SERVER_STARTER_PORT hands over. Called by launch.

The master and the workers only use the result. Nothing here touches O_NONBLOCK of an adopted socket: the flag
belongs to the open file, which another generation may be using.
"""

import os
import socket
import stat
from collections.abc import Sequence

from rhebok.errors import ExitStatus, UserError, os_reason
from rhebok.listening import closing_port
from rhebok.listening.activation import ActivatedSocket
from rhebok.listening.addresses import (
    AbstractAddress,
    Address,
    FdAddress,
    TcpAddress,
    UnixAddress,
    parse_bind,
    parse_starter_ports,
)
from rhebok.listening.inet import bind_inet, closed_on_error
from rhebok.listening.unix_path import BoundPath, bind_unix_path
from rhebok.records import dataclass, field, replace

STARTER_VARIABLE = "SERVER_STARTER_PORT"

DEFER_ACCEPT_SECONDS = 1
WILDCARDS = ("0.0.0.0", "::")

# What a unix socket tells the application (PEP 3333 wants both, and neither empty); Host says the rest.
UNIX_SERVER_NAME, UNIX_SERVER_PORT = "localhost", "80"


@dataclass(frozen=True)
class BindOptions:
    backlog: int = 2048
    socket_mode: int | None = 0o777
    reuse_port: bool = False
    owner: tuple[int, int] = (-1, -1)  # of unix paths, as chown(2) has it
    dual: bool = False  # `[::]` takes IPv4 too
    option: str = "--bind"  # which asked for it, for messages


@dataclass(frozen=True)
class Listener:
    """One listening socket. server_name and server_port are for the environ."""

    socket: socket.socket
    name: str  # for the log
    server_name: str
    server_port: str
    path: BoundPath | None = None  # the unix path that we bound ourselves
    owner: int = field(default_factory=os.getpid)  # the process that bound it: its children do not remove it
    ours: bool = False  # the port or abstract name that we bound ourselves

    def fileno(self) -> int:
        return self.socket.fileno()

    @property
    def spec(self) -> str:
        """For SERVER_STARTER_PORT. Of a path there is no other way to know its name: the socket was bound
        under a temporary one."""
        if self.path:
            return f"{self.path.path.replace(';', '?')}={self.fileno()}"
        return f"{self.name.removeprefix('http://')}={self.fileno()}"

    @property
    def family(self) -> int:
        return self.socket.family

    @property
    def is_unix(self) -> bool:
        return self.name.startswith("unix:")  # without the enums of socket.family: each worker asks

    def refuse_new_connections(self) -> None:
        """Called before the connections in the queue are served for the last time. A socket that another
        process bound is not changed: systemd and superdaemons go on listening there. Nothing is done once it
        is closed.
        """
        if self.socket.fileno() < 0:
            return
        if self.path and self.owner == os.getpid():
            self.path.remove()
        if self.ours:
            closing_port.refuse_new_connections(self.socket)

    def close(self) -> None:
        """Closes the socket, and removes the path if it is ours. May be called again."""
        if self.socket.fileno() < 0:
            return
        if self.path and self.owner == os.getpid():
            self.path.release()
        self.socket.close()


def bind_all(specs: Sequence[str], options: BindOptions) -> list[Listener]:
    """All of --bind, or of another option, or none of them."""
    listeners: list[Listener] = []
    addresses = [parse_bind(spec) for spec in specs]
    try:
        for address in addresses:
            listeners.append(_bind(address, replace(options, dual=_takes_ipv4(address, addresses))))
    except UserError:
        close_all(listeners)
        raise
    return listeners


def adopt_starter_ports(value: str) -> list[Listener]:
    """The listeners that start_server opened."""
    try:
        ports = parse_starter_ports(value)
    except ValueError as error:
        raise UserError(f"{STARTER_VARIABLE}: got {value!r}: {error}", ExitStatus.USAGE) from None
    if not ports:
        raise UserError(f"{STARTER_VARIABLE} names no listener: give start_server a --port or a --path")
    return [_adopt(port.fd, f"{STARTER_VARIABLE} {port.spec}={port.fd}", port.spec) for port in ports]


def adopt_activated(sockets: Sequence[ActivatedSocket]) -> list[Listener]:
    """The listeners that systemd opened."""
    return [_adopt(given.fd, f"LISTEN_FDS {given.name}") for given in sockets]


def close_all(listeners: Sequence[Listener]) -> None:
    for listener in listeners:
        listener.close()


def _takes_ipv4(address: Address, all_addresses: Sequence[Address]) -> bool:
    """`[::]` is every address, IPv4 ones too, unless another --bind names the port for IPv4."""
    if not isinstance(address, TcpAddress) or not address.v6 or not _is_unspecified(address.host):
        return False
    v4 = [each for each in all_addresses if isinstance(each, TcpAddress) and not each.v6]
    return address.port == 0 or address.port not in [each.port for each in v4]


def _is_unspecified(host: str) -> bool:
    """Whether it is the IPv6 address `::`, however it is written."""
    from ipaddress import IPv6Address  # 0.3 MiB that most servers do without

    return IPv6Address(host).is_unspecified


def _bind(address: Address, options: BindOptions) -> Listener:
    try:
        if isinstance(address, FdAddress):
            return _adopt(address.fd, f"{options.option} {address}")
        if isinstance(address, TcpAddress):
            return replace(_describe(_bind_tcp(address, options)), ours=True)
        if isinstance(address, AbstractAddress):
            return replace(_describe(_bind_abstract(address, options)), ours=True)
        return _bind_path(address, options)
    except OSError as error:
        raise UserError(
            f"{options.option}: cannot listen on {address}: {os_reason(error)}{_advice(error, address)}"
        ) from None


def _advice(error: OSError, address: Address) -> str:
    if isinstance(error, PermissionError) and isinstance(address, TcpAddress) and address.port < 1024:
        return " (ports below 1024 take root or CAP_NET_BIND_SERVICE)"
    return ""


def _bind_tcp(address: TcpAddress, options: BindOptions) -> socket.socket:
    def prepare(sock: socket.socket) -> None:
        if options.reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        _tune_tcp(sock)

    return bind_inet(
        address, socket.SOCK_STREAM | socket.SOCK_NONBLOCK, options.backlog, prepare, options.dual
    )


def _tune_tcp(sock: socket.socket) -> None:
    """Set once here, inherited by every accepted socket (Linux)."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFER_ACCEPT_SECONDS)


def _bind_abstract(address: AbstractAddress, options: BindOptions) -> socket.socket:
    with closed_on_error(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)) as sock:
        sock.bind("\0" + address.name)
        sock.listen(options.backlog)
    return sock


def _bind_path(address: UnixAddress, options: BindOptions) -> Listener:
    with closed_on_error(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)) as sock:
        path = bind_unix_path(sock, address.path, options.backlog, options.socket_mode, options.owner)
    return Listener(sock, str(address), UNIX_SERVER_NAME, UNIX_SERVER_PORT, path)


def _adopt(fd: int, origin: str, spec: str | None = None) -> Listener:
    """A listening stream socket that somebody else bound; closing it is ours, removing its path is not."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        raise UserError(f"{origin}: descriptor {fd} is not open") from None
    if not stat.S_ISSOCK(mode):
        raise UserError(f"{origin}: descriptor {fd} is not a socket")
    sock = socket.socket(fileno=fd)
    if sock.type != socket.SOCK_STREAM or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.detach()
        raise UserError(f"{origin}: descriptor {fd} is not a listening stream socket")
    sock.set_inheritable(False)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        _tune_tcp(sock)
    return _describe(sock, spec)


def _describe(sock: socket.socket, spec: str | None = None) -> Listener:
    if sock.family == socket.AF_UNIX:
        return Listener(sock, _unix_name(sock.getsockname(), spec), UNIX_SERVER_NAME, UNIX_SERVER_PORT)
    host, port = sock.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    # A wildcard is no name that a client could use: the machine's own name stands in for it.
    name = socket.gethostname() if host in WILDCARDS else shown
    return Listener(sock, f"http://{shown}:{port}", name, str(port))


def _unix_name(address: str | bytes, spec: str | None = None) -> str:
    """Linux gives the names of abstract sockets as bytes with a NUL in front. Of others it knows the name
    that was bound, which is not the one they have since a rename(2); the spec has that."""
    if isinstance(address, bytes):
        return "unix:@" + address[1:].decode("utf-8", "backslashreplace")
    return f"unix:{spec or address}"
