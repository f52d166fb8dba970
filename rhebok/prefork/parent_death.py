"""A signal from the kernel when the parent dies: no worker outlives a killed master, no generation a killed
supervisor. Called by worker and generation."""

import ctypes
import os
from signal import Signals

PR_SET_PDEATHSIG = 1  # prctl(2)

_LIBC = ctypes.CDLL(None)  # loaded in the parent, before the forks


def signal_when_parent_dies(number: Signals, parent: int) -> None:
    """`parent` is who forked us: it may be dead already, and then no signal would come."""
    _LIBC.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)
