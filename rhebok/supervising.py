"""The supervisor, from its configuration to its run; and what a supervisor and a generation prepare likewise.
Called by command and launch.

What is imported here stays in memory for the life of the supervisor, which serves nobody: of the standard
library as little as possible, no logging, no click, no settings (tests/unit/test_lean_supervisor.py).
"""

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from rhebok import __version__
from rhebok.control.liveness import remove_dead
from rhebok.control.path import control_path
from rhebok.control.server import ControlSocket
from rhebok.errors import ExitStatus, UserError, os_reason
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
from rhebok.process import heap, identity
from rhebok.process.daemonize import daemonize
from rhebok.process.error_writer import Form
from rhebok.process.identity import Identity
from rhebok.process.log_stream import STDERR, ErrorLog
from rhebok.process.open_files import open_null
from rhebok.process.pid_file import PidFile
from rhebok.process.plain_log import open_plain_log
from rhebok.process.title import set_title
from rhebok.records import TYPE_CHECKING, cast
from rhebok.settings.configuration import Config
from rhebok.superdaemon import titles
from rhebok.superdaemon.notify import Systemd
from rhebok.superdaemon.origin import Origin, current_directory

if TYPE_CHECKING:
    from rhebok.reloading.notices import Notices
    from rhebok.reloading.reloader import Reloader
    from rhebok.settings.table import Settings
    from rhebok.superdaemon.exporter import Exporter

METRICS_BACKLOG = 128


def supervise(config: Config) -> None:
    """Listens, and keeps a generation on the sockets."""
    from rhebok.superdaemon.desk import (
        Desk,  # here: a generation has what this module has, and supervises nothing
    )
    from rhebok.superdaemon.supervisor import Supervisor

    settings, origin = config.settings, Origin.of_this_process()
    enter_directory(settings)
    readiness = daemonize() if settings.daemon else None
    set_title(titles.supervisor(settings))
    log = _open_log(config)
    with logged(settings, log), ExitStack() as stack:
        reloader = _reloader(settings) if settings.reload else None
        listeners = listen(settings, PidFile(settings.pid) if settings.pid else None, stack)
        # All that can be a mistake comes before the announcement, with which the command of a daemon ends.
        control, complaint = _control(settings, listeners, stack)
        exporter = _exporter(settings, log, stack) if settings.metrics_bind else None
        log_start(config, listeners, log)
        if complaint:
            log.logger.info("%s", complaint)
        if exporter and not settings.board:
            log.logger.warning("/metrics has neither requests nor their times: --no-board")
        if readiness:
            _leave_terminal(settings, log)
            readiness.announce()
        heap.give_back()
        desk = Desk(listeners, control, log.logger, exporter)
        Supervisor(settings, listeners, log.logger, Systemd.from_environment(), reloader, desk).run(origin)


def _control(
    settings: "Settings", listeners: Sequence[Listener], stack: ExitStack
) -> tuple[ControlSocket | None, str]:
    """The control socket, or why there is none: a mistake only where it was asked for."""
    path = control_path(settings.control, listeners[0].name, os.environ, os.geteuid())
    if path is None:
        return None, ""
    if settings.control is None:
        remove_dead(os.path.dirname(path))
    try:
        control = ControlSocket(path)
    except OSError as error:
        if settings.control:
            raise UserError(f"--control: cannot listen at {path!r}: {os_reason(error)}") from None
        return None, f"no control socket at {path}: {os_reason(error)}"
    stack.callback(control.close)
    return control, ""


def _exporter(settings: "Settings", log: ErrorLog, stack: ExitStack) -> "Exporter":
    """The process for --metrics-bind. It starts with the supervisor's loop; the address is bound before."""
    from rhebok.superdaemon.exporter import Exporter

    check_metrics()
    user = identity_of(settings)
    listeners = _bind_metrics(settings, identity.owner(settings.socket_owner, user).ids)
    stack.callback(close_all, listeners)
    return Exporter(listeners, titles.metrics(settings), user, log.logger, listeners[0].name)


def exporter_of_generation(settings: "Settings", log: ErrorLog) -> "Exporter":
    """The same under another superdaemon, started. It binds when the former generation has stopped."""
    from rhebok.superdaemon.exporter import Exporter

    check_metrics()
    address, bind = cast(str, settings.metrics_bind), partial(_bind_metrics, settings)
    # This process is --user already.
    exporter = Exporter((), titles.metrics(settings), identity.UNCHANGED, log.logger, address, bind)
    exporter.start()
    return exporter


def _bind_metrics(settings: "Settings", owner: tuple[int, int] = (-1, -1)) -> list[Listener]:
    options = BindOptions(METRICS_BACKLOG, _socket_mode(settings), owner=owner, option="--metrics-bind")
    return bind_all([cast(str, settings.metrics_bind)], options)


def check_metrics() -> None:
    """UserError where the metrics process could not write metrics. Nothing of them is imported here."""
    from importlib.util import find_spec

    try:
        found = find_spec("prometheus_client")
    except ImportError:
        found = None
    if not found:
        raise UserError(
            "--metrics-bind needs prometheus_client, which is not installed: pip install 'rhebok[metrics]'",
            ExitStatus.USAGE,
        )


def _open_log(config: Config) -> ErrorLog:
    """Python's logging is imported only for handlers of its own."""
    settings = config.settings
    files = (settings.log_config, settings.log_config_json)
    wanted = (
        *files,
        settings.log_syslog,
        settings.statsd_host,
        config.logging,
        config.others.get("logger_class"),
    )
    if not any(wanted):
        form = Form(settings.log_format, settings.name or "rhebok")
        path = settings.error_logfile or STDERR
        return open_plain_log(path, settings.log_level, identity_of(settings), form)
    from rhebok import log_setup

    log = log_setup.open_logs(config).error
    log_setup.statsd(settings, log)
    return log


def _leave_terminal(settings: "Settings", log: ErrorLog) -> None:
    """A daemon holds no terminal open, and writes to none."""
    null = open_null(os.O_RDWR)
    for fd in (1, 2, *([log.stream.fileno()] if settings.error_logfile == STDERR else [])):
        os.dup2(null, fd)
    os.close(null)


def _reloader(settings: "Settings") -> "Reloader":
    from rhebok.reloading.reloader import Reloader
    from rhebok.reloading.watched_files import WatchedFiles

    extra = settings.reload_extra_file
    for path in extra:
        if not os.path.exists(path):
            raise UserError(f"--reload-extra-file: there is no {path!r}", ExitStatus.USAGE)
    return Reloader(WatchedFiles(current_directory(), extra), _notices(settings.reload_engine))


def _notices(engine: str) -> "Notices | None":
    """None: files are polled."""
    if engine == "poll":
        return None
    from rhebok.reloading.notices import Notices

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


def log_start(config: Config, listeners: Sequence[Listener], log: ErrorLog) -> None:
    """The first line: what runs here, with which configuration, and which process to signal."""
    settings, where = config.settings, ", ".join(listener.name for listener in listeners)
    log.logger.info(
        "rhebok %s, Python %s, pid %d (signals go to this one): %s at %s, workers: %d, threads: %d, %s, %s",
        __version__, _python(), os.getpid(), settings.app, where, settings.workers,
        settings.threads, _loading(settings),
        f"configuration {config.file}" if config.file else "no configuration file",
    )  # fmt: skip
    for note in config.notes:
        log.logger.warning("%s", note)


def _python() -> str:
    """Its version, and whether it is a free-threaded build. An application may still turn the GIL on."""
    version = sys.version.split()[0]
    return f"{version} (free-threaded)" if "free-threading" in sys.version else version


def _loading(settings: "Settings") -> str:
    if isinstance(settings.preload, str):
        return f"preload {settings.preload}"
    return "preload" if settings.preload else "no preload"


@contextmanager
def logged(settings: "Settings", log: ErrorLog) -> Iterator[None]:
    """Writes an error to the log too: cli prints it on stderr only, which may lead nowhere."""
    try:
        yield
    except UserError as error:
        if settings.error_logfile != STDERR:
            log.logger.critical("%s", error.with_detail)
        raise


def identity_of(settings: "Settings") -> Identity:
    return identity.identity(settings.user, settings.group)


def enter_directory(settings: "Settings") -> None:
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


def listen(settings: "Settings", pid_file: PidFile | None, stack: ExitStack) -> list[Listener]:
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


def _listeners(settings: "Settings") -> list[Listener]:
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
    owner = identity.owner(settings.socket_owner, identity_of(settings))
    options = BindOptions(settings.backlog, _socket_mode(settings), settings.reuse_port, owner.ids)
    return bind_all(settings.bind, options)


def _socket_mode(settings: "Settings") -> int:
    """The umask counts when it was asked for: with a usual one, a proxy of another user could not connect."""
    return 0o777 & ~(settings.umask or 0) if settings.socket_mode is None else settings.socket_mode
