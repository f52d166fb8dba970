"""From a configuration to a running server, or to the verdict of --check-config. Called by cli.

`rhebok` binds or adopts the sockets and supervises; what serves is a generation, which is the same command
with SERVER_STARTER_PORT in its environment, set by our supervisor or by another superdaemon.
"""

from __future__ import annotations

import faulthandler
import importlib
import logging
import os
import sys
from contextlib import ExitStack
from functools import partial

from rhebok import log_setup
from rhebok.errors import ExitStatus, UserError
from rhebok.listening.allowed_peers import parse_peers
from rhebok.listening.listeners import STARTER_VARIABLE
from rhebok.log_setup import Logs
from rhebok.process import identity, library, logger_config, other_threads
from rhebok.process.bare_signals import set_handler
from rhebok.process.log_stream import STDERR, ErrorLog, LogStream
from rhebok.process.logs import check_writable, open_access_log
from rhebok.process.open_files import allow_connections, fill_standard_descriptors
from rhebok.process.pid_file import PidFile
from rhebok.process.served_directories import (
    check_directories,
    warn_of_directories,
    with_absolute_directories,
)
from rhebok.process.signals import TRACEBACK_SIGNAL
from rhebok.process.title import set_title
from rhebok.records import TYPE_CHECKING, cast, replace
from rhebok.reloading import executed_files
from rhebok.serving import named_hooks
from rhebok.serving.app_loading import load_app, load_once, prepend_to_path
from rhebok.serving.beginning import Beginning, loads_late
from rhebok.serving.hooks import HookChain, Hooks
from rhebok.serving.master import Master, WorkerSource
from rhebok.serving.native_worker import WorkerFactory
from rhebok.serving.outputs import Outputs
from rhebok.serving.preloading import Preloading
from rhebok.settings.configuration import Config
from rhebok.superdaemon import titles
from rhebok.superdaemon.notify import Notifier
from rhebok.superdaemon.origin import current_directory
from rhebok.superdaemon.supervised import files_descriptor, follow_supervisor, hide, supervised
from rhebok.supervising import (
    check_metrics,
    enter_directory,
    exporter_of_generation,
    identity_of,
    listen,
    log_start,
    logged,
    supervise,
)

if TYPE_CHECKING:
    from typing import Any

    from rhebok.settings.table import Settings

NATIVE_WORKER = "rhebok.native.worker"


def serve(config: Config) -> None:
    """The supervisor, or under one, ours or another, a generation. Until it is stopped."""
    fill_standard_descriptors()
    if STARTER_VARIABLE in os.environ:
        _native()  # before --user, who may not be able to read all of the interpreter's library
        run(config, native_worker_factory)
    else:
        supervise(config)


def run(config: Config, worker_factory: WorkerSource) -> None:
    """A generation: the master and its workers in this process, with the source of workers handed in."""
    settings, beginning = config.settings, _beginning()
    late = loads_late()
    notifier = Notifier.from_environment()
    _prepare(settings)
    check_directories(settings)
    settings = with_absolute_directories(settings)
    set_title(titles.master(settings))
    logs = log_setup.open_logs(config)
    log = logs.error
    statsd = log_setup.statsd(settings, log)
    route = logger_config.access_route(settings.access_logfile, logs.configured, logs.on_access is not None)
    settings = replace(settings, access_logfile=route.file)
    # Until the master has loaded everything and installs its own handler: the supervisor asks for a traceback
    # of a generation that does not get ready.
    set_handler(TRACEBACK_SIGNAL, lambda _number, _frame: other_threads.write(log.stream))
    faulthandler.register(TRACEBACK_SIGNAL, log.stream, all_threads=False, chain=True)
    with logged(settings, log), ExitStack() as stack:
        pid_file = _pid_file_of_generation(settings, log)
        listeners = listen(settings, pid_file, stack)
        access_log = open_access_log(settings.access_logfile, identity_of(settings), log.logger)
        logger_config.give_access_logger(access_log, logs.configured)
        if settings.capture_output and settings.error_logfile != STDERR:
            _capture_output(log)
        _tell_files(settings, log)  # before --user, who may not be able to read the interpreter's library
        _import_ahead(config)
        changed_user = _become_user(settings)
        warn_of_directories(settings, log.logger.warning)
        if not supervised():
            log_start(config, listeners, log)
        allow_connections(settings.max_connections, log.logger)
        hide()
        # Before the application is loaded, since it is a fork of this process.
        exporter = (
            exporter_of_generation(settings, log) if settings.metrics_bind and not supervised() else None
        )

        own = [*notifier.descriptors, *(pid_file.descriptors if pid_file else ())]
        hooks = _hooks(replace(config, settings=settings), logs)
        records = log_setup.access_records(settings, route)
        outputs = Outputs(access_log, statsd, records, logs.on_access)
        if changed_user or _calls_before_loading(config):
            beginning = None  # it can begin only once
        preloading = Preloading(settings, log.logger, beginning, late)
        Master(
            settings, listeners, log, worker_factory, own, notifier, outputs, hooks, preloading, exporter
        ).run()


def _beginning() -> Beginning | None:
    """None when its directory is gone, so that it cannot begin again; --chdir may lead to another one."""
    try:
        return Beginning.of_this_process()
    except UserError:
        return None


def _calls_before_loading(config: Config) -> bool:
    if not config.hooks:
        return False
    from rhebok.gunicorn.hooks import BEFORE_LOADING

    return not BEFORE_LOADING.isdisjoint(config.hooks)


def _hooks(config: Config, logs: Logs) -> Hooks:
    """Those that are named first, then those of gunicorn's file."""
    log = logs.error.logger
    named = named_hooks.NamedHooks(config.settings, log)
    if not config.hooks:
        return named
    from rhebok.gunicorn.hooks import GunicornHooks

    load = partial(load_once, config.settings)
    return HookChain(named, GunicornHooks(config, log, logs.user.made if logs.user else None, load))


def _tell_files(settings: Settings, log: ErrorLog) -> None:
    descriptor = files_descriptor()
    if descriptor is not None:
        executed_files.tell(descriptor)
    elif settings.reload:
        log.logger.warning("--reload is ignored here: the process that deploys was started without it")


def check(config: Config) -> None:
    """Checks what can be wrong before binding: paths, application, hooks, the format of the access log."""
    settings = config.settings
    current_directory()
    _prepare(settings)
    check_writable("--error-logfile", settings.error_logfile)
    check_writable("--access-logfile", settings.access_logfile)
    check_writable("--pid", settings.pid)
    check_directories(settings)
    identity_of(settings)
    if settings.metrics_bind:
        check_metrics()
    # Before the application, which may replace what the compiled part imports.
    _check_access_logformat(settings)
    if os.geteuid() == 0:
        _become_user(settings)  # whose code it is: root must not run it
    load_app(settings.app, settings.paste_global)
    named_hooks.check(settings, logging.getLogger(__name__))
    for text in config.notes:
        _warn(text)
    warn_of_directories(settings, _warn)


def _warn(text: str) -> None:
    print(f"rhebok: warning: {text}", file=sys.stderr)


def native_worker_factory(settings: Settings) -> WorkerFactory:
    """The compiled worker, once it is known to take the settings. Imported late."""
    _check_access_logformat(settings)
    for peers in (settings.forwarded_allow_ips, settings.proxy_allow_ips):
        parse_peers(peers)  # once, for all workers
    if settings.sendfile_root:
        importlib.import_module(
            "rhebok.native.named_files"
        )  # before the application, which may patch its modules
    return _native().Worker  # type: ignore[no-any-return]


def _import_ahead(config: Config) -> None:
    """What the user that this process is going to become may not be able to read."""
    if config.hooks:
        importlib.import_module("rhebok.gunicorn.hooks")
    if identity_of(config.settings).given:
        library.import_ahead((*library.LATE, "rhebok.serving.app_kinds"))


def _capture_output(log: ErrorLog) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    cast(LogStream, log.lines).capture(1, 2)


def _become_user(settings: Settings) -> bool:
    """Whether it was another one."""
    who, before = identity_of(settings), (os.getresuid(), os.getresgid())
    if who.given:
        identity.become(who)
    follow_supervisor()  # again: opening files as their owners has changed the user too
    return (os.getresuid(), os.getresgid()) != before


def _pid_file_of_generation(settings: Settings, log: ErrorLog) -> PidFile | None:
    """Under a superdaemon generations overlap, and the process to signal is the superdaemon."""
    if not settings.pid or supervised():
        return None
    if STARTER_VARIABLE in os.environ:
        log.logger.warning("--pid is ignored here: the superdaemon has a pid file of its own")
        return None
    return PidFile(settings.pid)


def _prepare(settings: Settings) -> None:
    """Directory, environment and sys.path, as the application expects them."""
    enter_directory(settings)
    for pair in settings.env:
        name, _, value = pair.partition("=")
        os.environ[name] = value
    prepend_to_path([*settings.pythonpath, current_directory()])


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
