"""What a generation knows of the supervisor that started it. Used by launch and master."""

import os
from collections.abc import MutableMapping

from rhebok.listening.listeners import STARTER_VARIABLE
from rhebok.prefork.parent_death import signal_when_parent_dies
from rhebok.process.signals import STOP_SIGNAL

SUPERVISOR_VARIABLE = "RHEBOK_SUPERVISOR"  # its pid
GENERATION_VARIABLE = "SERVER_STARTER_GENERATION"
NOTIFY_FD_VARIABLE = "RHEBOK_NOTIFY_FD"  # of the inherited socket, on which a generation reports
KILLED_VARIABLE = "RHEBOK_KILLED_MASTERS"  # PID:STATUS, separated by commas
FILES_FD_VARIABLE = "RHEBOK_FILES_FD"  # of the pipe on which a generation tells its files; with --reload

_ours: dict[str, str] = {}  # what hide() has taken from the environment


def supervised() -> bool:
    """Whether this process is a generation of our supervisor, rather than of a foreign superdaemon."""
    return _said(SUPERVISOR_VARIABLE) == str(os.getppid())


def follow_supervisor() -> None:
    """Again after a change of user, which takes the kernel's promise away (prctl(2), PR_SET_PDEATHSIG)."""
    if supervised():
        signal_when_parent_dies(STOP_SIGNAL, int(_said(SUPERVISOR_VARIABLE)))


def supervisor() -> int | None:
    """The pid of our supervisor; None without one."""
    return os.getppid() if supervised() else None


def killed_masters() -> list[tuple[int, int]]:
    """The pids of former generations that were killed, and the negative numbers of the signals."""
    if not supervised():
        return []
    pairs = (each.partition(":") for each in _said(KILLED_VARIABLE).split(",") if each)
    return [(int(pid), int(status)) for pid, _, status in pairs]


def generation() -> str:
    """Its number, "" without a superdaemon."""
    return _said(GENERATION_VARIABLE)


def files_descriptor() -> int | None:
    """Where the supervisor wants to be told which files are executed; None when it does not."""
    descriptor = _said(FILES_FD_VARIABLE) if supervised() else ""
    return int(descriptor) if descriptor.isdecimal() else None


def hide(environ: MutableMapping[str, str] = os.environ) -> None:
    """Takes the superdaemon's variables out of the environment, before the application sees it. Otherwise a
    server that the application starts would take our listeners, and speak for us.
    """
    for name in (
        STARTER_VARIABLE,
        GENERATION_VARIABLE,
        SUPERVISOR_VARIABLE,
        KILLED_VARIABLE,
        NOTIFY_FD_VARIABLE,
        FILES_FD_VARIABLE,
    ):
        if name in environ:
            _ours[name] = environ.pop(name)


def _said(name: str) -> str:
    return os.environ.get(name) or _ours.get(name, "")
