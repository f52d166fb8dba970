"""gunicorn's settings, one row for each: its name in a file, its flags, and what becomes of it here.

command_line and config_file read by it; docs writes the table of docs/FROM-GUNICORN.md from it.
"""

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any

from rhebok.control.path import NONE
from rhebok.gunicorn import values
from rhebok.gunicorn.values import Refused, noted
from rhebok.records import dataclass

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
    convert: Callable[[Any], Any] = values.unchanged  # what a file has
    word: Callable[[str], str] = values.unchanged  # what a flag has
    judge: Judge | None = None
    bare: Any = None  # what the flag means, if it takes no value
    harmless: tuple[Any, ...] = ()  # values that ask for nothing: neither noted nor refused
    arguments: str = ""  # of a hook
    fewer: int = 0  # arguments that a hook may leave out, from behind

    def fits(self, function: Callable[..., Any]) -> bool:
        """Whether a hook can be called with its arguments."""
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # not known
            return True
        count = len(self.arguments.split(", "))
        return any(_binds(signature, number) for number in range(count - self.fewer, count + 1))

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
    name: str,
    flags: str = "",
    to: str = "",
    text: str = "",
    convert: Any = values.unchanged,
    word: Any = values.unchanged,
    judge: Judge | None = None,
) -> Option:
    return Option(name, tuple(flags.split()), Fate.TAKEN, text, to or name, convert, word, judge)


def note(name: str, flags: str, text: str, bare: Any = None, harmless: tuple[Any, ...] = ()) -> Option:
    return Option(name, tuple(flags.split()), Fate.NOTED, text, bare=bare, harmless=harmless)


def refuse(name: str, flags: str, text: str, bare: Any = None) -> Option:
    return Option(name, tuple(flags.split()), Fate.REFUSED, text, bare=bare)


def judged(name: str, flags: str, judge: Judge, text: str) -> Option:
    return Option(name, tuple(flags.split()), Fate.JUDGED, text, judge=judge)


def hook(name: str, arguments: str, text: str = "", fewer: int = 0) -> Option:
    return Option(name, (), Fate.HOOK, text, arguments=arguments, fewer=fewer)


def _binds(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*(None,) * count)
    except TypeError:
        return False
    return True


TLS = "rhebok speaks no TLS: terminate it at the proxy (docs/FROM-GUNICORN.md)"
LOOSE = "it loosens the parsing of requests, which lets attackers hide one request in another: remove it"
HTTP1 = "rhebok speaks HTTP/1.1 only: let the proxy speak HTTP/2"
ASGI = "rhebok serves WSGI, not ASGI"
DIRTY = "rhebok has no dirty workers: use a task queue"
CONTROL = "rhebok's control socket is another one, for `rhebok ctl`: --control says where, its mode is 0600"

# fmt: off
OPTIONS: tuple[Option, ...] = (
    # Config file
    Option("config", ("-c", "--config"), Fate.COMMAND, "Also a TOML file."),
    taken("wsgi_app", to="app"),
    # Server socket
    taken("bind", "-b --bind", text="A bare number is a port.", convert=values.comma_list),
    taken("backlog", "--backlog", text="0 is 1.", convert=values.at_least_one, word=values.at_least_one),
    # Workers
    taken("workers", "-w --workers"),
    judged("worker_class", "-k --worker-class", values.worker_class,
        "sync and gthread as they are; gevent, eventlet, tornado and meinheld are accepted with a warning: "
        "--threads says how many requests a worker serves at a time; others are refused"),
    taken("threads", "--threads", text="0 is 1.", convert=values.at_least_one, word=values.at_least_one),
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
    taken("limit_request_fields", "--limit-request-fields", text="0 is 32768.",
        convert=values.limit_of_fields, word=values.limit_of_fields),
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
    taken("raw_env", "-e --env", "env", convert=values.variables),
    taken("pidfile", "-p --pid", "pid", convert=values.path),
    taken("user", "-u --user"),
    taken("group", "-g --group"),
    taken("umask", "-m --umask", text="Text is always octal; a line in the log says where gunicorn's is not.",
        convert=values.umask, judge=values.about_umask),
    note("initgroups", "--initgroups", "supplementary groups are always set", True),
    note("tmp_upload_dir", "", "request bodies too long for memory go to $TMPDIR"),
    taken("secure_scheme_headers", to="forwarded_headers", convert=values.secure_scheme_headers,
        text="X-Forwarded-Proto, X-Forwarded-Ssl and X-Forwarded-Protocol can be believed."),
    taken("forwarded_allow_ips", "--forwarded-allow-ips",
        text="X-Forwarded-For of these peers sets REMOTE_ADDR too."),
    taken("pythonpath", "--pythonpath"),
    taken("paste", "--paste --paster", "app", convert=values.paste, word=values.paste,
        text="The argument `config:FILE.ini#NAME` is the same. It needs `pip install 'rhebok[paste]'`."),
    taken("raw_paste_global_conf", "--paste-global", "paste_global", convert=values.variables),
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
    note("control_socket_mode", "--control-socket-mode", CONTROL, harmless=(0o600, "0600", "600")),
    Option("control_socket_disable", ("--no-control-socket",), Fate.TAKEN, "As `--control none`.", "control",
        values.no_control_socket, bare=NONE),
    # Logging
    taken("accesslog", "--access-logfile", "access_logfile", convert=values.path),
    taken("access_log_format", "--access-logformat", "access_logformat"),
    taken("errorlog", "--error-logfile --log-file", "error_logfile", convert=values.path),
    taken("loglevel", "--log-level", "log_level", "A word that is no level is info.",
        convert=values.log_level, word=values.log_level, judge=values.about_log_level),
    taken("capture_output", "--capture-output"),
    judged("logger_class", "--logger-class", values.logger_class,
        "a subclass of gunicorn.glogging.Logger; with access() or atoms() of its own it costs more"),
    taken("logconfig", "--log-config", "log_config", convert=values.path),
    taken("logconfig_json", "--log-config-json", "log_config_json", convert=values.path),
    Option("logconfig_dict", (), Fate.TAKEN, "As --log-config; only in a Python file."),
    taken("syslog", "--log-syslog", "log_syslog", "Error lines have the severity in the text too."),
    taken("syslog_addr", "--log-syslog-to", "log_syslog_to"),
    taken("syslog_prefix", "--log-syslog-prefix", "log_syslog_prefix"),
    taken("syslog_facility", "--log-syslog-facility", "log_syslog_facility"),
    taken("disable_redirect_access_to_syslog", "--disable-redirect-access-to-syslog"),
    taken("statsd_host", "--statsd-host",
        text="Lines are gathered for up to a second, and counters are sums. Refused requests count too."),
    taken("statsd_prefix", "--statsd-prefix"),
    taken("dogstatsd_tags", "--dogstatsd-tags"),
    taken("enable_backlog_metric", "--enable-backlog-metric", text="Unix sockets too."),
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
    hook("pre_exec", "server",
        "In each generation but the first, before all others. gunicorn: in the process that becomes the new "
        "master."),
    hook("nworkers_changed", "server, new, old",
        "At the start (`old` is None), and on TTIN and TTOU."),
    hook("on_starting", "server",
        "In each generation. Before the application is imported, unless `preload_app` is set to True."),
    hook("on_reload", "server",
        "In each generation but the first, after on_starting. gunicorn: on HUP, without on_starting. Under "
        "another superdaemon, when HUP to the master replaces its workers."),
    hook("when_ready", "server", "In each generation, before its first worker is forked."),
    hook("pre_fork", "server, worker"),
    hook("post_fork", "server, worker",
        "In the worker, before it loads the application (`preload_app` False)."),
    hook("post_worker_init", "worker",
        "In the worker, before it serves. What it puts into `worker.wsgi` is served."),
    hook("pre_request", "worker, req", "What it changes in `req` is in the environ."),
    hook("post_request", "worker, req, environ, resp",
        "With 4, 3 or 2 arguments. When the response has ended, or the application has raised; not when "
        "a quick stop cuts the request.", fewer=2),
    hook("worker_int", "worker",
        "On QUIT, also when `graceful_timeout` has passed. INT to a worker does nothing: the supervisor "
        "turns its own INT into QUIT for the workers."),
    hook("worker_abort", "worker",
        "When a request takes longer than `timeout` or `--request-timeout`, before it is interrupted. A "
        "worker that cannot run Python is killed without it. ABRT does not call it."),
    hook("worker_exit", "server, worker", "In the worker, before its exit handlers."),
    hook("child_exit", "server, worker",
        "In the master. When the master was killed, its workers call it, each for itself."),
    hook("on_exit", "server", "In each generation, when its last worker has ended."),
)
# fmt: on

BY_NAME = {option.name: option for option in OPTIONS}
BY_FLAG = {flag: option for option in OPTIONS for flag in option.flags}

__all__ = ["BY_FLAG", "BY_NAME", "OPTIONS", "Fate", "Option", "Refused", "noted"]
