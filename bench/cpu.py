"""Server CPU: what a whole process tree has used, and the difference of two such readings.

bench/run.py takes one reading before wrk starts and one after it ended.

Which clock. The total comes from each process's CPU clock (clock_gettime with the clock of another
process, as clock_getcpuclockid(3) builds it): it counts nanoseconds of scheduled time of all threads,
ended ones too. utime and stime in /proc/PID/stat add up to the same time but are shown in ticks of
10 ms, and on a kernel with tick accounting *how* they divide it is sampled at each tick. So they serve
for the shares of user and system only: over two seconds of CPU the shares are good to about 2 %.
Processes that ended and were waited for are in their parent's cutime and cstime (10 ms steps), and a
reading counts those too, so that a worker which is replaced in mid-run is not lost.

What is not seen: work the kernel does on the server's CPU while another process or nobody runs there
(soft interrupts, the idle loop). On loopback the receiving half of a send runs in the sender's
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
    """What we need of one line of /proc/PID/stat; times in ticks."""

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
        """Whether it is more than an exit status that nobody has asked for."""
        return self.state not in "ZX"


@dataclass(frozen=True)
class Reading:
    """CPU used so far by a tree."""

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
    """The CPU clock of one process; 0 when it has just ended."""
    try:
        return time.clock_gettime((~pid << 3) | CLOCK_OF_PROCESS)
    except OSError:
        return 0.0


def read(root: int) -> Reading:
    """What the tree of that root has used until now."""
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
