"""How many CPUs this process may use, by affinity and cgroup quota. What --workers auto asks."""

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

CGROUP_FILESYSTEM = Path("/sys/fs/cgroup")
CGROUP_OF_PROCESS = Path("/proc/self/cgroup")


def auto_workers() -> int:
    """Two workers for each CPU and one more, as gunicorn recommends."""
    return 2 * usable_cpus() + 1


def usable_cpus() -> int:
    """The smaller of affinity and quota, with the quota rounded up; at least 1."""
    affinity = len(os.sched_getaffinity(0))
    quota = cgroup_quota(_read(CGROUP_OF_PROCESS), CGROUP_FILESYSTEM)
    return max(1, affinity if quota is None else min(affinity, math.ceil(quota)))


def cgroup_quota(membership: str, filesystem: Path) -> float | None:
    """The CPU quota of a process in CPUs, such as 1.5, or None when there is no limit.

    `membership` is the content of /proc/self/cgroup, `filesystem` the mount point of the cgroups. The limits
    of all ancestors hold too. In a container without a cgroup namespace the path is that of the host and does
    not exist here: then only the root counts, which is the container's own cgroup.
    """
    quotas = [quota for line in membership.splitlines() for quota in _quotas(line, filesystem)]
    return min(quotas, default=None)


def _quotas(line: str, filesystem: Path) -> Iterator[float]:
    hierarchy, _, rest = line.partition(":")
    controllers, _, path = rest.partition(":")
    if hierarchy == "0" and not controllers:
        for root in (filesystem, filesystem / "unified"):
            yield from _each(root, path, _v2)
    elif "cpu" in controllers.split(","):
        for root in (filesystem / "cpu", filesystem / controllers):
            yield from _each(root, path, _v1)


def _each(root: Path, path: str, quota_in: Callable[[Path], float | None]) -> Iterator[float]:
    relative = PurePosixPath(path.lstrip("/"))
    for part in (relative, *relative.parents):
        quota = quota_in(root / part)
        if quota is not None:
            yield quota


def _v2(directory: Path) -> float | None:
    """cpu.max holds "QUOTA PERIOD"; QUOTA is "max" when there is no limit."""
    return _ratio(_read(directory / "cpu.max").split())


def _v1(directory: Path) -> float | None:
    """cpu.cfs_quota_us is -1 when there is no limit."""
    files = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    return _ratio([_read(directory / file).strip() for file in files])


def _ratio(words: list[str]) -> float | None:
    if len(words) != 2 or not all(word.isdigit() for word in words) or int(words[1]) == 0:
        return None
    return int(words[0]) / int(words[1])


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""
