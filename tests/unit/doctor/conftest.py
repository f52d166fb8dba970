"""A machine of files, in which nothing has to change until a test says otherwise."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rhebok.doctor.system import System
from rhebok.settings.table import Settings

LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max processes             31000                31000                processes
Max open files            1024                 {files}               files
"""

NETSTAT = """\
TcpExt: SyncookiesSent ListenOverflows ListenDrops
TcpExt: 0 {overflows} 0
IpExt: InNoRoutes
IpExt: 0
"""

SOUND = {
    "proc/sys/net/core/somaxconn": "4096",
    "proc/sys/net/ipv4/tcp_abort_on_overflow": "0",
    "proc/sys/net/ipv4/ip_local_port_range": "32768\t60999",
    "proc/sys/net/ipv4/ip_local_reserved_ports": "",
    "proc/sys/net/ipv4/ip_unprivileged_port_start": "1024",
    "proc/sys/vm/overcommit_memory": "0",
    "proc/sys/kernel/osrelease": "6.1.0-13-amd64",
    "proc/net/netstat": NETSTAT.format(overflows=0),
    "proc/self/limits": LIMITS.format(files="524288"),
    "proc/self/status": "Name:\tpython3\nCapEff:\t0000000000000000\nCpus_allowed_list:\t0-3,6\n",
    "proc/self/cgroup": "0::/app.slice/web",
    "proc/meminfo": "MemTotal:       16000000 kB\nMemFree: 1 kB\n",
    "proc/stat": "cpu 1 2 3\nbtime 1700000000\n",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc",
    "sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc hpet acpi_pm",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
    "sys/fs/cgroup/app.slice/web/memory.max": "max",
}


class Machine:
    """Files below a root. `check` is a module of rhebok.doctor."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for path, text in SOUND.items():
            self.write(path, text)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")

    def system(self, **more: Any) -> System:
        return System(self.root, **{"euid": 1000, **more})


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "root")


Settle = Callable[..., Settings]


@pytest.fixture
def settle() -> Settle:
    """Settings that fit the sound machine."""
    return lambda **more: Settings(**{"app": "app:app", "workers": 5, **more})
