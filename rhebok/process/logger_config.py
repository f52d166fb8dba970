"""Python's loggers beside the error log, syslog, and what --log-config says. Called by launch when it has
opened the error log, before the application is loaded, which may look for the loggers of gunicorn.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import socket
import sys
from collections.abc import Mapping

from rhebok.errors import UserError, os_reason
from rhebok.process.log_stream import STDERR, ErrorLog, LogStream
from rhebok.process.logs import STDOUT, AccessLogFile
from rhebok.records import TYPE_CHECKING, dataclass, field

if TYPE_CHECKING:
    from typing import Any

ERROR_LOGGER, ACCESS_LOGGER = "gunicorn.error", "gunicorn.access"
SYSLOG_PORT = 514

_INET = re.compile(r"(udp|tcp)://(?:\[([^\]]+)\]|([^:\[\]]*))(?::([0-9]{1,5}))?")
_SYSLOG_FORMATS = {
    "error": "[%(process)d] [%(levelname)s] %(message)s",
    "access": "[%(process)d] %(message)s",
}


@dataclass(frozen=True)
class Syslog:
    """Where the lines of the logs go too."""

    address: str
    facility: str
    prefix: str
    accesses: bool = True  # those of the access log too
    format: str = "gunicorn"  # or rfc5424


@dataclass(frozen=True)
class LoggerConfig:
    """What is asked for. At most one of the three is used, in this order."""

    dictionary: Mapping[str, Any] | None = None
    json_file: str | None = None
    file: str | None = None
    syslog: Syslog | None = None
    names: Mapping[str, str] = field(default_factory=dict)  # what %(NAME)s means in `file`, besides its own


def parse_syslog_address(text: str) -> tuple[socket.SocketKind | None, str | tuple[str, int]]:
    """The kind of socket (None: either) and the address. Raises ValueError."""
    if text.startswith("unix://"):
        path, _, wanted = text.removeprefix("unix://").partition("#")
        if not path:
            raise ValueError("the path is missing")
        return socket.SOCK_DGRAM if wanted == "dgram" else None, path
    match = _INET.fullmatch(text)
    if not match:
        raise ValueError
    kind = socket.SOCK_DGRAM if match[1] == "udp" else socket.SOCK_STREAM
    port = int(match[4] or SYSLOG_PORT)
    if not 0 < port < 65536:
        raise ValueError(f"{port} is no port")
    return kind, (match[2] or match[3] or "localhost", port)


def configure(log: ErrorLog, config: LoggerConfig) -> bool:
    """Whether the configuration has handlers for gunicorn.access. Raises UserError."""
    logger = logging.getLogger(ERROR_LOGGER)
    logger.handlers = list(log.logger.handlers)
    logger.propagate = False
    logger.setLevel(log.logger.level)
    if config.syslog:
        handler = _syslog_handler(config.syslog, "error", log)
        log.logger.addHandler(handler)
        logger.addHandler(handler)
    ours = list(logger.handlers)
    accesses = _access_logger(config.syslog, log)
    ours_of_accesses = list(accesses.handlers)
    _apply(config)
    if logger.handlers != ours:
        log.logger.handlers = [_PassedOn(logger)]
    return accesses.handlers != ours_of_accesses


def _access_logger(syslog: Syslog | None, log: ErrorLog) -> logging.Logger:
    """As it is before the configuration."""
    logger = logging.getLogger(ACCESS_LOGGER)
    logger.handlers = []
    logger.propagate = False
    logger.setLevel(logging.INFO)
    if syslog and syslog.accesses:
        logger.addHandler(_syslog_handler(syslog, "access", log))
    return logger


@dataclass(frozen=True)
class AccessRoute:
    """Where the lines of the access log go."""

    file: str | None  # is written by the worker itself
    handlers: tuple[logging.Handler, ...] = ()  # get records


def access_route(file: str | None, configured: bool, all_in_python: bool = False) -> AccessRoute:
    """file: --access-logfile, which counts unless the handlers of gunicorn.access are `configured`."""
    logger = logging.getLogger(ACCESS_LOGGER)
    if logger.disabled or not logger.isEnabledFor(logging.INFO):
        return AccessRoute(None if configured else file)
    handlers = _handlers_of(logger)
    if not configured:
        return AccessRoute(file, handlers)
    unplain = logger.filters or all_in_python
    plain = None if unplain else next((each for each in handlers if _plain_file(each)), None)
    return AccessRoute(_plain_file(plain), tuple(each for each in handlers if each is not plain))


def keep_handlers() -> None:
    """What there is now belongs to the server. An application that configures logging closes all handlers
    that logging knows: a file would be opened again as --user, who may not, and some handlers never."""
    known = logging._handlerList  # type: ignore[attr-defined]
    kept = known[:]
    del known[:]
    atexit.register(logging.shutdown, kept)


def _handlers_of(logger: logging.Logger) -> tuple[logging.Handler, ...]:
    """Its own, and those of the loggers above it to which it passes records on."""
    found = list(logger.handlers)
    while logger.propagate and logger.parent:
        logger = logger.parent
        found += logger.handlers
    return tuple(found)


def _plain_file(handler: logging.Handler | None) -> str | None:
    """The file that a handler writes each message to, and nothing else."""
    if handler is None or handler.filters or handler.level > logging.INFO or not _bare(handler.formatter):
        return None
    if type(handler) is logging.FileHandler:
        return handler.baseFilename
    if type(handler) is logging.StreamHandler and handler.stream is sys.stdout:
        return STDOUT
    return None


def _bare(formatter: logging.Formatter | None) -> bool:
    return formatter is None or (type(formatter) is logging.Formatter and formatter._fmt == "%(message)s")


def give_access_logger(file: AccessLogFile | None, configured: bool) -> None:
    """For applications that write lines of their own to it."""
    logger = logging.getLogger(ACCESS_LOGGER)
    if file and not configured:
        handler = logging.StreamHandler(LogStream(None, file.fd))
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)


def adopt(log: ErrorLog, logger: logging.Logger) -> None:
    """The error log goes to the handlers of this logger. The plain ones that write to the same file get the
    stream of the log, which follows a renamed file."""
    for handler in list(logger.handlers):
        if _writes_to(handler, log.stream.fileno()):
            ours = logging.StreamHandler(log.lines)
            _replace(logger, handler, ours)
    log.logger.handlers = [_PassedOn(logger)]


def follow_renames(logger: logging.Logger) -> None:
    """For a logger that is written to by others than the worker."""
    from logging.handlers import WatchedFileHandler

    for handler in list(logger.handlers):
        if type(handler) is logging.FileHandler:
            _replace(logger, handler, WatchedFileHandler(handler.baseFilename))


def _replace(logger: logging.Logger, old: logging.Handler, new: logging.Handler) -> None:
    new.setFormatter(old.formatter)
    new.setLevel(old.level)
    new.filters = old.filters
    logger.handlers[logger.handlers.index(old)] = new
    if isinstance(old, logging.FileHandler) and not _is_used(old):
        old.close()


def _writes_to(handler: logging.Handler, fd: int) -> bool:
    if type(handler) not in (logging.FileHandler, logging.StreamHandler):
        return False
    try:
        return os.path.sameopenfile(handler.stream.fileno(), fd)  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):  # not open yet, or no file
        return False


def _is_used(handler: logging.Handler) -> bool:
    """By another logger: a class may give one handler to both logs."""
    loggers = logging.root.manager.loggerDict.values()
    return any(handler in each.handlers for each in loggers if isinstance(each, logging.Logger))


class _PassedOn(logging.Handler):
    """Hands the records of rhebok's own logger to the one that the configuration has set up, also when the
    application's own configuration has disabled that one."""

    def __init__(self, to: logging.Logger) -> None:
        super().__init__()
        self._to = to

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= self._to.getEffectiveLevel() and self._to.filter(record):
            self._to.callHandlers(record)


def _apply(config: LoggerConfig) -> None:
    name = STDERR
    try:
        if config.dictionary:
            name = "logconfig_dict"
            _apply_dictionary(config.dictionary)
        elif config.json_file:
            name = f"--log-config-json: {config.json_file!r}"
            import json

            with open(config.json_file, encoding="utf-8") as file:
                _apply_dictionary(json.load(file))
        elif config.file:
            name = f"--log-config: {config.file!r}"
            import logging.config  # here: few users need it

            with open(config.file, encoding="utf-8") as file:
                logging.config.fileConfig(file, _names_in(config), disable_existing_loggers=False)
    except OSError as error:
        raise UserError(f"{name}: {os_reason(error)}") from None
    except Exception as error:  # of many kinds, and the handlers may be the user's own
        raise UserError(f"{name}: cannot configure logging: {_reason(error)}") from None


def _names_in(config: LoggerConfig) -> dict[str, str]:
    """What %(here)s and the like mean in the file. The values go through interpolation themselves."""
    path = os.path.abspath(config.file or "").replace("%", "%%")
    return {**config.names, "__file__": path, "here": os.path.dirname(path)}


def _apply_dictionary(given: Mapping[str, Any]) -> None:
    import logging.config

    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, **given})


def _reason(error: Exception) -> str:
    cause = f" ({error.__cause__})" if error.__cause__ else ""
    return f"{type(error).__name__}: {error}{cause}"


def _syslog_handler(syslog: Syslog, kind: str, log: ErrorLog) -> logging.Handler:
    """kind: which log it is, error or access."""
    from rhebok.process.syslog import Rfc5424, SyslogHandler  # here: few users need it

    socket_kind, address = parse_syslog_address(syslog.address)
    header = Rfc5424(syslog.prefix, kind) if syslog.format == "rfc5424" else None
    try:
        handler = SyslogHandler(address, syslog.facility, socket_kind, _without_syslog(log), header)
    except OSError as error:
        raise UserError(f"--log-syslog-to: cannot send to {syslog.address}: {os_reason(error)}") from None
    prefix = syslog.prefix.replace("%", "%%")
    form = "%(message)s" if header else f"gunicorn.{prefix}.{kind}: {_SYSLOG_FORMATS[kind]}"
    handler.setFormatter(logging.Formatter(form))
    return handler


def _without_syslog(log: ErrorLog) -> logging.Logger:
    logger = logging.Logger(log.logger.name, log.logger.level)
    logger.handlers = list(log.logger.handlers[:1])
    return logger
