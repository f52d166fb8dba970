"""`cfg`, as hooks see it: every setting of gunicorn by its name, with the value in force, in gunicorn's type.

Made by hooks.GunicornHooks. What has no effect here has the value that was given, or gunicorn's default.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rhebok.control.path import NONE
from rhebok.gunicorn.options import OPTIONS, Fate, Option
from rhebok.gunicorn.values import SCHEME_FIELDS
from rhebok.settings.app_spec import PASTE_PREFIX, parse_paste
from rhebok.settings.configuration import Config
from rhebok.settings.table import Settings

# Of the settings that are none of ours; those that are not named here are None.
_LOCAL = ("127.0.0.1", "::1")
_DEFAULTS: Mapping[str, Any] = {
    **dict.fromkeys(
        (
            "asgi_lifespan",
            "asgi_loop",
            "http_parser",
        ),
        "auto",
    ),
    **dict.fromkeys(
        (
            "capture_output",
            "casefold_http_method",
            "check_config",
            "disable_redirect_access_to_syslog",
            "do_handshake_on_connect",
            "enable_backlog_metric",
            "enable_stdio_inheritance",
            "initgroups",
            "permit_obsolete_folding",
            "permit_unconventional_http_method",
            "permit_unconventional_http_version",
            "print_config",
            "spew",
            "strip_header_spaces",
        ),
        False,
    ),
    **dict.fromkeys(("dogstatsd_tags", "statsd_prefix"), ""),
    "asgi_disconnect_grace_period": 3,
    "cert_reqs": 0,
    "control_socket_mode": 0o600,
    "dirty_apps": (),
    "dirty_graceful_timeout": 30,
    "dirty_threads": 1,
    "dirty_timeout": 300,
    "dirty_workers": 0,
    "forwarder_headers": ("SCRIPT_NAME", "PATH_INFO"),
    "header_map": "drop",
    "http2_cleartext": "off",
    "http2_initial_window_size": 65535,
    "http2_max_concurrent_streams": 100,
    "http2_max_frame_size": 16384,
    "http2_max_header_list_size": 65536,
    "http_protocols": ("h1",),
    "logger_class": "gunicorn.glogging.Logger",
    "protocol": "http",
    "ssl_version": 2,
    "suppress_ragged_eofs": True,
    "uwsgi_allow_ips": _LOCAL,
    "websocket_max_message_size": 1 << 24,
}


class Setting:
    """An entry of cfg.settings."""

    def __init__(self, name: str, value: Any) -> None:
        self.name = name
        self.value = value

    def get(self) -> Any:
        return self.value


class GunicornConfig:
    """cfg. An unknown name raises AttributeError, and no setting can be set: it is in force already."""

    settings: dict[str, Setting]
    env_orig: dict[str, str]

    def __init__(self, config: Config, functions: Mapping[str, Callable[..., Any]]) -> None:
        """Made in the master, when it is in its directory and has its user. functions: the hooks by name."""
        found = {option.name: Setting(option.name, _value(option, config, functions)) for option in OPTIONS}
        vars(self).update(settings=found, env_orig=dict(os.environ))

    def __getattr__(self, name: str) -> Any:
        if name == "settings" or name not in self.settings:
            raise AttributeError(f"there is no setting {name!r}")
        return self.settings[name].get()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.settings:
            raise AttributeError(f"{name} is in force already, and a hook cannot change it")
        super().__setattr__(name, value)

    def set(self, name: str, value: Any) -> None:
        """As by an assignment."""
        setattr(self, name, value)

    @property
    def address(self) -> list[Any]:
        """Of --bind: (host, port), a path, or the number of a descriptor."""
        return [address(each) for each in self.settings["bind"].get()]

    @property
    def uid(self) -> int:
        return int(self.settings["user"].get())

    @property
    def gid(self) -> int:
        return int(self.settings["group"].get())

    @property
    def env(self) -> dict[str, str]:
        pairs = (each.partition("=") for each in self.settings["raw_env"].get())
        return {name: value for name, _, value in pairs}

    @property
    def proc_name(self) -> str:
        return str(self.settings["proc_name"].get() or self.settings["default_proc_name"].get())

    @property
    def worker_class_str(self) -> str:
        return str(self.settings["worker_class"].get())

    @property
    def is_ssl(self) -> bool:
        return False

    @property
    def sendfile(self) -> bool:
        return True

    @property
    def paste_global_conf(self) -> dict[str, str]:
        pairs = (each.partition("=") for each in self.settings["raw_paste_global_conf"].get())
        return {name: value for name, _, value in pairs}

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for name, setting in sorted(self.settings.items()):
            value = setting.value
            yield f"{name} = {f'<{value.__qualname__}()>' if callable(value) else value}"


def address(bound: str) -> Any:
    """An address of --bind in gunicorn's form."""
    if bound.startswith("unix:"):
        return bound.removeprefix("unix:").removeprefix("//")
    if bound.startswith("fd://"):
        return int(bound.removeprefix("fd://"))
    host, colon, port = bound.rpartition(":")
    if not colon:
        return ("0.0.0.0", int(bound)) if bound.isdecimal() else (bound, 8000)
    return host.strip("[]") or "0.0.0.0", int(port) if port.isdecimal() else port


def _value(option: Option, config: Config, functions: Mapping[str, Callable[..., Any]]) -> Any:
    if option.fate is Fate.HOOK:
        return functions.get(option.name, _no_hook)
    if option.name in _IN_FORCE:
        return _IN_FORCE[option.name](config.settings)
    if option.name == "logconfig_dict":
        return dict(config.logging or {})
    if option.name == "config":
        return config.file or "./gunicorn.conf.py"
    if option.fate is Fate.TAKEN and hasattr(config.settings, option.to):
        return _in_their_type(getattr(config.settings, option.to))
    return _in_their_type(config.others.get(option.name, _DEFAULTS.get(option.name)))


def _no_hook(*_arguments: Any) -> None:
    """In place of a hook that the file does not define."""


def _in_their_type(value: Any) -> Any:
    """Lists where we have tuples, and whole seconds."""
    if isinstance(value, tuple):
        return list(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _scheme_headers(settings: Settings) -> dict[str, str]:
    return {
        field.upper(): value for (field, value), name in SCHEME_FIELDS.items()
        if name in settings.forwarded_headers
    }  # fmt: skip


def _paste(settings: Settings) -> str | None:
    return settings.app.removeprefix(PASTE_PREFIX) if parse_paste(settings.app) else None


_IN_FORCE: Mapping[str, Callable[[Settings], Any]] = {
    "chdir": lambda _settings: os.getcwd(),
    "control_socket_disable": lambda settings: settings.control == NONE,
    "default_proc_name": lambda settings: settings.app,
    "group": lambda _settings: os.getegid(),
    "paste": _paste,
    "preload_app": lambda settings: settings.preload is True,
    "pythonpath": lambda settings: ",".join(settings.pythonpath) or None,
    "root_path": lambda settings: settings.root_path or "",
    "secure_scheme_headers": _scheme_headers,
    "umask": lambda settings: settings.umask or 0,
    "user": lambda _settings: os.geteuid(),
    "worker_class": lambda settings: "gthread" if settings.threads > 1 else "sync",
}
