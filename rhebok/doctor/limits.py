"""Checks of what this process may use: open files, processes, CPUs and memory of its cgroup."""

import math
from collections.abc import Iterator

from rhebok.doctor import cgroup
from rhebok.doctor.finding import Finding, note, ok, to_change
from rhebok.doctor.system import System
from rhebok.process.open_files import EACH, OTHERS
from rhebok.settings.cpus import cgroup_quota
from rhebok.settings.table import Settings

MIB = 2**20
LEAST_WORKER = 32 * MIB  # of a framework's application, beside what workers share
_SPARE_PROCESSES = 8  # supervisor, masters of two generations, and what the application starts


def check(settings: Settings, system: System) -> Iterator[Finding]:
    yield from _open_files(settings, system)
    yield from _processes(settings, system)
    yield from _cpus(settings, system)
    yield from _memory(settings, system)


def _open_files(settings: Settings, system: System) -> Iterator[Finding]:
    """The server raises the soft limit by itself, up to the hard one (open_files.allow_connections)."""
    limit = _hard_limit(system, "Max open files")
    if limit is None:
        return
    most, wanted = settings.max_connections, settings.max_connections * EACH + OTHERS
    if most == 0 or limit >= wanted:
        yield ok("open files", f"up to {limit:.0f} for each process" if limit != math.inf else "no limit")
    elif limit >= most + OTHERS:
        yield note(
            "open files",
            f"a process may open {limit:.0f}: enough for --max-connections {most}, unless many of them have "
            "a file open too (large bodies, responses of files)",
            f"LimitNOFILE={wanted} in the unit",
        )
    else:
        yield to_change(
            "open files",
            f"a process may open {limit:.0f}, too few for --max-connections {most}: connections wait in the "
            "queue",
            f"LimitNOFILE={wanted} in the unit (ulimit -Hn {wanted}), or "
            f"--max-connections {max(1, int(limit - OTHERS) // EACH)}",
        )


def _hard_limit(system: System, name: str) -> float | None:
    for line in (system.text("/proc/self/limits") or "").splitlines():
        if line.startswith(f"{name} "):
            word = line[len(name) :].split()[1]
            return math.inf if word == "unlimited" else float(word)
    return None


def _processes(settings: Settings, system: System) -> Iterator[Finding]:
    """Threads count too. During a deploy there are two generations."""
    wanted = 2 * settings.workers * (settings.threads + 1) + _SPARE_PROCESSES
    limits = {"pids.max of the cgroup": cgroup.least(system, "pids.max")}
    if system.euid != 0:  # the limit does not hold for root
        limits["the limit of processes (ulimit -u)"] = _finite(system.limit("Max processes"))
    for name, limit in limits.items():
        if limit is not None and limit < wanted:
            yield to_change(
                "processes",
                f"{name} is {limit}, and a deploy has up to {wanted} processes and threads "
                f"(--workers {settings.workers}, --threads {settings.threads}, twice)",
                "TasksMax= in the unit, --pids-limit of the container, or ulimit -u",
            )
            return
    yield ok("processes", f"a deploy has up to {wanted} processes and threads, and that is allowed")


def _finite(limit: float | None) -> int | None:
    return None if limit is None or math.isinf(limit) else int(limit)


def _cpus(settings: Settings, system: System) -> Iterator[Finding]:
    affinity = _affinity(system)
    quota = cgroup_quota(system.text("/proc/self/cgroup") or "", system.root / "sys/fs/cgroup")
    usable = affinity if quota is None else min(affinity, max(1, math.ceil(quota)))
    if affinity == 0:
        return
    count = f"{usable} usable" + ("" if quota is None else f" (the cgroup has {quota:g})")
    if settings.workers > 4 * usable + 1:
        yield note(
            "CPUs",
            f"{count}, --workers {settings.workers}: more than four each only share the time",
            f"--workers auto is {2 * usable + 1}; for requests that wait --threads takes less memory",
        )
    elif settings.workers * settings.threads == 1 and usable > 1:
        yield note(
            "CPUs",
            f"{count}, but one worker with one thread serves one request at a time",
            f"--workers auto is {2 * usable + 1}",
        )
    else:
        yield ok("CPUs", f"{count}, --workers {settings.workers}, --threads {settings.threads}")
    if quota is not None and (throttled := cgroup.event(system, "cpu.stat", "nr_throttled")):
        yield note(
            "CPU quota",
            f"this cgroup has been stopped {throttled} times for having used its {quota:g} CPUs",
            "requests wait then: a larger quota, or none (cpu.max)",
        )


def _affinity(system: System) -> int:
    """The CPUs that this process may run on."""
    ranges = system.table("/proc/self/status").get("Cpus_allowed_list", "")
    count = 0
    for word in ranges.split(","):
        first, _, last = word.partition("-")
        if first.isdigit():
            count += int(last if last.isdigit() else first) - int(first) + 1
    return count


def _memory(settings: Settings, system: System) -> Iterator[Finding]:
    limit = cgroup.least(system, "memory.max")
    total = _total_memory(system)
    if limit is None or (total and limit > total):
        limit, name = total, "the machine"
    else:
        name = "the cgroup"
    if limit is None:
        return
    has, left = f"{name} has {limit // MIB} MiB", limit - 2 * settings.cache
    if settings.cache:
        has += f", and two caches of {settings.cache // MIB} MiB during a deploy"
    each = max(0, left) // settings.workers
    if each == 0:
        yield to_change("memory", has, "a smaller --cache")
    elif settings.max_worker_memory and settings.max_worker_memory * settings.workers > left:
        yield to_change(
            "memory",
            f"{has}: {settings.workers} workers of --max-worker-memory {settings.max_worker_memory // MIB} "
            "MiB do not fit, so the kernel kills one before its limit is reached",
            f"--max-worker-memory {each // MIB}m at most, or fewer --workers",
        )
    elif each < LEAST_WORKER:
        yield to_change(
            "memory",
            f"{has}: {each // MIB} MiB for each of {settings.workers} workers",
            "fewer --workers, or --threads instead, which share their memory",
        )
    else:
        yield ok("memory", f"{has}: {each // MIB} MiB for each of {settings.workers} workers")
    if killed := cgroup.event(system, "memory.events", "oom_kill"):
        yield to_change(
            "memory",
            f"the kernel has killed {killed} processes of this cgroup for lack of memory",
            "more memory, fewer --workers, or --max-worker-memory below the limit",
        )


def _total_memory(system: System) -> int | None:
    word = system.table("/proc/meminfo").get("MemTotal", "").split()
    return int(word[0]) * 1024 if word and word[0].isdigit() else None
