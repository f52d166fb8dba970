"""From a configuration to a running server, or to the verdict of --check-config. Called by cli.

Binding and running are two steps: a supervisor can do the first and leave the second to a generation.
"""

import importlib
import os
import sys
from typing import Any

from rhebok import hooks
from rhebok.app_loading import load_app, prepend_to_path
from rhebok.config import Config
from rhebok.errors import ExitStatus, UserError, os_reason
from rhebok.listeners import (
    STARTER_VARIABLE,
    BindOptions,
    Listener,
    adopt_starter_ports,
    bind_all,
    close_all,
)
from rhebok.logs import STDERR, check_writable, open_error_log
from rhebok.master import Master, WorkerSource
from rhebok.pid_file import PidFile
from rhebok.settings import Settings
from rhebok.worker import WorkerFactory

NATIVE_WORKER = "rhebok.native.worker"


def serve(config: Config) -> None:
    """Binds or adopts, then runs the master until it is stopped."""
    run(config, native_worker_factory)


def run(config: Config, worker_factory: WorkerSource) -> None:
    """`serve` with the source of workers handed in."""
    settings = config.settings
    _prepare(settings)
    check_writable("--access-logfile", settings.access_logfile)
    log = open_error_log(settings.error_logfile or STDERR, settings.log_level)
    listeners = _listeners(settings)
    pid_file = None
    try:
        pid_file = PidFile(settings.pid) if settings.pid else None
        forget = pid_file.forget if pid_file else lambda: None
        Master(settings, listeners, log, worker_factory, forget).run()
    except UserError as error:
        if settings.error_logfile != STDERR:  # cli says it on stderr, where nobody may be looking
            log.logger.critical("%s", error.with_detail)
        raise
    finally:
        close_all(listeners)
        if pid_file:
            pid_file.remove()


def check(config: Config) -> None:
    """All that can be wrong before binding: paths, application, hooks, the format of the access log."""
    settings = config.settings
    _prepare(settings)
    check_writable("--error-logfile", settings.error_logfile)
    check_writable("--access-logfile", settings.access_logfile)
    check_writable("--pid", settings.pid)
    load_app(settings.app)
    hooks.load_master_hooks(settings)
    hooks.load_after_fork(settings)
    _check_access_logformat(settings)


def native_worker_factory(settings: Settings) -> WorkerFactory:
    """The compiled worker, once it is known to take the settings. Imported late."""
    _check_access_logformat(settings)
    return _native().Worker  # type: ignore[no-any-return]


def _prepare(settings: Settings) -> None:
    """The surroundings that the application finds."""
    if not settings.app:
        raise UserError(
            "no application given: rhebok MODULE:ATTRIBUTE (or RHEBOK_APP, or `app` in the file)",
            ExitStatus.USAGE,
        )
    _change_directory(settings.chdir)
    for pair in settings.env:
        name, _, value = pair.partition("=")
        os.environ[name] = value
    for directory in settings.pythonpath:
        if not os.path.isdir(directory):
            raise UserError(f"--pythonpath: there is no directory {directory!r}", ExitStatus.USAGE)
    prepend_to_path([*settings.pythonpath, os.getcwd()])
    if settings.umask is not None:
        os.umask(settings.umask)


def _change_directory(directory: str | None) -> None:
    if directory is None:
        return
    try:
        os.chdir(directory)
    except OSError as error:
        message = f"--chdir: cannot change to {directory!r}: {os_reason(error)}"
        raise UserError(message, ExitStatus.USAGE) from None


def _listeners(settings: Settings) -> list[Listener]:
    handed_over = os.environ.get(STARTER_VARIABLE)
    if handed_over is not None:
        return adopt_starter_ports(handed_over)
    return bind_all(settings.bind, BindOptions(settings.backlog, settings.socket_mode, settings.reuse_port))


def _native() -> Any:
    try:
        return importlib.import_module(NATIVE_WORKER)
    except ImportError as error:
        raise UserError(
            f"the compiled part of rhebok cannot be imported by {sys.executable}: {error}: install it again"
        ) from None


def _check_access_logformat(settings: Settings) -> None:
    try:
        _native().check_access_logformat(settings.access_logformat)
    except ValueError as error:
        raise UserError(f"--access-logformat: {error}", ExitStatus.USAGE) from None
