"""From a configuration to a running server, or to the verdict of --check-config. Called by cli.

`rhebok` binds or adopts the sockets and supervises; what serves is a generation, which is the same command
with SERVER_STARTER_PORT in its environment, set by our supervisor or by another superdaemon.
"""

import faulthandler
import importlib
import logging
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, cast

from rhebok import __version__, log_setup
from rhebok.errors import ExitStatus, UserError, os_reason
from rhebok.gunicorn.hooks import BEFORE_LOADING, GunicornHooks
from rhebok.listening import activation as socket_activation
from rhebok.listening.listeners import (
    STARTER_VARIABLE,
    BindOptions,
    Listener,
    adopt_activated,
    adopt_starter_ports,
    bind_all,
    close_all,
)
from rhebok.log_setup import Logs
from rhebok.process import identity, logger_config
from rhebok.process.daemonize import daemonize
from rhebok.process.identity import Identity
from rhebok.process.logs import (
    STDERR,
    ErrorLog,
    LogStream,
    check_writable,
    open_access_log,
)
from rhebok.process.open_files import allow_connections, fill_standard_descriptors, open_null
from rhebok.process.pid_file import PidFile
from rhebok.process.signals import TRACEBACK_SIGNAL
from rhebok.process.title import set_title
from rhebok.reloading import executed_files
from rhebok.reloading.notices import Notices
from rhebok.reloading.reloader import Reloader
from rhebok.reloading.watched_files import WatchedFiles
from rhebok.serving import named_hooks, titles
from rhebok.serving.app_loading import load_app, load_once, prepend_to_path
from rhebok.serving.beginning import Beginning, loads_late
from rhebok.serving.hooks import HookChain, Hooks
from rhebok.serving.master import Master, WorkerSource
from rhebok.serving.outputs import Outputs
from rhebok.serving.preloading import Preloading
from rhebok.serving.worker import WorkerFactory
from rhebok.settings.config import Config
from rhebok.settings.table import Settings
from rhebok.superdaemon.notify import Notifier, Systemd
from rhebok.superdaemon.origin import Origin, current_directory
from rhebok.superdaemon.supervised import files_descriptor, follow_supervisor, hide, supervised
from rhebok.superdaemon.supervisor import Supervisor

NATIVE_WORKER = "rhebok.native.worker"


def serve(config: Config) -> None:
    """The supervisor, or under one, ours or another, a generation. Until it is stopped."""
    fill_standard_descriptors()
    if STARTER_VARIABLE in os.environ:
        _native()  # before --user, who may not be able to read all of the interpreter's library
        run(config, native_worker_factory)
    else:
        supervise(config)


def supervise(config: Config) -> None:
    """Listens, and keeps a generation on the sockets."""
    settings, origin = config.settings, Origin.of_this_process()
    _enter_directory(settings)
    readiness = daemonize() if settings.daemon else None
    set_title(titles.supervisor(settings))
    log = log_setup.open_logs(config).error
    log_setup.statsd(settings, log)
    with _logged(settings, log), ExitStack() as stack:
        reloader = _reloader(settings) if settings.reload else None
        listeners = _listen(settings, PidFile(settings.pid) if settings.pid else None, stack)
        _log_start(config, listeners, log)
        if readiness:
            _leave_terminal(settings, log)
            readiness.announce()
        Supervisor(settings, listeners, log.logger, Systemd.from_environment(), reloader).run(origin)


def _leave_terminal(settings: Settings, log: ErrorLog) -> None:
    """A daemon holds no terminal open, and writes to none."""
    null = open_null(os.O_RDWR)
    for fd in (1, 2, *([log.stream.fileno()] if settings.error_logfile == STDERR else [])):
        os.dup2(null, fd)
    os.close(null)


def run(config: Config, worker_factory: WorkerSource) -> None:
    """A generation: the master and its workers in this process, with the source of workers handed in."""
    settings, beginning = config.settings, _beginning()
    late = loads_late()
    notifier = Notifier.from_environment()
    _prepare(settings)
    set_title(titles.master(settings))
    logs = log_setup.open_logs(config)
    log = logs.error
    statsd = log_setup.statsd(settings, log)
    route = logger_config.access_route(settings.access_logfile, logs.configured, logs.on_access is not None)
    settings = replace(settings, access_logfile=route.file)
    # Until the master has loaded everything and installs its own handler: the supervisor asks for a traceback
    # of a generation that does not get ready.
    faulthandler.register(TRACEBACK_SIGNAL, log.stream, all_threads=True)
    with _logged(settings, log), ExitStack() as stack:
        pid_file = _pid_file_of_generation(settings, log)
        listeners = _listen(settings, pid_file, stack)
        access_log = open_access_log(settings.access_logfile, _identity(settings), log.logger)
        logger_config.give_access_logger(access_log, logs.configured)
        if settings.capture_output and settings.error_logfile != STDERR:
            _capture_output(log)
        _tell_files(settings, log)  # before --user, who may not be able to read the interpreter's library
        changed_user = _become_user(settings)
        if not supervised():
            _log_start(config, listeners, log)
        allow_connections(settings.max_connections, log.logger)
        hide()

        def forget() -> None:
            notifier.close()
            if pid_file:
                pid_file.forget()

        hooks = _hooks(replace(config, settings=settings), logs)
        records = log_setup.access_records(settings, route)
        outputs = Outputs(access_log, statsd, records, logs.on_access)
        if changed_user or config.hooks.keys() & BEFORE_LOADING:
            beginning = None  # it can begin only once
        preloading = Preloading(settings, log.logger, beginning, late)
        Master(settings, listeners, log, worker_factory, forget, notifier, outputs, hooks, preloading).run()


def _beginning() -> Beginning | None:
    """None when its directory is gone, so that it cannot begin again; --chdir may lead to another one."""
    try:
        return Beginning.of_this_process()
    except UserError:
        return None


def _hooks(config: Config, logs: Logs) -> Hooks:
    """Those that are named first, then those of gunicorn's file."""
    log = logs.error.logger
    named = named_hooks.NamedHooks(config.settings, log)
    if not config.hooks:
        return named
    load = partial(load_once, config.settings)
    return HookChain(named, GunicornHooks(config, log, logs.user.made if logs.user else None, load))


def _reloader(settings: Settings) -> Reloader:
    extra = settings.reload_extra_file
    for path in extra:
        if not os.path.exists(path):
            raise UserError(f"--reload-extra-file: there is no {path!r}", ExitStatus.USAGE)
    return Reloader(WatchedFiles(current_directory(), extra), _notices(settings.reload_engine))


def _notices(engine: str) -> Notices | None:
    """None: files are polled."""
    if engine == "poll":
        return None
    try:
        return Notices(importlib.import_module("watchfiles"))
    except ImportError as error:
        if engine == "auto":
            return None
        raise UserError(
            f"--reload-engine inotify needs watchfiles, which cannot be imported: {error}: "
            "pip install 'rhebok[reload]'",
            ExitStatus.USAGE,
        ) from None


def _tell_files(settings: Settings, log: ErrorLog) -> None:
    descriptor = files_descriptor()
    if descriptor is not None:
        executed_files.tell(descriptor)
    elif settings.reload:
        log.logger.warning("--reload is ignored here: the process that deploys was started without it")


def _log_start(config: Config, listeners: Sequence[Listener], log: ErrorLog) -> None:
    """The first line: what runs here, with which configuration, and which process to signal."""
    settings, where = config.settings, ", ".join(listener.name for listener in listeners)
    log.logger.info(
        "rhebok %s, Python %s, pid %d (signals go to this one): %s at %s, workers: %d, threads: %d, %s, %s",
        __version__, platform.python_version(), os.getpid(), settings.app, where, settings.workers,
        settings.threads, _loading(settings),
        f"configuration {config.file}" if config.file else "no configuration file",
    )  # fmt: skip
    for note in config.notes:
        log.logger.warning("%s", note)


def _loading(settings: Settings) -> str:
    if isinstance(settings.preload, str):
        return f"preload {settings.preload}"
    return "preload" if settings.preload else "no preload"


@contextmanager
def _logged(settings: Settings, log: ErrorLog) -> Iterator[None]:
    """Writes an error to the log too: cli prints it on stderr only, which may lead nowhere."""
    try:
        yield
    except UserError as error:
        if settings.error_logfile != STDERR:
            log.logger.critical("%s", error.with_detail)
        raise


def check(config: Config) -> None:
    """Checks what can be wrong before binding: paths, application, hooks, the format of the access log."""
    settings = config.settings
    current_directory()
    _prepare(settings)
    check_writable("--error-logfile", settings.error_logfile)
    check_writable("--access-logfile", settings.access_logfile)
    check_writable("--pid", settings.pid)
    _identity(settings)
    # Before the application, which may replace what the compiled part imports.
    _check_access_logformat(settings)
    if os.geteuid() == 0:
        _become_user(settings)  # whose code it is: root must not run it
    load_app(settings.app, settings.paste_global)
    named_hooks.check(settings, logging.getLogger(__name__))


def native_worker_factory(settings: Settings) -> WorkerFactory:
    """The compiled worker, once it is known to take the settings. Imported late."""
    _check_access_logformat(settings)
    return _native().Worker  # type: ignore[no-any-return]


def _identity(settings: Settings) -> Identity:
    return identity.identity(settings.user, settings.group)


def _capture_output(log: ErrorLog) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    cast(LogStream, log.stream).capture(1, 2)


def _become_user(settings: Settings) -> bool:
    """Whether it was another one."""
    who, before = _identity(settings), (os.getresuid(), os.getresgid())
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
    _enter_directory(settings)
    for pair in settings.env:
        name, _, value = pair.partition("=")
        os.environ[name] = value
    prepend_to_path([*settings.pythonpath, current_directory()])


def _enter_directory(settings: Settings) -> None:
    """Directory and umask, which the supervisor has too: it binds and logs where a generation would."""
    if not settings.app:
        raise UserError(
            "no application given: rhebok MODULE:ATTRIBUTE (or RHEBOK_APP, or `app` in the file)",
            ExitStatus.USAGE,
        )
    _change_directory(settings.chdir)
    for directory in settings.pythonpath:
        if not os.path.isdir(directory):
            raise UserError(f"--pythonpath: there is no directory {directory!r}", ExitStatus.USAGE)
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


def _listen(settings: Settings, pid_file: PidFile | None, stack: ExitStack) -> list[Listener]:
    """The listeners, until the stack ends. The pid file is locked before: a second server with --reuse-port
    must not listen, since clients of the first one would get into its queue. It is written after: a server
    that cannot bind leaves the content as it was.
    """
    if pid_file:
        stack.callback(pid_file.remove)
    listeners = _listeners(settings)
    stack.callback(close_all, listeners)
    if pid_file:
        pid_file.write()
    return listeners


def _listeners(settings: Settings) -> list[Listener]:
    """Bound or adopted."""
    handed_over = os.environ.get(STARTER_VARIABLE)
    if handed_over is not None:
        return adopt_starter_ports(handed_over)
    try:
        activated = socket_activation.activated_sockets(os.environ, os.getpid())
    except ValueError as error:
        raise UserError(str(error), ExitStatus.USAGE) from None
    socket_activation.forget()
    if activated:
        return adopt_activated(activated)
    owner = identity.owner(settings.socket_owner, _identity(settings))
    options = BindOptions(settings.backlog, _socket_mode(settings), settings.reuse_port, owner.ids)
    return bind_all(settings.bind, options)


def _socket_mode(settings: Settings) -> int:
    """The umask counts when it was asked for: with a usual one, a proxy of another user could not connect."""
    return 0o777 & ~(settings.umask or 0) if settings.socket_mode is None else settings.socket_mode


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
