"""Opens what goes to logs and to statsd, for a supervisor or a generation. Called by launch."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rhebok.process import identity, logger_config
from rhebok.process.access_records import AccessRecords
from rhebok.process.error_writer import Form
from rhebok.process.log_stream import STDERR, ErrorLog
from rhebok.process.logger_config import AccessRoute, LoggerConfig, Syslog
from rhebok.process.logs import open_error_log
from rhebok.process.statsd import Statsd, StatsdHandler, open_statsd
from rhebok.records import TYPE_CHECKING, dataclass
from rhebok.serving import paste
from rhebok.serving.outputs import OnAccess
from rhebok.settings.configuration import Config
from rhebok.superdaemon.origin import current_directory

if TYPE_CHECKING:
    from rhebok.gunicorn.logger import UserLogger
    from rhebok.settings.table import Settings


@dataclass(frozen=True)
class Logs:
    """As opened."""

    error: ErrorLog
    configured: bool  # the handlers of gunicorn.access are the access log
    user: "UserLogger | None" = None
    on_access: OnAccess | None = None  # of it


def open_logs(config: Config) -> Logs:
    """Opens the error log. Raises UserError."""
    logs = _open(config)
    logger_config.keep_handlers()
    return logs


def _open(config: Config) -> Logs:
    settings = config.settings
    who = identity.identity(settings.user, settings.group)
    form = Form(settings.log_format, settings.name or "rhebok")
    log = open_error_log(settings.error_logfile or STDERR, settings.log_level, who, form)
    with _importable(settings):
        user = _user_logger(config)
        if user is None:
            return Logs(log, logger_config.configure(log, _logger_config(config)))
    logger_config.adopt(log, user.error_log)
    on_access = user.access
    if on_access:
        logger_config.follow_renames(user.access_log)
    if user.note:
        log.logger.warning("--logger-class: %s", user.note)
    return Logs(log, True, user, on_access)


def _user_logger(config: Config) -> "UserLogger | None":
    if config.others.get("logger_class") is None:
        return None
    from rhebok.gunicorn import logger

    return logger.load(config)


@contextmanager
def _importable(settings: "Settings") -> Iterator[None]:
    """The classes of a logging configuration may lie beside the application."""
    before = list(sys.path)
    sys.path[:0] = [*settings.pythonpath, current_directory()]
    try:
        yield
    finally:
        sys.path[:] = before


def statsd(settings: "Settings", log: ErrorLog) -> Statsd | None:
    """Lines of the log count from now on."""
    opened = open_statsd(settings.statsd_host, settings.statsd_prefix, settings.dogstatsd_tags, log.logger)
    if opened:
        log.logger.addHandler(StatsdHandler(opened))
    return opened


def _logger_config(config: Config) -> LoggerConfig:
    settings = config.settings
    prefix = settings.log_syslog_prefix or (settings.name or settings.app).replace(":", ".")
    accesses = not settings.disable_redirect_access_to_syslog
    syslog = Syslog(
        settings.log_syslog_to, settings.log_syslog_facility, prefix, accesses, settings.log_syslog_format
    )
    return LoggerConfig(
        config.logging,
        settings.log_config_json,
        settings.log_config,
        syslog if settings.log_syslog else None,
        paste.as_mapping(settings.paste_global),
    )


def access_records(settings: "Settings", route: AccessRoute) -> AccessRecords | None:
    """For the handlers in Python, if there are any."""
    if not route.handlers:
        return None
    logger = logging.getLogger(logger_config.ACCESS_LOGGER)
    return AccessRecords(logger, route.handlers, settings.access_logformat)
