"""Values of gunicorn's settings: how they become ours, and what is said of those that differ. For options."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rhebok.control.path import NONE
from rhebok.settings.app_spec import PASTE_PREFIX

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

SCHEME_FIELDS = {
    ("x-forwarded-proto", "https"): "x-forwarded-proto",
    ("x-forwarded-ssl", "on"): "x-forwarded-ssl",
    ("x-forwarded-protocol", "ssl"): "x-forwarded-protocol",
}

FORWARDER_HEADERS = {"script_name", "path_info"}
MOST_FIELDS = 32768

SAME_CLASSES = {
    "sync", "gthread", "gunicorn.workers.sync.syncworker", "gunicorn.workers.gthread.threadworker",
    "egg:gunicorn#sync", "egg:gunicorn#gthread",
}  # fmt: skip
OTHER_LOOPS = ("gevent", "eventlet", "tornado", "meinheld")


class Refused(ValueError):
    """The value cannot be carried out. The message is the reason."""


def unchanged(value: Any) -> Any:
    return value


def path(value: Any) -> Any:
    """Also a pathlib.Path."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def no_control_socket(value: Any) -> Any:
    """As --control."""
    return NONE if value else None


def comma_list(value: Any) -> Any:
    """gunicorn's lists are lists, or text with commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return [path(part) for part in value] if isinstance(value, Sequence) else value


def paste(value: Any) -> Any:
    """FILE.ini#NAME, also behind `config:`, as our name of an application. Relative to where the command was
    started, as gunicorn's: --chdir comes later."""
    text = path(value)
    if not isinstance(text, str):
        return value
    file, mark, name = text.strip().removeprefix(PASTE_PREFIX).partition("#")
    return f"{PASTE_PREFIX}{os.path.abspath(file)}{mark}{name}"


def umask(value: Any) -> Any:
    """A number in a Python file is the mask itself: 0o022 is 18."""
    return f"{value:o}" if isinstance(value, int) and not isinstance(value, bool) else value


def log_level(value: Any) -> Any:
    """gunicorn takes a level that it does not know for info."""
    return "info" if about_log_level(value) else value


def about_log_level(value: Any) -> str:
    if not isinstance(value, str) or value.strip().lower() in LOG_LEVELS:
        return ""
    return f"{noted(value)} is taken for info, as in gunicorn; the levels are {', '.join(LOG_LEVELS)}"


def about_umask(value: Any) -> str:
    """Text without a leading 0 is decimal in gunicorn."""
    text = str(value).strip()
    if not isinstance(value, str) or not text.isdigit() or text.startswith("0") or int(text) < 8:
        return ""
    return f"{text} is octal here, and decimal in gunicorn, where it is {int(text):04o}: write 0{text}"


def variables(value: Any) -> Any:
    """Text is one KEY=VALUE. Older versions of gunicorn divide it at commas, where each part is one."""
    if not isinstance(value, str):
        return comma_list(value)
    parts = comma_list(value)
    return parts if all("=" in part for part in parts) else [value]


def at_least_one(value: Any) -> Any:
    """Where 0 does in gunicorn, or in the kernel, what 1 does."""
    return 1 if str(value).strip() == "0" else value


def limit_of_fields(value: Any) -> Any:
    """0 is the most that there can be."""
    return MOST_FIELDS if str(value).strip() == "0" else value


def secure_scheme_headers(value: Any) -> Any:
    """The names of the fields that can be believed here. X-Forwarded-For is one of them in any case."""
    if not isinstance(value, Mapping):
        return value
    given = {(str(name).lower(), str(word).lower()) for name, word in value.items()}
    return ["x-forwarded-for", *(name for pair, name in SCHEME_FIELDS.items() if pair in given)]


def noted(value: Any) -> str:
    """A value in a note."""
    shown = value if isinstance(value, str) else getattr(value, "__qualname__", repr(value))
    return shown if len(shown) <= 60 else shown[:57] + "..."


def worker_class(value: Any) -> str:
    """A note about a worker class that rhebok can stand in for. Raises Refused."""
    name = value if isinstance(value, str) else f"{value.__module__}.{value.__qualname__}"
    lower = name.lower()
    if lower in SAME_CLASSES:
        return ""
    if "websocket" in lower:
        raise Refused(
            f"{name} gives WebSockets to gevent: with --threads, rhebok gives the socket to "
            "simple-websocket and to Flask-SocketIO in its threading mode; see docs/FROM-GUNICORN.md"
        )
    if "uvicorn" in lower or "asgi" in lower or "aiohttp" in lower or "hypercorn" in lower:
        raise Refused(
            f"{name} is for ASGI, and rhebok serves WSGI: run uvicorn or hypercorn for this application"
        )
    family = next((each for each in OTHER_LOOPS if each in lower), None)
    if family is None:
        raise Refused(
            f"rhebok has workers of its own and cannot run {name}: remove it, or use sync or gthread"
        )
    return (
        f"{family} is not used: a worker serves as many requests at a time as --threads says, and waiting "
        "clients cost none. For an application that waits (for databases, for other services), give --threads"
    )


def only(word: str, reason: str) -> Callable[[Any], str]:
    """A judge that refuses all other words."""

    def judge(value: Any) -> str:
        if str(value).lower() != word:
            raise Refused(reason)
        return ""

    return judge


def http_protocols(value: Any) -> str:
    words = {part.strip() for part in str(value).lower().split(",")}
    if "h1" not in words:
        raise Refused("rhebok speaks HTTP/1.1 only: let the proxy speak HTTP/2")
    return "" if words == {"h1"} else "rhebok speaks HTTP/1.1 only: let the proxy speak HTTP/2"


def header_map(value: Any) -> str:
    word = str(value).lower()
    if word == "dangerous":
        raise Refused("fields with an underscore could pass for those that the proxy sets: remove it")
    return "" if word == "drop" else "fields with an underscore in their names are dropped"


def forwarder_headers(value: Any) -> str:
    names = comma_list(value)
    asked = {str(name).lower() for name in names} - FORWARDER_HEADERS
    return "fields with an underscore in their names are dropped" if asked else ""


def logger_class(value: Any) -> str:
    """Raises Refused for what names no class. gunicorn.logger makes one of it."""
    if not isinstance(value, type) and not (isinstance(value, str) and re.fullmatch(r"[\w.:#]+", value)):
        raise Refused(f"it takes a class, or its name as MODULE.CLASS, not {value!r:.60}")
    return ""
