"""Binds what --port and --path name and passes it on to the program; cli.py keeps the Listeners open."""

import fcntl
import os
import resource
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rhebok.starter.errors import StarterError
from rhebok.starter.ports import PathSpec, PortSpec
from rhebok.starter.unix_path import ClaimedPath, claim, release


@dataclass
class Listener:
    """A bound socket, its key in SERVER_STARTER_PORT, and the descriptor at which the program finds it."""

    name: str
    sock: socket.socket
    wanted_fd: int | None = None
    claimed: ClaimedPath | None = None

    @property
    def fd(self) -> int:
        """The descriptor in the program."""
        return self.sock.fileno() if self.wanted_fd is None else self.wanted_fd


class Listeners:
    """All sockets of one superdaemon: ports in the order of the command line, then paths."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def bind(self, ports: Sequence[PortSpec], paths: Sequence[PathSpec], backlog: int) -> None:
        """Binds everything; what was bound before a failure is for close() to give back."""
        _check_fds(ports)
        for port in ports:
            self._listeners.append(Listener(port.name, _bound(port, backlog), port.fd))
        for path in paths:
            sock, claimed = claim(path.path, backlog)
            self._listeners.append(Listener(path.name, sock, claimed=claimed))
        _make_way(self._listeners)

    def variable(self) -> str:
        """The value of SERVER_STARTER_PORT."""
        return ";".join(f"{listener.name}={listener.fd}" for listener in self._listeners)

    def pass_on(self) -> None:
        """In a forked child: lets every socket through exec, at its descriptor."""
        for listener in self._listeners:
            if listener.wanted_fd is None:
                listener.sock.set_inheritable(True)
            else:
                os.dup2(listener.sock.fileno(), listener.wanted_fd, inheritable=True)

    def let_go(self) -> None:
        """Closes our copies: once the program has closed its own too, clients are refused. Until close() the
        socket files stay."""
        for listener in self._listeners:
            listener.sock.close()

    def close(self) -> None:
        """Removes our socket files, then closes all sockets."""
        for listener in self._listeners:
            if listener.claimed is not None:
                release(listener.claimed)
            listener.sock.close()
        self._listeners.clear()


def _bound(spec: PortSpec, backlog: int) -> socket.socket:
    family = socket.AF_INET6 if spec.ipv6 else socket.AF_INET
    address = _resolved(spec, family)
    sock = socket.socket(family, socket.SOCK_DGRAM if spec.udp else socket.SOCK_STREAM)
    try:
        if spec.ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if not spec.udp:
            # On UDP the option would let a second superdaemon take datagrams away from the first.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        if not spec.udp:
            sock.listen(backlog)
    except OSError as error:
        sock.close()
        raise StarterError(f"cannot bind {'UDP' if spec.udp else 'TCP'} {spec.name}: {error}") from error
    return sock


def _resolved(spec: PortSpec, family: socket.AddressFamily) -> tuple[str | int | bytes, ...]:
    try:
        found = socket.getaddrinfo(spec.address, spec.port, family, flags=socket.AI_PASSIVE)
    except OSError as error:
        kind = "IPv6" if spec.ipv6 else "IPv4"
        raise StarterError(f"--port={spec.name}: the host has no {kind} address here: {error}") from error
    return found[0][4]


def _check_fds(ports: Iterable[PortSpec]) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    for spec in ports:
        if spec.fd is not None and spec.fd >= limit:
            raise StarterError(f"--port={spec.name}={spec.fd}: descriptors end below {limit} (ulimit -n)")


def _make_way(listeners: Iterable[Listener]) -> None:
    """Clears the descriptors that `=fd` asks for, so that in the child no dup2 hits another socket."""
    wanted = {listener.wanted_fd for listener in listeners if listener.wanted_fd is not None}
    for listener in listeners:
        if listener.sock.fileno() in wanted:
            listener.sock = _moved(listener.sock, wanted)


def _moved(sock: socket.socket, avoid: set[int]) -> socket.socket:
    """The same socket at the lowest free descriptor that is not in `avoid`."""
    lowest = sock.fileno()
    while True:
        fd = fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD_CLOEXEC, lowest)
        if fd not in avoid:
            sock.close()
            return socket.socket(fileno=fd)
        os.close(fd)
        lowest = fd + 1
