"""Binds what --port and --path name and passes it on to the program; cli.py keeps the Listeners open."""

import fcntl
import os
import resource
import socket
from collections.abc import Iterable, Sequence

from rhebok.errors import UserError, os_reason
from rhebok.listening.addresses import PortSpec
from rhebok.listening.inet import bind_inet, closed_on_error
from rhebok.listening.unix_path import BoundPath, bind_unix_path
from rhebok.records import dataclass

PATH_MODE = 0o777  # access is the business of the directory's permissions, as under start_server


@dataclass
class Listener:
    """A bound socket, its key in SERVER_STARTER_PORT, and the descriptor at which the program finds it."""

    name: str
    sock: socket.socket
    wanted_fd: int | None = None
    path: BoundPath | None = None

    @property
    def fd(self) -> int:
        """The descriptor in the program."""
        return self.sock.fileno() if self.wanted_fd is None else self.wanted_fd


class Listeners:
    """All sockets of one superdaemon: ports in the order of the command line, then paths."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def bind(self, ports: Sequence[PortSpec], paths: Sequence[str], backlog: int) -> None:
        """Binds everything; UserError when that fails, and then close() gives back what was bound before."""
        _check_fds(ports)
        for port in ports:
            self._listeners.append(Listener(port.name, _bind_port(port, backlog), port.fd))
        for path in paths:
            self._listeners.append(_bind_path(path, backlog))
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

    def close_sockets(self) -> None:
        """Closes our copies: once the program has closed its own too, clients are refused. Until close() the
        socket files stay."""
        for listener in self._listeners:
            listener.sock.close()

    def close(self) -> None:
        """Removes our socket files, then closes all sockets."""
        for listener in self._listeners:
            if listener.path is not None:
                listener.path.release()
            listener.sock.close()
        self._listeners.clear()


def _bind_port(spec: PortSpec, backlog: int) -> socket.socket:
    kind = socket.SOCK_DGRAM if spec.udp else socket.SOCK_STREAM
    try:
        return bind_inet(spec.address, kind, backlog)
    except socket.gaierror as error:
        family = "IPv6" if spec.address.v6 else "IPv4"
        raise UserError(f"--port={spec.name}: the host has no {family} address here: {error}") from error
    except OSError as error:
        protocol = "UDP" if spec.udp else "TCP"
        raise UserError(f"cannot bind {protocol} {spec.name}: {error}") from error


def _bind_path(path: str, backlog: int) -> Listener:
    try:
        with closed_on_error(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as sock:
            return Listener(path, sock, path=bind_unix_path(sock, path, backlog, PATH_MODE))
    except OSError as error:
        raise UserError(f"--path={path}: {os_reason(error)}") from error


def _check_fds(ports: Iterable[PortSpec]) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    for spec in ports:
        if spec.fd is not None and spec.fd >= limit:
            raise UserError(f"--port={spec.name}={spec.fd}: descriptors end below {limit} (ulimit -n)")


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
