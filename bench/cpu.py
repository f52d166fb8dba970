"""Server CPU: the CPU time of a whole process tree, and the difference of two such readings.

bench/run.py takes one reading before wrk starts and one after it has ended.

Which clock is used. The total comes from each process's CPU clock (clock_gettime with the clock of
another process, as clock_getcpuclockid(3) builds it). It counts nanoseconds of scheduled time of all
threads, including threads that have ended. The sum of utime and stime in /proc/PID/stat is the same time,
in ticks of 10 ms. On a kernel with tick accounting their division is sampled at each tick, so they are
used only for the shares of user and system: over two seconds of CPU the shares are accurate to about 2 %.
Processes that ended and were waited for are in their parent's cutime and cstime (10 ms steps). A reading
includes those, so that a worker that is replaced during the run is counted.

What is not counted: work that the kernel does on the server's CPU while another process or no process
runs there (soft interrupts, the idle loop). On loopback the receiving half of a send runs in the sender's
context, so each side pays for what it sends.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
CLOCK_OF_PROCESS = 2  # CPUCLOCK_SCHED of a whole process, see clock_getcpuclockid(3)

# Positions in /proc/PID/stat after the name, which is in parentheses and may contain anything (proc(5)).
NUMBERS = (1, 3, 11, 12, 13, 14)  # parent, session, utime, stime, cutime, cstime


@dataclass(frozen=True)
class Stat:
    """The fields of /proc/PID/stat that are used here; times in ticks."""

    pid: int
    parent: int
    session: int
    user: int
    system: int
    reaped_user: int
    reaped_system: int
    state: str

    @property
    def is_alive(self) -> bool:
        """Whether it is not a zombie."""
        return self.state not in "ZX"


@dataclass(frozen=True)
class Reading:
    """The CPU time of a tree so far."""

    seconds: float
    user_ticks: int
    system_ticks: int


@dataclass(frozen=True)
class Spent:
    """Seconds of CPU between two readings."""

    total: float
    user: float
    system: float


def parse_stat(text: str) -> Stat:
    """One line of /proc/PID/stat."""
    pid, _, rest = text.partition(" ")
    fields = rest.rpartition(")")[2].split()
    parent, session, *times = (int(fields[index]) for index in NUMBERS)
    user, system, reaped_user, reaped_system = times
    return Stat(int(pid), parent, session, user, system, reaped_user, reaped_system, fields[0])


def all_stats() -> list[Stat]:
    """Every process of the machine."""
    stats = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stats.append(parse_stat((entry / "stat").read_text(errors="replace")))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return stats


def members(root: int, stats: Iterable[Stat]) -> list[Stat]:
    """The processes of the tree: the root, its session (orphans keep it) and all descendants."""
    stats = list(stats)
    found = {stat.pid: stat for stat in stats if root in (stat.pid, stat.session)}
    while grown := [stat for stat in stats if stat.parent in found and stat.pid not in found]:
        found.update((stat.pid, stat) for stat in grown)
    return list(found.values())


def tree(root: int) -> list[Stat]:
    """The processes of the tree as they are now."""
    return members(root, all_stats())


def process_seconds(pid: int) -> float:
    """The CPU clock of one process; 0 if it has just ended."""
    try:
        return time.clock_gettime((~pid << 3) | CLOCK_OF_PROCESS)
    except OSError:
        return 0.0


def read(root: int) -> Reading:
    """The CPU time of the tree of that root until now."""
    stats = tree(root)
    reaped = sum(stat.reaped_user + stat.reaped_system for stat in stats) / TICKS_PER_SECOND
    return Reading(
        seconds=sum(process_seconds(stat.pid) for stat in stats) + reaped,
        user_ticks=sum(stat.user + stat.reaped_user for stat in stats),
        system_ticks=sum(stat.system + stat.reaped_system for stat in stats),
    )


def spent(before: Reading, after: Reading) -> Spent:
    """The difference of two readings, divided between user and system by their ticks."""
    total = after.seconds - before.seconds
    user = after.user_ticks - before.user_ticks
    system = after.system_ticks - before.system_ticks
    share = user / (user + system) if user + system else 0.0
    return Spent(total, total * share, total * (1 - share))
