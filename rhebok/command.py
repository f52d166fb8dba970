"""The `rhebok` command, as it begins. cli reads what it is given, mostly in a child process that then ends.

Reading takes click, the table of settings and gunicorn's words: 4 MiB, which a supervisor or a master would
hold for its life. So a child reads, and hands over the values. This process reads by itself where there is
more to do than to serve, or more in the configuration than values: --help, a mistake, a file in Python, which
may do anything. Likewise when there is no child to be had.
"""

from __future__ import annotations

import importlib
import marshal
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from rhebok.listening.listeners import STARTER_VARIABLE
from rhebok.prefork.parent_death import signal_when_parent_dies
from rhebok.process.open_files import fill_standard_descriptors, open_null
from rhebok.records import TYPE_CHECKING
from rhebok.reporting import run_reported
from rhebok.settings.configuration import Config

if TYPE_CHECKING:
    from typing import NoReturn

    from rhebok.settings.table import Settings


# An application in a module of such a name is served by `rhebok status:application`.
OTHER_COMMANDS = ("status", "ctl")


class HandedSettings:
    """The values of a Settings, without the table that they were read by."""

    def __init__(self, values: dict[str, object]) -> None:
        vars(self).update(values)


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point. `arguments` is without the name of the command. Returns the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["doctor"]:
        from rhebok import cli

        return cli.doctor(given[1:])
    if given and given[0] in OTHER_COMMANDS:
        return run_reported(lambda: _ask(given))
    configs: list[Config] = []

    def read() -> None:
        fill_standard_descriptors()
        if config := _read_in_child(given):
            configs.append(config)

    status = run_reported(read)
    if status:
        return status
    if configs:
        return run_reported(lambda: _serve(configs[0]))
    from rhebok import cli

    return cli.main(given)


def _ask(given: Sequence[str]) -> None:
    """`rhebok status` and `rhebok ctl` are about a server that runs."""
    from rhebok.control import command

    command.main(given)


def _serve(config: Config) -> None:
    if STARTER_VARIABLE in os.environ:
        from rhebok import launch

        launch.serve(config)
    else:
        from rhebok import supervising

        supervising.supervise(config)


def _import_what_serves() -> None:
    importlib.import_module("rhebok.launch" if STARTER_VARIABLE in os.environ else "rhebok.supervising")


def _read_in_child(arguments: Sequence[str]) -> Config | None:
    """None: this process must read by itself."""
    if _has_threads():
        return None
    parent, (read_end, write_end) = os.getpid(), os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(read_end)
        os.close(write_end)
        return None
    if pid == 0:
        _hand_over(arguments, parent, write_end)
    os.close(write_end)
    _import_what_serves()  # meanwhile
    with open(read_end, "rb") as pipe:
        message = pipe.read()
    with suppress(ChildProcessError):  # the process was started with SIGCHLD ignored
        os.waitpid(pid, 0)
    with suppress(EOFError, ValueError, TypeError):  # it died before it was done
        values, *others = marshal.loads(message)
        settings: Settings = HandedSettings(values)  # type: ignore[assignment]
        return Config(settings, *others)
    return None


def _hand_over(arguments: Sequence[str], parent: int, to: int) -> NoReturn:
    """In the child, which says nothing: what there is to say, the parent says when it reads by itself."""
    try:
        signal_when_parent_dies(signal.SIGKILL, parent)
        null = open_null(os.O_RDWR)
        os.dup2(null, 1)
        os.dup2(null, 2)
        sys.stdout = sys.stderr = os.fdopen(null, "w")  # a wrapper may have put others in their place
        from rhebok import cli

        message = marshal.dumps(cli.values_to_serve(arguments))
        with open(to, "wb") as pipe:
            pipe.write(message)
    finally:
        os._exit(0)


def _has_threads() -> bool:
    """Of a wrapper that has started this command: what they do may not survive a fork."""
    try:
        return len(os.listdir("/proc/self/task")) > 1
    except OSError:
        return True
