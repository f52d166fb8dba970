"""Python's loggers beside the error log, syslog, and what --log-config says. Called by launch when it has
opened the error log, before the application is loaded, which may look for the loggers of gunicorn.
"""

import json
import logging
import os
import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO, cast

from rhebok.errors import UserError, os_reason
from rhebok.process.logs import STDERR, STDOUT, AccessLogFile, ErrorLog, LogStream

ERROR_LOGGER, ACCESS_LOGGER = "gunicorn.error", "gunicorn.access"
SYSLOG_PORT = 514

_INET = re.compile(r"(udp|tcp)://(?:\[([^\]]+)\]|([^:\[\]]*))(?::([0-9]{1,5}))?")
_SYSLOG_FORMAT = "[%(process)d] [%(levelname)s] %(message)s"


@dataclass(frozen=True)
class Syslog:
    """Where the lines of the error log go too."""

    address: str
    facility: str
    prefix: str


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
    return kind, (match[2] or match[3] or "localhost", int(match[4] or SYSLOG_PORT))


def configure(log: ErrorLog, config: LoggerConfig) -> None:
    """Raises UserError."""
    logger = logging.getLogger(ERROR_LOGGER)
    logger.handlers = list(log.logger.handlers)
    logger.propagate = False
    logger.setLevel(log.logger.level)
    if config.syslog:
        handler = _syslog_handler(config.syslog)
        log.logger.addHandler(handler)
        logger.addHandler(handler)
    ours = list(logger.handlers)
    _apply(config)
    if logger.handlers != ours:
        log.logger.handlers = [_PassedOn(logger)]


def access_log_of_config() -> str | None:
    """The file that the configuration gives to gunicorn.access: rhebok writes it itself."""
    for handler in logging.getLogger(ACCESS_LOGGER).handlers:
        if isinstance(handler, logging.FileHandler):
            return handler.baseFilename
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            return STDOUT
    return None


def give_access_logger(file: AccessLogFile | None) -> None:
    """For applications that write lines of their own to it."""
    logger = logging.getLogger(ACCESS_LOGGER)
    if logger.handlers:
        return
    logger.propagate = False
    logger.setLevel(logging.INFO)
    if file:
        handler = logging.StreamHandler(cast(TextIO, LogStream(None, file.fd)))
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)


class _PassedOn(logging.Handler):
    """Hands the records of rhebok's own logger to the one that the configuration has set up, also when the
    application's own configuration has disabled that one."""

    def __init__(self, to: logging.Logger) -> None:
        super().__init__()
        self._to = to

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= self._to.getEffectiveLevel():
            self._to.callHandlers(record)


def _apply(config: LoggerConfig) -> None:
    name = STDERR
    try:
        if config.dictionary:
            name = "logconfig_dict"
            _apply_dictionary(config.dictionary)
        elif config.json_file:
            name = f"--log-config-json: {config.json_file!r}"
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


def _syslog_handler(syslog: Syslog) -> logging.Handler:
    from logging.handlers import SysLogHandler

    kind, address = parse_syslog_address(syslog.address)
    facility = SysLogHandler.facility_names[syslog.facility]
    try:
        handler = SysLogHandler(address, facility, kind)
    except OSError as error:
        raise UserError(f"--log-syslog-to: cannot send to {syslog.address}: {os_reason(error)}") from None
    prefix = syslog.prefix.replace("%", "%%")
    handler.setFormatter(logging.Formatter(f"gunicorn.{prefix}.error: {_SYSLOG_FORMAT}"))
    return handler
