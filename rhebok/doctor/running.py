"""Checks of the server that runs already, when --pid names it: what it has been started with."""

import os
from collections.abc import Iterator

from rhebok.doctor.finding import Finding, note, ok, to_change
from rhebok.doctor.system import System
from rhebok.settings.configuration import Config

_ABOUT = 1.0  # second, to which the kernel tells its own start
_FEW = 0.8  # of the limit: a worker with more open files is near its end


def check(config: Config, system: System) -> Iterator[Finding]:
    pid = _pid(config, system)
    if pid is None:
        return
    yield ok("running", f"pid {pid}")
    yield from _newer_file(config, pid, system)
    yield from _open_files(pid, system)


def _pid(config: Config, system: System) -> int | None:
    """Of the supervisor, if it is alive."""
    path = config.settings.pid
    if path is None:
        return None
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            text = file.read().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() and system.text(f"/proc/{text}/stat") else None


def _newer_file(config: Config, pid: int, system: System) -> Iterator[Finding]:
    started = _start_of(pid, system)
    if config.file is None or started is None:
        return
    try:
        changed = os.stat(os.path.join(system.directory, config.file)).st_mtime
    except OSError:
        return
    if changed > started + _ABOUT:
        yield note(
            "running",
            f"{config.file} has changed since the server was started",
            f"kill -HUP {pid} deploys; what the supervisor itself needs (--bind, --backlog) takes a restart",
        )


def _start_of(pid: int, system: System) -> float | None:
    """Seconds since 1970. The name in the file may have spaces and parentheses."""
    stat = (system.text(f"/proc/{pid}/stat") or "").rpartition(")")[2].split()
    boot = system.table("/proc/stat").get("btime", "")
    if len(stat) < 20 or not boot.isdigit():
        return None
    return int(boot) + int(stat[19]) / os.sysconf("SC_CLK_TCK")


def _family(pid: int, system: System) -> Iterator[int]:
    """The process and all that descend from it."""
    yield pid
    for task in _names(system, f"/proc/{pid}/task"):
        for child in (system.text(f"/proc/{pid}/task/{task}/children") or "").split():
            yield from _family(int(child), system)


def _names(system: System, path: str) -> list[str]:
    try:
        return os.listdir(system.root / path.lstrip("/"))
    except OSError:
        return []


def _open_files(pid: int, system: System) -> Iterator[Finding]:
    fullest, share = 0, 0.0
    for each in _family(pid, system):
        limit, count = system.limit("Max open files", each), len(_names(system, f"/proc/{each}/fd"))
        if limit and count / limit > share:
            fullest, share = each, count / limit
    if share >= _FEW:
        yield to_change(
            "open files",
            f"process {fullest} has {share:.0%} of the files open that it may open",
            "a larger limit (LimitNOFILE=), or look for files that the application does not close",
        )
