"""THE table: one row for each setting.

Flags, RHEBOK_* variables, TOML keys, --help, --print-config and docs/settings.md come from it, and config
reads the values into a Settings by it. To add an option, add a row.
"""

from dataclasses import MISSING, Field, dataclass, field, fields
from enum import Enum
from typing import Any

from rhebok.listening.addresses import parse_bind
from rhebok.process import statsd
from rhebok.process.logger_config import parse_syslog_address
from rhebok.settings import field_values, file_values, log_values, values
from rhebok.settings.cpus import auto_workers
from rhebok.settings.values import Kind

ENVIRONMENT_PREFIX = "RHEBOK_"

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

# Of logging.handlers.SysLogHandler, which is imported only when it is used.
SYSLOG_FACILITIES = (
    "auth",
    "authpriv",
    "console",
    "cron",
    "daemon",
    "ftp",
    "kern",
    "lpr",
    "mail",
    "news",
    "ntp",
    "security",
    "solaris-cron",
    "syslog",
    "user",
    "uucp",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
)

# Logs and metrics read their addresses themselves.
SYSLOG_ADDRESS = values.checked(
    parse_syslog_address, "udp://HOST:PORT, tcp://HOST:PORT or unix://PATH", "ADDRESS"
)
STATSD_ADDRESS = values.checked(statsd.parse_address, "HOST:PORT or unix://PATH", "ADDRESS")
STATSD_WORD = values.checked(statsd.check_word, "ASCII text without |", "TEXT")

BIND_ADDRESS = values.checked(parse_bind, "HOST:PORT, [V6]:PORT, unix:PATH, unix:@NAME or fd://N", "ADDRESS")

LOCAL_PEERS = ("127.0.0.1", "::1", "unix")

# The fields that csrc/http/forwarded.c can read. The first two are the default: most proxies set them.
FORWARDED_HEADERS = (
    "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-forwarded-ssl",
    "x-forwarded-protocol", "forwarded",
)  # fmt: skip

ACCESS_LOG_FORMAT = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'


class Group(Enum):
    """The groups of settings in --help and in the docs, in this order."""

    APPLICATION = "Application"
    LISTENING = "Listening"
    PROXIES = "Proxies"
    WORKERS = "Workers"
    HTTP = "HTTP"
    FILES = "Files"
    LIMITS = "Limits"
    LOGGING = "Logging"
    PROCESS = "Process"
    DEPLOYS = "Deploys"
    DEVELOPMENT = "Development"
    HOOKS = "Hooks"


@dataclass(frozen=True)
class Setting:
    """A row of the table."""

    name: str  # of the attribute of Settings, and the TOML key
    flags: tuple[str, ...]  # none for the argument of the command
    kind: Kind
    default: Any
    group: Group
    help: str
    aliases: tuple[str, ...] = ()
    unit: str = ""
    variable: str = ""  # a common environment variable that gives the default
    variable_value: str = "{}"  # the value, with {} for what the variable has
    variable_unless: str = ""  # `variable` is not read when this one is set: it may mean something else
    default_note: str = ""  # the default in words, where it depends on something
    needs: str = ""  # the name of the setting without which it has no effect

    @property
    def label(self) -> str:
        """The name in messages."""
        return next((flag for flag in self.flags if flag.startswith("--")), "APPLICATION").partition("/")[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The TOML keys: the name, and the aliases spelled as names. In capitals they are variables."""
        spellings = (flag[2:].replace("-", "_") for flag in self.aliases)
        return tuple(dict.fromkeys((self.name, *spellings)))

    @property
    def environment(self) -> tuple[str, ...]:
        """The environment variables that give the value."""
        return tuple(ENVIRONMENT_PREFIX + name.upper() for name in self.names)

    @property
    def default_text(self) -> str:
        """The default in --help and in the docs."""
        if self.default_note:
            return self.default_note
        if self.default in (None, ()):
            return "none"
        shown = self.kind.show(self.default)
        return (
            " ".join(shown)
            if isinstance(shown, list)
            else str(shown).lower()
            if self.kind.switch
            else str(shown)
        )


def row(
    flags: str,
    kind: Kind,
    default: Any,
    group: Group,
    help: str,
    *,
    aliases: str = "",
    unit: str = "",
    variable: str = "",
    variable_value: str = "{}",
    variable_unless: str = "",
    default_note: str = "",
    needs: str = "",
) -> Any:
    """The dataclass field of one setting. The parameters are the attributes of Setting."""
    details = {
        "flags": tuple(flags.split()),
        "kind": kind,
        "group": group,
        "help": help,
        "aliases": tuple(aliases.split()),
        "unit": unit,
        "variable": variable,
        "variable_value": variable_value,
        "variable_unless": variable_unless,
        "default_note": default_note,
        "needs": needs,
    }
    return field(default=default, metadata={"row": details})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The values in force. The whole server reads them as attributes, the native worker too."""

    # fmt: off
    app: str = row("", values.app_name(), None, Group.APPLICATION,
        "The WSGI application: MODULE, MODULE:ATTRIBUTE or MODULE:FACTORY(). "
        "Without an attribute, `application` is looked up, then `app`. `config:FILE.ini#NAME` is the section "
        "app:NAME of a file of PasteDeploy, by default app:main (`pip install 'rhebok[paste]'`).")
    chdir: str | None = row("--chdir", values.path("DIR"), None, Group.APPLICATION,
        "Change to this directory first. All relative paths except --config start there.")
    pythonpath: tuple[str, ...] = row("--pythonpath", values.directories(), (), Group.APPLICATION,
        "Directories to import from, before all others. The current directory is always one of them.")
    env: tuple[str, ...] = row("-e --env", values.variables(), (), Group.APPLICATION,
        "Set a variable in the environment of the application. May be repeated.")

    paste_global: tuple[str, ...] = row("--paste-global", values.variables(), (), Group.APPLICATION,
        "With an application of PasteDeploy: set a variable in the file's [DEFAULT]. May be repeated.")

    root_path: str | None = row("--root-path", values.url_prefix(), None, Group.APPLICATION,
        "SCRIPT_NAME of all requests: the part of the path in front of what the application knows. It is "
        "taken away from PATH_INFO where that begins with it.",
        variable="SCRIPT_NAME", default_note="$SCRIPT_NAME, otherwise none")

    bind: tuple[str, ...] = row("-b --bind", values.bind_addresses(), ("127.0.0.1:8000",), Group.LISTENING,
        "Listen on this address. May be repeated. A bare HOST is port 8000, a bare number a port of all IPv4 "
        "addresses. Ignored when SERVER_STARTER_PORT hands over listeners.",
        variable="PORT", variable_value="0.0.0.0:{}", variable_unless="SERVER_STARTER_PORT",
        default_note="0.0.0.0:$PORT if $PORT is set, otherwise 127.0.0.1:8000")
    backlog: int = row("--backlog", values.whole_number(1, 2**31 - 1), 2048, Group.LISTENING,
        "The most connections that wait to be accepted; the kernel's net.core.somaxconn is the upper limit.")
    socket_mode: int | None = row("--socket-mode", values.octal(0o777), None, Group.LISTENING,
        "Permissions of unix sockets. A client needs write permission to connect.",
        default_note="0777 without the bits of --umask if that is given")
    socket_owner: str | None = row("--socket-owner", values.owner(), None, Group.LISTENING,
        "Owner of unix sockets. Without it, --user and --group.")
    reuse_port: bool = row("--reuse-port/--no-reuse-port", values.switch(), False, Group.LISTENING,
        "Set SO_REUSEPORT on TCP listeners, so that another server may listen on the same port.")

    forwarded_allow_ips: tuple[str, ...] = row("--forwarded-allow-ips", values.peers(), LOCAL_PEERS,
        Group.PROXIES, "Trust the --forwarded-headers of these peers. `*` matches every peer, but no address "
        "in a field. The default is $FORWARDED_ALLOW_IPS if that is set.",
        variable="FORWARDED_ALLOW_IPS")
    forwarded_headers: tuple[str, ...] = row("--forwarded-headers", values.some_of(*FORWARDED_HEADERS),
        FORWARDED_HEADERS[:2], Group.PROXIES,
        "The fields that --forwarded-allow-ips applies to. Name only fields that each of these proxies "
        "sets or removes: any other field comes from the client. docs/HTTP.md has a table of proxies.")
    proxy_protocol: str = row("--proxy-protocol", values.mode("off", "v1", "v2", "auto", bare="auto"), "off",
        Group.PROXIES, "Connections begin with a PROXY header of this version; auto is either. The peers "
        "in --proxy-allow-ips must send it, all others must not.")
    proxy_allow_ips: tuple[str, ...] = row("--proxy-allow-ips", values.peers(), LOCAL_PEERS, Group.PROXIES,
        "With --proxy-protocol: the peers that send the header.", aliases="--proxy-allow-from",
        needs="proxy_protocol")

    workers: int = row("-w --workers", values.whole_number(1, 4096, auto=auto_workers), 1, Group.WORKERS,
        "The number of worker processes; `auto` is 2 x usable CPUs + 1.", aliases="--max-workers",
        variable="WEB_CONCURRENCY", default_note="$WEB_CONCURRENCY, otherwise 1")
    threads: int = row("--threads", values.whole_number(1, 1024), 1, Group.WORKERS,
        "The number of requests that each worker serves at a time. More than 1 is for applications that wait "
        "or stream; they must be thread-safe. In a free-threaded build of Python the threads of a worker "
        "run at the same time.")
    preload: bool | str = row("--preload/--no-preload", values.switch_or("auto"), "auto", Group.WORKERS,
        "Load the application once, in the master, so that workers share its memory. auto: unless that "
        "leaves threads, connections or event loops behind, which workers cannot share; then each loads it.")
    max_requests: int = row("--max-requests", values.whole_number(0), 0, Group.WORKERS,
        "Replace a worker after this many requests; 0 means never.",
        aliases="--max-reqs-per-child --max-request-per-child")
    max_requests_jitter: int = row("--max-requests-jitter", values.whole_number(0), 0, Group.WORKERS,
        "Add a random number up to this to each worker's --max-requests.", needs="max_requests")
    min_requests: int = row("--min-requests", values.whole_number(0), 0, Group.WORKERS,
        "With --max-requests: each worker's limit is a random number from this to --max-requests.",
        aliases="--min-reqs-per-child", needs="max_requests")
    spawn_interval: float = row("--spawn-interval", values.seconds(), 0, Group.WORKERS,
        "Wait this long between two forks.", unit="seconds")
    err_respawn_interval: float = row("--err-respawn-interval", values.seconds(), 1, Group.WORKERS,
        "Do not fork for this long after a worker has failed.", unit="seconds")
    timeout: float = row("-t --timeout", values.seconds(), 30, Group.WORKERS,
        "Replace a worker or a master that shows no sign of life for this long, but at least 5 seconds, "
        "because its interpreter is held. With --threads 1 it is also a --request-timeout: if both are "
        "given, the smaller one counts. 0 means never.", unit="seconds")
    request_timeout: float = row("--request-timeout", values.seconds(), 0, Group.WORKERS,
        "Interrupt a request in which the application makes no progress for this long: traceback and "
        "request line go to the error log, and the worker is replaced. The time starts again with each "
        "block that the application sends, and each read of a large request body. 0 means never, but for "
        "--timeout.", unit="seconds")
    graceful_timeout: float = row("--graceful-timeout", values.seconds(), 30, Group.WORKERS,
        "Kill a stopping worker that has not finished after this time.", unit="seconds")
    max_worker_memory: int = row("--max-worker-memory", values.size(), 0, Group.WORKERS,
        "Replace a worker whose resident memory, shared pages included, is larger; 0 means never.",
        unit="bytes")
    max_worker_lifetime: float = row("--max-worker-lifetime", values.seconds(), 0, Group.WORKERS,
        "Replace a worker after this time; 0 means never.", unit="seconds")
    max_worker_lifetime_jitter: float = row("--max-worker-lifetime-jitter", values.seconds(), 0,
        Group.WORKERS, "Add a random time up to this to each worker's --max-worker-lifetime.", unit="seconds",
        needs="max_worker_lifetime")
    oobgc: int = row("--oobgc", values.whole_number(0), 0, Group.WORKERS,
        "Collect garbage between requests, every N requests, and not during requests; 0 leaves it to Python.")

    keep_alive: float = row("--keep-alive", values.seconds(), 75, Group.HTTP,
        "Keep an idle connection open for this long; 0 closes after each response.", unit="seconds")
    header_timeout: float = row("--header-timeout", values.seconds(), 15, Group.HTTP,
        "Answer 408 when a request head is not complete this long after its first byte, and close a new "
        "connection that sends nothing for this long; 0 means never.", unit="seconds")
    body_timeout: float = row("--body-timeout", values.seconds(), 60, Group.HTTP,
        "Answer 408 when no part of a request body arrives for this long; 0 means never.", unit="seconds")
    send_timeout: float = row("--send-timeout", values.seconds(), 60, Group.HTTP,
        "Abort a response of which the client receives nothing for this long; 0 means never.", unit="seconds")
    min_rate: int = row("--min-rate", values.whole_number(0, 2**31 - 1), 256, Group.HTTP,
        "The lowest rate of a client that is slow but not silent. A body must arrive at this rate on average "
        "once it has taken longer than --body-timeout, a response must be received at this rate within "
        "--send-timeout. 0 means any rate.",
        unit="bytes per second")
    max_keepalive_requests: int = row("--max-keepalive-requests", values.whole_number(0), 0, Group.HTTP,
        "Close a connection after this many requests; 0 means never.")
    chunked: bool = row("--chunked/--no-chunked", values.switch(), True, Group.HTTP,
        "Send responses of unknown length chunked. Otherwise the end of the connection ends them.")
    server_header: str = row("--server-header", field_values.field_value(), "Rhebok", Group.HTTP,
        "The Server field of responses. An empty value omits it.")
    early_hints: bool = row("--early-hints/--no-early-hints", values.switch(), False, Group.HTTP,
        "Give the application wsgi.early_hints, which sends 103 responses. Every proxy in front must support "
        "them: nginx before 1.29 never answers such a request.")
    body_buffer: int = row("--body-buffer", values.size(), 2**20, Group.HTTP,
        "Keep request bodies up to this size in memory, longer ones in a temporary file.", unit="bytes")

    cache: int = row("--cache", values.size(0, 2**20), 0, Group.HTTP,
        "Keep responses that allow it in so much memory, which all workers share, and answer from there "
        "(docs/CACHE.md). 0 means no cache; otherwise at least 1m.", unit="bytes")
    cache_entry: int = row("--cache-entry", values.size(1), 2**20, Group.HTTP,
        "With --cache: the longest body that is kept.", unit="bytes", needs="cache")
    cache_wait: float = row("--cache-wait", values.seconds(), 5.0, Group.HTTP,
        "With --cache: how long a request waits for the answer to the same request of another client. Then "
        "it goes to the application too. 0 means that none waits.", unit="seconds", needs="cache")

    static: tuple[tuple[str, str], ...] = row("--static", file_values.mounts(), (), Group.FILES,
        "Serve the files of this directory at this URL, without asking the application (docs/STATIC.md). "
        "What is not there is for the application. May be repeated.")
    static_max_age: tuple[tuple[str, int], ...] = row("--static-max-age", file_values.max_ages(), (),
        Group.FILES, "Let caches keep the files of --static for this long, of all or of one URL. May be "
        "repeated.", unit="seconds", needs="static")
    static_immutable: bool = row("--static-immutable/--no-static-immutable", values.switch(), True,
        Group.FILES, "Let caches keep files with a hash of their content in their names for ever.",
        needs="static")
    static_only: tuple[str, ...] = row("--static-only", file_values.mounted_urls(), (), Group.FILES,
        "Answer 404 for what is not in the directory of this URL of --static, instead of asking the "
        "application. May be repeated.")
    static_uploads: tuple[str, ...] = row("--static-uploads", file_values.mounted_urls(), (), Group.FILES,
        "The files at this URL of --static have names that users have chosen: no other file is sent in the "
        "place of one as its compressed form, no name is one with a hash, and browsers are told not to guess "
        "types. May be repeated.")
    static_index: str | None = row("--static-index", file_values.file_name(), None, Group.FILES,
        "The file of --static that stands for a directory, as index.html. Without it, directories are for "
        "the application. There are no listings.", needs="static")
    sendfile_root: tuple[tuple[str, str], ...] = row("--sendfile-root", file_values.roots(), (), Group.FILES,
        "Send the file that the application names in the field X-Sendfile, if it is in this directory; with "
        "a URL, in X-Accel-Redirect (docs/STATIC.md). Without this, they are fields like others. May be "
        "repeated.")

    max_connections: int = row("--max-connections", values.whole_number(0, 2**31 - 1), 10_000, Group.LIMITS,
        "The most connections of a worker. To accept one more, it closes the one that has been idle longest; "
        "when none is idle, new connections wait in the accept queue. 0 means no limit.")
    limit_request_line: int = row("--limit-request-line", values.size(), 4094, Group.LIMITS,
        "The longest request line; 0 means as long as --limit-request-head.", unit="bytes")
    limit_request_head: int = row("--limit-request-head", values.size(256), 32768, Group.LIMITS,
        "The longest request head: request line and all fields. Unless it is given, it is 256 KiB when one "
        "of the two limits within it is 0, and at least 16 KiB more than both.", unit="bytes")
    limit_request_fields: int = row("--limit-request-fields", values.whole_number(1, 32768), 100,
        Group.LIMITS, "The most fields in a request.")
    limit_request_field_size: int = row("--limit-request-field_size", values.size(), 8190, Group.LIMITS,
        "The longest field of a request; 0 means as long as --limit-request-head.", unit="bytes",
        aliases="--limit-request-field-size")
    limit_request_body: int = row("--limit-request-body", values.size(), 1 << 30, Group.LIMITS,
        "The longest request body, by default 1 GiB; 0 means no limit.", unit="bytes")

    log_level: str = row("--log-level", values.choice(*LOG_LEVELS), "info", Group.LOGGING,
        f"The lowest severity in the error log: {', '.join(LOG_LEVELS)}.")
    log_format: str = row("--log-format", values.choice("auto", "text", "json"), "auto", Group.LOGGING,
        "The format of the error log: text, or an object of JSON on each line (docs/LOGGING.md). auto is "
        "text, but records of systemd's journal where stderr is that. The access log has --access-logformat.")
    error_logfile: str | None = row("--error-logfile", values.path(), "-", Group.LOGGING,
        "The error log, which is also wsgi.errors; `-` is stderr.", aliases="--log-file")
    access_logfile: str | None = row("--access-logfile", values.path(), None, Group.LOGGING,
        "The access log; `-` is stdout.")
    access_logformat: str = row("--access-logformat", values.text(), ACCESS_LOG_FORMAT, Group.LOGGING,
        "The format of a line of the access log, in gunicorn's atoms; `json` for lines of JSON. A format "
        "behind `escape=json ` is a JSON text of your own: an atom outside quotes becomes a string, a number "
        "or null.")
    access_log_sample: float = row("--access-log-sample", log_values.share(), 1, Group.LOGGING,
        "Log this part of the requests only, chosen at random; 5xx and slow ones are always logged.")
    access_log_slow: float = row("--access-log-slow", values.seconds(), 1, Group.LOGGING,
        "What --access-log-sample and --access-log-exclude take for slow: a request of at least this time; 0 "
        "means that none is.", unit="seconds")
    access_log_exclude: tuple[str, ...] = row("--access-log-exclude", log_values.url_paths(), (),
        Group.LOGGING, "Do not log requests of this path, as of a health check, unless they are slow or end "
        "in 5xx; with `*` at its end, of all paths that begin so. May be repeated.")
    capture_output: bool = row("--capture-output/--no-capture-output", values.switch(), False, Group.LOGGING,
        "Write what the application writes to stdout and stderr to --error-logfile.")
    log_config: str | None = row("--log-config", values.path(), None, Group.LOGGING,
        "Configure Python's logging by this file of logging.config.fileConfig. A logger `gunicorn.error` in "
        "it gets the lines of the error log, and the handlers of `gunicorn.access` are the access log.")
    log_config_json: str | None = row("--log-config-json", values.path(), None, Group.LOGGING,
        "As --log-config, by a JSON file for logging.config.dictConfig.")
    log_syslog: bool = row("--log-syslog/--no-log-syslog", values.switch(), False, Group.LOGGING,
        "Send the lines of the error log and of the access log to syslog too.")
    disable_redirect_access_to_syslog: bool = row(
        "--disable-redirect-access-to-syslog/--no-disable-redirect-access-to-syslog", values.switch(), False,
        Group.LOGGING, "With --log-syslog: not the lines of the access log.", needs="log_syslog")
    log_syslog_to: str = row("--log-syslog-to", SYSLOG_ADDRESS, "udp://localhost:514", Group.LOGGING,
        "Where syslog is.", needs="log_syslog")
    log_syslog_prefix: str | None = row("--log-syslog-prefix", values.path("TEXT"), None, Group.LOGGING,
        "The name behind `gunicorn.` in the lines for syslog; without it, --name, otherwise the application.",
        needs="log_syslog")
    log_syslog_facility: str = row("--log-syslog-facility", values.choice(*SYSLOG_FACILITIES), "user",
        Group.LOGGING, "The facility of the lines for syslog.", needs="log_syslog")
    log_syslog_format: str = row("--log-syslog-format", values.choice("gunicorn", "rfc5424"), "gunicorn",
        Group.LOGGING, "The form of the lines for syslog: gunicorn's, or RFC 5424 with a header.",
        needs="log_syslog")
    statsd_host: str | None = row("--statsd-host", STATSD_ADDRESS, None, Group.LOGGING,
        "Send metrics of requests, lines of the error log and workers to this statsd, with gunicorn's names. "
        "The port is 8125 unless it is given.")
    statsd_prefix: str = row("--statsd-prefix", STATSD_WORD, "", Group.LOGGING,
        "Text before the names of all metrics; a dot is added.", needs="statsd_host")
    dogstatsd_tags: str = row("--dogstatsd-tags", STATSD_WORD, "", Group.LOGGING,
        "Tags for all metrics, with commas between them, as DogStatsD takes them.", needs="statsd_host")
    enable_backlog_metric: bool = row("--enable-backlog-metric/--no-enable-backlog-metric", values.switch(),
        False, Group.LOGGING, "With --statsd-host: send once a second how many connections wait to be "
        "accepted.", needs="statsd_host")
    request_id: str | None = row("--request-id", field_values.field_name("X-Request-ID"), None, Group.LOGGING,
        "Give each request an identifier: that of this field, when a proxy in --forwarded-allow-ips has sent "
        "a well-formed one, otherwise 128 random bits. The application gets it as the field and as "
        "rhebok.request_id, the client gets it in the response, and the logs have it (docs/LOGGING.md).")
    log_queries: bool = row("--log-queries/--no-log-queries", values.switch(), False, Group.LOGGING,
        "Show the queries of requests in `rhebok status`, and in the error log those of requests that are "
        "late, fail or are cut. Queries may have passwords and tokens. The access log's format decides for "
        "itself.")

    daemon: bool = row("-D --daemon/--no-daemon", values.switch(), False, Group.PROCESS,
        "Go on in the background, once the sockets are bound. stdout and stderr are closed then; give "
        "--error-logfile.")
    pid: str | None = row("-p --pid", values.path(), None, Group.PROCESS,
        "Write the process id to signal to this file, and lock it. If another process holds the lock, the "
        "command fails before it binds.")
    user: str | None = row("-u --user", values.word("USER"), None, Group.PROCESS,
        "Change to this user after binding, with the user's supplementary groups; a name or a number. "
        "Programs that are executed get no more rights then (no_new_privs).")
    group: str | None = row("-g --group", values.word("GROUP"), None, Group.PROCESS,
        "Change to this group after binding; a name or a number. Without it, the group of --user, which is "
        "the same number for a number that has no passwd entry.")
    name: str | None = row("-n --name", values.text(), None, Group.PROCESS,
        "The name in the titles of the processes (ps, pgrep), which say role and generation too.",
        default_note="the application", aliases="--proc-name")
    umask: int | None = row("-m --umask", values.octal(0o777), None, Group.PROCESS,
        "File mode creation mask, also for unix sockets.")

    control: str | None = row("--control", values.path(), None, Group.PROCESS,
        "The unix socket at which `rhebok status` and `rhebok ctl` ask this server; only its user can. "
        "`none`: no such socket.",
        default_note="XDG_RUNTIME_DIR/rhebok/NAME.control; of root /run/rhebok/NAME.control")

    board: bool = row("--board/--no-board", values.switch(), True, Group.PROCESS,
        "Count and time requests, for `rhebok status` and /metrics. With --no-board these show workers, "
        "connections and current requests, but neither counters of requests nor times. It saves some dozens "
        "of instructions a request.")

    metrics_bind: str | None = row("--metrics-bind", BIND_ADDRESS, None, Group.PROCESS,
        "Answer /metrics (for Prometheus), /livez and /readyz at this address, in a process of its own. It "
        "takes prometheus_client (`pip install 'rhebok[metrics]'`). There is no access control: give an "
        "address that only your monitoring reaches.")

    start_timeout: float = row("--start-timeout", values.seconds(), 60, Group.DEPLOYS,
        "End a new generation whose workers are not all ready after this time. Later, kill and replace a "
        "worker that is not ready after this time (with --no-preload it loads the application); 0 means "
        "never.",
        unit="seconds")
    kill_old_delay: float = row("--kill-old-delay", values.seconds(), 1, Group.DEPLOYS,
        "The time that a new generation must live after it is ready, before the old one is told to stop.",
        unit="seconds")
    signal_on_hup: str = row("--signal-on-hup", values.choice("term", "usr1"), "term", Group.DEPLOYS,
        "What the old generation gets when a new one serves. With USR1 its workers stop one after the other, "
        "every --spawn-interval.")
    max_old_generations: int = row("--max-old-generations", values.whole_number(0), 5, Group.DEPLOYS,
        "How many replaced generations may still be finishing their requests; the oldest one beyond that is "
        "stopped at once. 0 means any number.")
    pre_stop_delay: float = row("--pre-stop-delay", values.seconds(), 0, Group.DEPLOYS,
        "After TERM, go on accepting for this long, so that load balancers can notice the stop.",
        unit="seconds")

    reload: bool = row("--reload/--no-reload", values.switch(), False, Group.DEVELOPMENT,
        "Deploy when a file of the application changes: its modules, all imported ones but the standard "
        "library's, and what is in directories named `templates` beside them or in the current directory. "
        "A generation that fails is shown in the error log, and the next change is waited for, also at "
        "the start.")
    reload_engine: str = row("--reload-engine", values.choice("auto", "poll", "inotify"), "auto",
        Group.DEVELOPMENT, "How changes are noticed: inotify needs the package watchfiles (`pip install "
        "'rhebok[reload]'`), poll looks at the files several times a second, auto is inotify if it can be.")
    reload_extra_file: tuple[str, ...] = row("--reload-extra-file", values.paths(), (), Group.DEVELOPMENT,
        "With --reload: deploy also when this file, or anything in this directory, changes. May be repeated.",
        aliases="--reload-extra-files")

    before_fork: str | None = row("--before-fork", values.callable_name(), None, Group.HOOKS,
        "Called as function(master) in the master, before each fork.")
    after_fork: str | None = row("--after-fork", values.callable_name(), None, Group.HOOKS,
        "Called as function(worker) in each worker, before it serves.")
    on_child_reap: str | None = row("--on-child-reap", values.callable_name(), None, Group.HOOKS,
        "Called as function(pid, status) in the master, when a worker has ended; a status < 0 is a signal. "
        "Also for the master itself, at its end.")
    # fmt: on


def _setting(item: "Field[Any]") -> Setting:
    default = None if item.default is MISSING else item.default
    return Setting(name=item.name, default=default, **item.metadata["row"])


TABLE: tuple[Setting, ...] = tuple(_setting(item) for item in fields(Settings))
