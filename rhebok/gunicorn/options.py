"""gunicorn's settings, one row for each: its name in a file, its flags, and what becomes of it here.

command_line and config_file read by it; docs writes the table of docs/FROM-GUNICORN.md from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from rhebok.gunicorn import values
from rhebok.gunicorn.values import Refused, noted

Judge = Callable[[Any], str]


class Fate(Enum):
    """What becomes of a setting of gunicorn."""

    TAKEN = "taken"  # it is the setting `to` of THE table
    JUDGED = "depends on the value"  # `judge` gives a note, nothing, or raises Refused
    NOTED = "accepted, without effect"  # with a line in the log
    REFUSED = "refused"
    HOOK = "hook"
    COMMAND = "the same"  # part of the command, no setting


@dataclass(frozen=True)
class Option:
    """A row. `text` is a note, a reason, or what differs."""

    name: str
    flags: tuple[str, ...]
    fate: Fate
    text: str = ""
    to: str = ""
    convert: Callable[[Any], Any] = values.unchanged
    judge: Judge | None = None
    bare: Any = None  # what the flag means, if it takes no value
    harmless: tuple[Any, ...] = ()  # values that ask for nothing: neither noted nor refused

    def verdict(self, value: Any) -> str:
        """A note about the value, or "". Raises Refused."""
        if self.judge:
            return self.judge(value)
        if not value or value in self.harmless:
            return ""
        if self.fate is Fate.REFUSED:
            raise Refused(self.text)
        return self.text if self.fate is Fate.NOTED else ""


def taken(
    name: str, flags: str = "", to: str = "", text: str = "", convert: Any = values.unchanged
) -> Option:
    return Option(name, tuple(flags.split()), Fate.TAKEN, text, to or name, convert)


def note(name: str, flags: str, text: str, bare: Any = None, harmless: tuple[Any, ...] = ()) -> Option:
    return Option(name, tuple(flags.split()), Fate.NOTED, text, bare=bare, harmless=harmless)


def refuse(name: str, flags: str, text: str, bare: Any = None) -> Option:
    return Option(name, tuple(flags.split()), Fate.REFUSED, text, bare=bare)


def judged(name: str, flags: str, judge: Judge, text: str) -> Option:
    return Option(name, tuple(flags.split()), Fate.JUDGED, text, judge=judge)


def hook(name: str) -> Option:
    return Option(name, (), Fate.HOOK)


TLS = "rhebok speaks no TLS: terminate it at the proxy (docs/FROM-GUNICORN.md)"
LOOSE = "it loosens the parsing of requests, which lets attackers hide one request in another: remove it"
HTTP1 = "rhebok speaks HTTP/1.1 only: let the proxy speak HTTP/2"
ASGI = "rhebok serves WSGI, not ASGI"
DIRTY = "rhebok has no dirty workers: use a task queue"
CONTROL = "rhebok has no control socket"
LATER = "not built yet"

# fmt: off
OPTIONS: tuple[Option, ...] = (
    # Config file
    Option("config", ("-c", "--config"), Fate.COMMAND, "Also a TOML file."),
    taken("wsgi_app", to="app"),
    # Server socket
    taken("bind", "-b --bind", text="A bare number is a port.", convert=values.comma_list),
    taken("backlog", "--backlog"),
    # Workers
    taken("workers", "-w --workers"),
    judged("worker_class", "-k --worker-class", values.worker_class,
        "sync and gthread as they are; gevent, eventlet, tornado and meinheld are accepted with a warning: "
        "--threads says how many requests a worker serves at a time; others are refused"),
    taken("threads", "--threads"),
    taken("worker_connections", "--worker-connections", "max_connections",
        "It limits connections, and not the requests that are served at a time, which --threads does."),
    taken("max_requests", "--max-requests"),
    taken("max_requests_jitter", "--max-requests-jitter"),
    taken("timeout", "-t --timeout",
        text="With several threads it watches the worker and cuts no request, as with gthread."),
    taken("graceful_timeout", "--graceful-timeout"),
    taken("keepalive", "--keep-alive", "keep_alive", "The default is 75 s, not 2 s."),
    note("worker_tmp_dir", "--worker-tmp-dir", "the heartbeat of workers is in memory, not in a file"),
    # Security
    taken("limit_request_line", "--limit-request-line"),
    taken("limit_request_fields", "--limit-request-fields", convert=values.limit_of_fields),
    taken("limit_request_field_size", "--limit-request-field_size"),
    # Debugging
    taken("reload", "--reload", text="A change is a deploy: the old code serves until the new one can."),
    taken("reload_engine", "--reload-engine"),
    taken("reload_extra_files", "--reload-extra-file", "reload_extra_file"),
    note("spew", "--spew", "rhebok traces no lines", True),
    Option("check_config", ("--check-config",), Fate.COMMAND, bare=True),
    Option("print_config", ("--print-config",), Fate.COMMAND, "In TOML, with the source of each value.",
        bare=True),
    # Server mechanics
    taken("preload_app", "--preload", "preload"),
    note("sendfile", "--no-sendfile", "files of wsgi.file_wrapper are always sent by sendfile(2)", "no",
        harmless=(True, "true")),
    taken("reuse_port", "--reuse-port"),
    taken("chdir", "--chdir", convert=values.path),
    taken("daemon", "-D --daemon"),
    taken("raw_env", "-e --env", "env", convert=values.comma_list),
    taken("pidfile", "-p --pid", "pid", convert=values.path),
    taken("user", "-u --user"),
    taken("group", "-g --group"),
    taken("umask", "-m --umask", text="The flag is always octal.", convert=values.umask),
    note("initgroups", "--initgroups", "supplementary groups are always set", True),
    note("tmp_upload_dir", "", "request bodies too long for memory go to $TMPDIR"),
    taken("secure_scheme_headers", to="forwarded_headers", convert=values.secure_scheme_headers,
        text="X-Forwarded-Proto, X-Forwarded-Ssl and X-Forwarded-Protocol can be believed."),
    taken("forwarded_allow_ips", "--forwarded-allow-ips",
        text="X-Forwarded-For of these peers sets REMOTE_ADDR too."),
    taken("pythonpath", "--pythonpath"),
    refuse("paste", "--paste --paster",
        "PasteDeploy is not read: make a module with "
        "`application = paste.deploy.loadapp('config:/PATH.ini')`"),
    refuse("raw_paste_global_conf", "--paste-global", "PasteDeploy is not read"),
    taken("proxy_protocol", "--proxy-protocol"),
    taken("proxy_allow_ips", "--proxy-allow-from", "proxy_allow_ips"),
    judged("protocol", "--protocol", values.only("http", "rhebok speaks HTTP only"), "http only"),
    note("uwsgi_allow_ips", "--uwsgi-allow-from", "rhebok does not speak the uwsgi protocol",
        harmless=("127.0.0.1,::1",)),
    refuse("permit_obsolete_folding", "--permit-obsolete-folding", LOOSE, True),
    refuse("strip_header_spaces", "--strip-header-spaces", LOOSE, True),
    refuse("permit_unconventional_http_method", "--permit-unconventional-http-method", LOOSE, True),
    refuse("permit_unconventional_http_version", "--permit-unconventional-http-version", LOOSE, True),
    refuse("casefold_http_method", "--casefold-http-method", LOOSE, True),
    judged("forwarder_headers", "--forwarder-headers", values.forwarder_headers,
        "fields with an underscore are always dropped; --root-path or $SCRIPT_NAME sets SCRIPT_NAME"),
    judged("header_map", "--header-map", values.header_map,
        "fields with an underscore are always dropped; `dangerous` is refused"),
    taken("root_path", "--root-path", text="Also $SCRIPT_NAME, as in gunicorn."),
    note("enable_stdio_inheritance", "-R --enable-stdio-inheritance",
        "stdout and stderr are always those of the command", True),
    note("control_socket", "--control-socket", CONTROL),
    note("control_socket_mode", "--control-socket-mode", CONTROL),
    note("control_socket_disable", "--no-control-socket", CONTROL, True),
    # Logging
    taken("accesslog", "--access-logfile", "access_logfile", convert=values.path),
    taken("access_log_format", "--access-logformat", "access_logformat"),
    taken("errorlog", "--error-logfile --log-file", "error_logfile", convert=values.path),
    taken("loglevel", "--log-level", "log_level", convert=values.log_level),
    taken("capture_output", "--capture-output"),
    judged("logger_class", "--logger-class", values.logger_class,
        "gunicorn.glogging.Logger as it is; others are noted and not used"),
    taken("logconfig", "--log-config", "log_config", convert=values.path),
    taken("logconfig_json", "--log-config-json", "log_config_json", convert=values.path),
    Option("logconfig_dict", (), Fate.TAKEN, "As --log-config; only in a Python file."),
    taken("syslog", "--log-syslog", "log_syslog", "The error log only."),
    taken("syslog_addr", "--log-syslog-to", "log_syslog_to"),
    taken("syslog_prefix", "--log-syslog-prefix", "log_syslog_prefix"),
    taken("syslog_facility", "--log-syslog-facility", "log_syslog_facility"),
    note("disable_redirect_access_to_syslog", "--disable-redirect-access-to-syslog",
        "the access log never goes to syslog", True),
    note("statsd_host", "--statsd-host", LATER),
    note("statsd_prefix", "--statsd-prefix", LATER),
    note("dogstatsd_tags", "--dogstatsd-tags", LATER),
    note("enable_backlog_metric", "--enable-backlog-metric", LATER, True),
    # Process naming
    taken("proc_name", "-n --name", "name"),
    note("default_proc_name", "", "without --name the titles have the application", harmless=("gunicorn",)),
    # TLS
    *(refuse(name, flag, TLS) for name, flag in (
        ("keyfile", "--keyfile"), ("certfile", "--certfile"), ("ca_certs", "--ca-certs"),
        ("ciphers", "--ciphers"), ("ssl_version", "--ssl-version"), ("cert_reqs", "--cert-reqs"),
        ("ssl_context", ""))),
    refuse("do_handshake_on_connect", "--do-handshake-on-connect", TLS, True),
    note("suppress_ragged_eofs", "--suppress-ragged-eofs", TLS, True, harmless=(True,)),
    # HTTP/2, ASGI, dirty workers
    judged("http_protocols", "--http-protocols", values.http_protocols, "h1 only; h2 and h3 are noted"),
    note("http2_cleartext", "--http2-cleartext", HTTP1, harmless=("off",)),
    *(note(name, "--" + name.replace("_", "-"), text) for name, text in (
        ("http2_max_concurrent_streams", HTTP1), ("http2_initial_window_size", HTTP1),
        ("http2_max_frame_size", HTTP1), ("http2_max_header_list_size", HTTP1),
        ("asgi_loop", ASGI), ("asgi_lifespan", ASGI), ("asgi_disconnect_grace_period", ASGI),
        ("websocket_max_message_size", ASGI), ("http_parser", "there is one parser"))),
    note("dirty_apps", "--dirty-app", DIRTY),
    *(note(name, "--" + name.replace("_", "-"), DIRTY) for name in (
        "dirty_workers", "dirty_timeout", "dirty_threads", "dirty_graceful_timeout")),
    *(note(name, "", DIRTY) for name in (
        "on_dirty_starting", "dirty_post_fork", "dirty_worker_init", "dirty_worker_exit")),
    # Hooks
    *map(hook, (
        "on_starting", "on_reload", "when_ready", "pre_fork", "post_fork", "post_worker_init", "worker_int",
        "worker_abort", "pre_exec", "pre_request", "post_request", "child_exit", "worker_exit",
        "nworkers_changed", "on_exit")),
)
# fmt: on

BY_NAME = {option.name: option for option in OPTIONS}
BY_FLAG = {flag: option for option in OPTIONS for flag in option.flags}

__all__ = ["BY_FLAG", "BY_NAME", "OPTIONS", "Fate", "Option", "Refused", "noted"]
