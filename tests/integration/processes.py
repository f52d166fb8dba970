"""What /proc says about processes. Used by server and by the tests that count calls and memory."""

import os
from contextlib import suppress
from pathlib import Path


def children(pid: int) -> list[int]:
    """Of the process's main thread, oldest first."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants(pid: int) -> list[int]:
    """Children, their children, and so on."""
    found = children(pid)
    return found + [below for child in found for below in descendants(child)]


def state(pid: int) -> str:
    """R for running, S for waiting, Z for dead and not yet reaped; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def has_ended(pid: int) -> bool:
    """Whether or not it has been reaped: of an orphan that may take init seconds."""
    return state(pid) in ("", "Z")


def group_is_empty(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def memory(pid: int, part: str = "Pss") -> int:
    """Proportional set size in bytes: what the process has for itself, and its part of what it shares.

    part: "Pss_Anon" leaves out the files that it maps, whose part depends on all processes of the machine.
    """
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{part}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {part} of {pid}")


def descriptors(pid: int) -> int:
    return len(files(pid))


def cpu_ticks(pid: int) -> int:
    """User and system time in clock ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def having_open(pids: list[int], path: Path) -> list[int]:
    """Those that have the file open."""
    return [pid for pid in pids if str(path) in open_names(pid)]


def open_names(pid: int) -> list[str]:
    """What the descriptors stand for; " (deleted)" behind the name of a file that has none any more."""
    names = []
    for file in files(pid):
        with suppress(FileNotFoundError):  # closed meanwhile
            names.append(os.readlink(file))
    return names


def files(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/fd").iterdir())
