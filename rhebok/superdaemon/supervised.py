"""What a generation knows of the supervisor that started it. Used by launch and master."""

import os
from signal import Signals

from rhebok.prefork.parent_death import signal_when_parent_dies
from rhebok.process.signals import STOP_SIGNAL

SUPERVISOR_VARIABLE = "RHEBOK_SUPERVISOR"  # its pid


def supervised() -> bool:
    """Whether this process is a generation of our supervisor, rather than of a foreign superdaemon."""
    return os.environ.get(SUPERVISOR_VARIABLE) == str(os.getppid())


def follow_supervisor() -> None:
    """Again after a change of user, which takes the kernel's promise away (prctl(2), PR_SET_PDEATHSIG)."""
    if supervised():
        signal_when_parent_dies(STOP_SIGNAL, int(os.environ[SUPERVISOR_VARIABLE]))


def pass_hup_on() -> int | None:
    """HUP deploys, also when sent to a generation. The pid that it went to; None without a supervisor."""
    if not supervised():
        return None
    supervisor = os.getppid()
    os.kill(supervisor, Signals.SIGHUP)
    return supervisor
