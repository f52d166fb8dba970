"""--restart and --stop: commands to a running superdaemon, ours or one like it; cli.py calls them."""

import os
import signal
import time

from rhebok.errors import UserError
from rhebok.process import pid_file
from rhebok.starter import status_file

_LOOK_EVERY = 0.1


def restart(pid_path: str, status_path: str) -> None:
    """Sends HUP and returns when one generation, started after it, is all there is."""
    pid, fd = pid_file.find_running(pid_path)
    highest = max(status_file.read(status_path), default=0)
    _signal(pid, signal.SIGHUP)
    # A start attempt that failed has used up a number, so the new generation is any beyond the highest.
    while not _only_newer(status_file.read(status_path), highest):
        if not pid_file.is_running(fd):
            raise UserError(f"the superdaemon, pid {pid}, ended during the restart; its log says why")
        time.sleep(_LOOK_EVERY)
    os.close(fd)


def stop(pid_path: str) -> None:
    """Sends TERM and returns when the superdaemon, and with it every generation, is gone."""
    pid, fd = pid_file.find_running(pid_path)
    _signal(pid, signal.SIGTERM)
    pid_file.wait_until_gone(fd)


def _only_newer(generations: dict[int, int], highest: int) -> bool:
    return len(generations) == 1 and min(generations) > highest


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except OSError as error:
        raise UserError(f"cannot send {number.name} to the superdaemon, pid {pid}: {error}") from error
