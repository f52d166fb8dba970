"""A signal from the kernel when the parent dies. Called by worker and generation.

So no worker outlives a killed master, and no generation a killed supervisor.
"""

import ctypes
import os
from signal import Signals

PR_SET_PDEATHSIG = 1  # prctl(2)

_prctl = ctypes.CDLL(None).prctl  # looked up in the parent, before the forks


def signal_when_parent_dies(number: Signals, parent: int) -> None:
    """Asks the kernel for this signal. `parent` is the pid of the process that has forked this one: if it is
    dead already, the kernel will send nothing, and the signal is raised here.
    """
    _prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)
