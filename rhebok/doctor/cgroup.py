"""The limits of the cgroups that a process is in: its own and those of all ancestors hold."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from rhebok.doctor.system import System

FILESYSTEM = "/sys/fs/cgroup"


def _directories(system: System) -> Iterator[str]:
    """Of the unified hierarchy (version 2), own first. In a container without a namespace the own path does
    not exist there: then the root is the container's own."""
    for line in (system.text("/proc/self/cgroup") or "").splitlines():
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if hierarchy == "0" and not controllers:
            relative = PurePosixPath(path.lstrip("/"))
            for part in (relative, *relative.parents):
                yield f"{FILESYSTEM}/{part}".removesuffix("/.")


def least(system: System, file: str) -> int | None:
    """The smallest number in files of this name; None when there is no limit."""
    found = [system.number(f"{directory}/{file}") for directory in _directories(system)]
    return min((number for number in found if number is not None), default=None)


def event(system: System, file: str, name: str) -> int:
    """A counter of the process's own cgroup, such as oom_kill in memory.events."""
    for directory in _directories(system):
        word = system.table(f"{directory}/{file}").get(name)
        if word is not None and word.isdigit():
            return int(word)
    return 0
