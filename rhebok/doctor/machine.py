"""Checks of the kernel's settings: the network, time, memory."""

from collections.abc import Iterator

from rhebok.doctor.finding import Finding, note, ok, to_change
from rhebok.doctor.system import System
from rhebok.listening.addresses import TcpAddress, parse_bind
from rhebok.settings.table import Settings

_FAST_CLOCKS = ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "riscv_clocksource")
_THP = "/sys/kernel/mm/transparent_hugepage/enabled"
_CLOCK = "/sys/devices/system/clocksource/clocksource0"
_MANY_DROPS = 100


def check(settings: Settings, system: System) -> Iterator[Finding]:
    yield from _accept_queue(settings, system)
    yield from _drops(system)
    yield from _ports(settings, system)
    yield from _clock(system)
    yield from _huge_pages(system)
    yield from _overcommit(system)


def _accept_queue(settings: Settings, system: System) -> Iterator[Finding]:
    most, wanted = system.number("/proc/sys/net/core/somaxconn"), settings.backlog
    if most is None:
        yield note("somaxconn", "/proc/sys/net/core/somaxconn cannot be read")
    elif most < wanted:
        yield to_change(
            "somaxconn",
            f"the kernel cuts --backlog {wanted} to {most}: when so many connections wait, more are dropped",
            f"sysctl -w net.core.somaxconn={wanted} (in a container, of its network namespace), "
            f"or --backlog {most}",
        )
    else:
        yield ok("somaxconn", f"{most}, --backlog {wanted}")
    if system.number("/proc/sys/net/ipv4/tcp_abort_on_overflow") == 1:
        yield to_change(
            "tcp_abort_on_overflow",
            "connections are reset when the accept queue is full, instead of being tried again",
            "sysctl -w net.ipv4.tcp_abort_on_overflow=0",
        )


def _drops(system: System) -> Iterator[Finding]:
    counters = _net_counters(system)
    dropped = counters.get("ListenOverflows")
    if dropped is None:
        return
    if dropped < _MANY_DROPS:
        yield ok("accept queues", f"{dropped} connections have found one full since the start of the machine")
    else:
        yield note(
            "accept queues",
            f"{dropped} connections have found one full since the start of the machine",
            "when it grows while the server runs (nstat TcpExtListenOverflows): more --workers or --threads",
        )


def _net_counters(system: System) -> dict[str, int]:
    """Pairs of lines: names, then numbers."""
    lines = (system.text("/proc/net/netstat") or "").splitlines()
    for names, numbers in zip(lines[::2], lines[1::2], strict=False):
        if names.startswith("TcpExt:"):
            return dict(zip(names.split()[1:], map(int, numbers.split()[1:]), strict=False))
    return {}


def _ports(settings: Settings, system: System) -> Iterator[Finding]:
    ephemeral = system.numbers("/proc/sys/net/ipv4/ip_local_port_range")
    if len(ephemeral) != 2:
        return
    first, last = ephemeral
    reserved = (system.text("/proc/sys/net/ipv4/ip_local_reserved_ports") or "").split(",")
    for port in _bound_ports(settings):
        if first <= port <= last and not any(_contains(each, port) for each in reserved):
            yield to_change(
                "ephemeral ports",
                f"port {port} is one of those that outgoing connections get ({first} to {last}): one that "
                "has it when the server starts lets the start fail",
                f"sysctl -w net.ipv4.ip_local_reserved_ports={port}, or another port",
            )
            return
    if last - first < 10_000:
        yield note(
            "ephemeral ports",
            f"only {last - first + 1} for outgoing connections ({first} to {last})",
            "sysctl -w net.ipv4.ip_local_port_range='32768 60999', if the application opens many connections",
        )
    else:
        yield ok("ephemeral ports", f"{first} to {last}")


def _bound_ports(settings: Settings) -> list[int]:
    addresses = [parse_bind(text) for text in settings.bind]
    return [each.port for each in addresses if isinstance(each, TcpAddress) and each.port]


def _contains(word: str, port: int) -> bool:
    """Of ip_local_reserved_ports: `8000` or `8000-8010`."""
    first, _, last = word.partition("-")
    return first.isdigit() and int(first) <= port <= int(last if last.isdigit() else first)


def _clock(system: System) -> Iterator[Finding]:
    current = system.text(f"{_CLOCK}/current_clocksource")
    if current is None:
        return
    if current in _FAST_CLOCKS:
        yield ok("clock", current)
        return
    others = (system.text(f"{_CLOCK}/available_clocksource") or "").split()
    fast = next((each for each in _FAST_CLOCKS if each in others), None)
    says = f"{current}: each look at the time is a system call, or slower"
    if fast:
        yield to_change("clock", says, f"echo {fast} > {_CLOCK}/current_clocksource")
    else:
        yield note("clock", f"{says}; this machine has no other ({', '.join(others)})")


def _huge_pages(system: System) -> Iterator[Finding]:
    chosen = _chosen(system.text(_THP))
    if chosen == "always":
        yield note(
            "transparent huge pages",
            "always: what a worker changes of the shared memory is copied in pieces of 2 MiB, so workers "
            "share less, and forks may stall",
            f"echo madvise > {_THP}, if memory is short",
        )
    elif chosen:
        yield ok("transparent huge pages", chosen)


def _chosen(text: str | None) -> str | None:
    """The word in brackets."""
    return next((word[1:-1] for word in (text or "").split() if word.startswith("[")), None)


def _overcommit(system: System) -> Iterator[Finding]:
    if system.number("/proc/sys/vm/overcommit_memory") == 2:
        yield note(
            "overcommit",
            "vm.overcommit_memory is 2: a fork counts as a whole copy of the memory, and may be refused",
            "sysctl -w vm.overcommit_memory=0, or enough swap",
        )
