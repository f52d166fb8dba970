"""logger_class: a class of the user's own, most often a subclass of gunicorn.glogging.Logger. Made by launch.

Its handlers, formatters and filters get our lines. An access() or atoms() of its own is called for each
response, in the thread that has served it; otherwise the access log is written as without the class.
"""

import importlib
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from rhebok.errors import ExitStatus, UserError
from rhebok.gunicorn.cfg import GunicornConfig
from rhebok.gunicorn.exchange_facades import Environ, Request, Response
from rhebok.settings.configuration import Config

# What --statsd-host does needs no class.
OURS = ("gunicorn.glogging.Logger", "simple", "egg:gunicorn#simple", "gunicorn.instrument.statsd.Statsd")

_OF_EACH_RESPONSE = ("access", "atoms", "now", "_get_user", "atoms_wrapper_class")
_NEVER_CALLED = ("critical", "error", "warning", "info", "debug", "exception", "log", "reopen_files")


class UserLogger:
    """An instance of the class. `error_log` and `access_log` are its loggers, if it has such."""

    def __init__(self, made: Any, cfg: GunicornConfig) -> None:
        self.made = made
        self._cfg = cfg
        self.error_log = _logger(made, "error_log", "gunicorn.error")
        self.access_log = _logger(made, "access_log", "gunicorn.access")

    @property
    def access(self) -> Callable[[Environ, int, bytes, int, int], None] | None:
        """What is to be called for each response: see Worker. None: nothing of it is the class's own."""
        own = [name for name in _OF_EACH_RESPONSE if _is_own(type(self.made), name)]
        return self._call_access if own and callable(getattr(self.made, "access", None)) else None

    @property
    def note(self) -> str:
        """What has no effect here; "" for nothing."""
        own = [f"{name}()" for name in _NEVER_CALLED if _is_own(type(self.made), name)]
        name = type(self.made).__qualname__
        return f"{', '.join(own)} of {name}: called by hooks only, not for lines of the server" if own else ""

    def _call_access(self, environ: Environ, status: int, head: bytes, sent: int, ns: int) -> None:
        request = Request(environ)
        response = Response(request, self._cfg)
        response.status, response.headers = _status_and_fields(head, status)
        response.status_code = status
        response.headers_sent = bool(head)
        response.sent = sent
        self.made.access(response, request, environ, timedelta(microseconds=ns // 1000))


def load(config: Config) -> UserLogger | None:
    """None when the configuration names no class of the user's own. Raises UserError."""
    given = config.others.get("logger_class")
    if given is None or given in OURS or _name(given) in OURS:
        return None
    cfg = GunicornConfig(config, config.hooks)
    for name in ("gunicorn.error", "gunicorn.access"):
        logging.getLogger(name).handlers = []
    try:
        kind = _class(given) if isinstance(given, str) else given
        if hasattr(kind, "install"):
            kind.install()
        return UserLogger(kind(cfg), cfg)
    except ModuleNotFoundError as error:
        needs = " (a class that is derived from gunicorn's needs gunicorn to be installed)"
        hint = needs if (error.name or "").partition(".")[0] == "gunicorn" else ""
        raise _failed(given, f"{error}{hint}") from None
    except Exception as error:  # of many kinds: it is the user's code
        raise _failed(given, f"{type(error).__name__}: {error}") from None


def _class(name: str) -> Any:
    module, _, attribute = name.replace(":", ".").rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def _name(given: Any) -> str:
    return given if isinstance(given, str) else f"{given.__module__}.{given.__qualname__}"


def _failed(given: Any, reason: str) -> UserError:
    return UserError(f"--logger-class: cannot use {_name(given)}: {reason}", ExitStatus.USAGE)


def _logger(made: Any, attribute: str, name: str) -> logging.Logger:
    found = getattr(made, attribute, None)
    return found if isinstance(found, logging.Logger) else logging.getLogger(name)


def _is_own(kind: type, name: str) -> bool:
    """Whether the class has it from somewhere else than gunicorn."""
    owner = next((each for each in kind.__mro__ if name in vars(each)), None)
    return owner is not None and owner is not object and owner.__module__.partition(".")[0] != "gunicorn"


def _status_and_fields(head: bytes, status: int) -> tuple[str, list[tuple[str, str]]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = [
        (name, value.strip()) for name, colon, value in (line.partition(":") for line in lines) if colon
    ]
    return first.partition(" ")[2] or str(status), fields
