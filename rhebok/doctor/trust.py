"""Checks of who is believed, and who can reach the sockets."""

import os
import stat
from collections.abc import Iterator, Sequence

from rhebok.doctor.finding import Finding, note, ok, to_change
from rhebok.doctor.system import System
from rhebok.listening.addresses import TcpAddress, UnixAddress, parse_bind
from rhebok.listening.allowed_peers import MAPPED, parse_peers
from rhebok.settings.table import Settings

_ALL = ("0.0.0.0", "::", "")


def check(settings: Settings, system: System) -> Iterator[Finding]:
    yield from _proxies(settings)
    yield from _proxy_protocol(settings)
    yield from _user(settings, system)
    yield from _unix_sockets(settings)
    yield from _low_ports(settings, system)
    yield from _metrics(settings)


def _open_to_others(settings: Settings) -> list[str]:
    """TCP addresses that other machines can reach."""
    addresses = [parse_bind(text) for text in settings.bind]
    return [str(each) for each in addresses if isinstance(each, TcpAddress) and not _is_loopback(each.host)]


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _believes_everybody(peers: Sequence[str]) -> bool:
    parsed = parse_peers(peers)
    return parsed.anybody or any(
        each.bits == 0 or (each.bits == 96 and each.address.startswith(MAPPED)) for each in parsed.networks
    )


def _proxies(settings: Settings) -> Iterator[Finding]:
    reachable = _open_to_others(settings)
    believed = ", ".join(settings.forwarded_allow_ips) or "nobody"
    fields = ", ".join(settings.forwarded_headers)
    if reachable and _believes_everybody(settings.forwarded_allow_ips):
        yield to_change(
            "proxies",
            f"--forwarded-allow-ips {believed} believes every client that reaches {', '.join(reachable)}: "
            f"each may say which address it has ({fields})",
            "the addresses of the proxies; or see that only they can reach the port, as on Heroku",
        )
    elif reachable:
        yield note(
            "proxies",
            f"{believed} may say who the client is ({fields}); whoever else reaches {', '.join(reachable)} "
            "is the client itself",
            "if a proxy on another machine is in front: its address in --forwarded-allow-ips",
        )
    else:
        yield ok("proxies", f"{believed} may say who the client is ({fields})")


def _proxy_protocol(settings: Settings) -> Iterator[Finding]:
    if settings.proxy_protocol == "off":
        return
    reachable = _open_to_others(settings)
    if reachable and _believes_everybody(settings.proxy_allow_ips):
        yield to_change(
            "PROXY protocol",
            f"every client that reaches {', '.join(reachable)} may send a PROXY header, and so choose its "
            "address",
            "the addresses of the proxies in --proxy-allow-ips",
        )
    else:
        yield ok("PROXY protocol", f"{', '.join(settings.proxy_allow_ips)} must send a header")


def _user(settings: Settings, system: System) -> Iterator[Finding]:
    if system.euid == 0 and not settings.user:
        yield to_change(
            "user", "the application runs as root", "--user, or User= in the unit, or USER in the Dockerfile"
        )
    elif settings.user and system.euid != 0:
        yield note("user", f"--user {settings.user} has no effect unless the server is started as root")
    else:
        yield ok("user", settings.user or f"uid {system.euid}")


def _unix_sockets(settings: Settings) -> Iterator[Finding]:
    for text in settings.bind:
        address = parse_bind(text)
        if isinstance(address, UnixAddress):
            yield _unix_socket(settings, address.path)


def _unix_socket(settings: Settings, path: str) -> Finding:
    directory = os.path.dirname(os.path.abspath(path))
    try:
        found = os.stat(directory)
    except OSError as error:
        return to_change(
            f"socket {path}",
            f"its directory cannot be looked at: {error.strerror}",
            f"mkdir {directory}, or RuntimeDirectory= in the unit",
        )
    if not os.access(directory, os.W_OK | os.X_OK):
        return to_change(
            f"socket {path}",
            f"no socket can be made in {directory}",
            "a directory of the user that starts the server (RuntimeDirectory= in the unit)",
        )
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        return to_change(
            f"socket {path}",
            f"everybody can write to {directory}, and so put a socket of their own there",
            f"chmod o-w {directory}",
        )
    mode = 0o777 & ~(settings.umask or 0) if settings.socket_mode is None else settings.socket_mode
    if mode & 0o002 and "unix" in settings.forwarded_allow_ips:
        return note(
            f"socket {path}",
            f"with mode {mode:04o} every user of this machine can connect, and is believed as a proxy",
            "--socket-mode 0660 --socket-owner :GROUP, with the group of the proxy",
        )
    return ok(f"socket {path}", f"mode {mode:04o}")


def _low_ports(settings: Settings, system: System) -> Iterator[Finding]:
    first = system.number("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if system.euid == 0 or first is None or _has_net_bind(system):
        return
    for address in map(parse_bind, settings.bind):
        if isinstance(address, TcpAddress) and 0 < address.port < first:
            yield to_change(
                "ports",
                f"port {address.port} is for root only",
                "AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, or a port from 1024 on",
            )


def _has_net_bind(system: System) -> bool:
    word = system.table("/proc/self/status").get("CapEff", "0")
    return bool(int(word, 16) >> 10 & 1)


def _metrics(settings: Settings) -> Iterator[Finding]:
    if settings.metrics_bind is None:
        return
    address = parse_bind(settings.metrics_bind)
    if isinstance(address, TcpAddress) and not _is_loopback(address.host):
        yield note(
            "metrics",
            f"whoever reaches {address} reads /metrics: there is no access control",
            "an address in the network of your monitoring, or a firewall in front",
        )
    else:
        yield ok("metrics", f"at {address}, for this machine")
