"""The command line of rhebok-starter as one Options, which cli.py hands to the superdaemon or the client."""

from __future__ import annotations

import argparse
import signal
import socket
from collections.abc import Callable, Sequence

from rhebok.listening.addresses import PortSpec, parse_path, parse_port
from rhebok.process.signals import signal_named
from rhebok.records import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """Everything the command line says; None means that the flag was not given."""

    command: tuple[str, ...] = ()
    ports: tuple[PortSpec, ...] = ()
    paths: tuple[str, ...] = ()
    backlog: int = socket.SOMAXCONN
    dir: str | None = None
    interval: float = 1.0
    signal_on_hup: signal.Signals = signal.SIGTERM
    signal_on_term: signal.Signals = signal.SIGTERM
    pid_file: str | None = None
    status_file: str | None = None
    envdir: str | None = None
    log_file: str | None = None
    daemonize: bool = False
    enable_auto_restart: bool = False
    auto_restart_interval: float | None = None
    kill_old_delay: float | None = None
    restart: bool = False
    stop: bool = False


def parse(argv: Sequence[str]) -> Options:
    """The Options of one command line; exits as argparse does on --help, --version and misuse."""
    parser = _parser()
    values = vars(parser.parse_args(argv))
    command = values.pop("command")
    values["command"] = tuple(command[1:] if command[:1] == ["--"] else command)
    values["ports"], values["paths"] = tuple(values["ports"]), tuple(values["paths"])
    options = Options(**values)
    problem = _problem(options)
    if problem is not None:
        parser.error(problem)
    return options


def _problem(options: Options) -> str | None:
    """What is wrong with flags that are fine one by one."""
    if options.restart:
        complete = options.pid_file is not None and options.status_file is not None
        return None if complete else "--restart needs the --pid-file and --status-file of the superdaemon"
    if options.stop:
        return None if options.pid_file is not None else "--stop needs the --pid-file of the superdaemon"
    if not options.command:
        return "no program to run; put it after the flags: rhebok-starter --port 8080 -- PROGRAM ARGS"
    if options.daemonize and options.log_file is None:
        return "--daemonize needs --log-file, since the terminal is given up"
    return _shared_fd(options.ports)


def _shared_fd(ports: Sequence[PortSpec]) -> str | None:
    """Two listeners cannot stand at one descriptor."""
    seen: dict[int | None, PortSpec] = {}
    for spec in ports:
        other = seen.setdefault(spec.fd, spec)
        if spec.fd is not None and other is not spec:
            return f"--port: {other.name} and {spec.name} both want descriptor {spec.fd}"
    return None


def _argument(convert: Callable[[str], T]) -> Callable[[str], T]:
    """A converter whose ValueError is argparse's, with its message."""

    def converted(text: str) -> T:
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return converted


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise ValueError(f"{text!r} is not a number of seconds; give 0 or more")
    return value


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**31):
        raise ValueError(f"{text!r} is not a length for a listen queue; give a whole number above 0")
    return int(text)


class _Version(argparse.Action):
    """Looks the version up, and imports what it takes, only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            ours = version("rhebok")
        except PackageNotFoundError:
            ours = "(not installed)"
        print(f"rhebok-starter {ours}, compatible with Server::Starter 0.35")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rhebok-starter",
        usage="rhebok-starter [flags] -- PROGRAM [ARGS...]",
        description="Binds sockets, runs PROGRAM with them, and on SIGHUP replaces it without closing them.",
    )
    _add_listeners(parser)
    _add_restarts(parser)
    _add_files(parser)
    _add_commands(parser)
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _add_listeners(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("listeners")
    group.add_argument(
        "--port", dest="ports", metavar="[HOST:][u]PORT[=FD]", action="append", default=[],
        type=_argument(parse_port),
        help="port to bind, repeatable; u for UDP; [V6]:PORT for IPv6; =FD for a fixed descriptor",
    )  # fmt: skip
    group.add_argument(
        "--path", dest="paths", metavar="PATH", action="append", default=[], type=_argument(parse_path),
        help="unix socket to listen at, repeatable",
    )  # fmt: skip
    group.add_argument(
        "--backlog", metavar="N", default=socket.SOMAXCONN, type=_argument(_count),
        help="length of the listen queue (default: %(default)s)",
    )  # fmt: skip


def _add_restarts(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("restarts")
    seconds, name = _argument(_seconds), _argument(signal_named)

    def add(flag: str, metavar: str, convert: Callable[[str], object], default: object, text: str) -> None:
        group.add_argument(flag, metavar=metavar, type=convert, default=default, help=text)

    add("--interval", "S", seconds, 1.0, "a start has succeeded when PROGRAM lives S seconds (default: 1)")
    add("--signal-on-hup", "SIG", name, signal.SIGTERM, "sent to the old generation on HUP (default: TERM)")
    add("--signal-on-term", "SIG", name, signal.SIGTERM, "sent to every generation on TERM (default: TERM)")
    add("--kill-old-delay", "S", seconds, None,
        "wait S seconds before the old generation gets its signal (default: 0, or 5 with auto-restart;"
        " env KILL_OLD_DELAY)")  # fmt: skip
    add("--auto-restart-interval", "S", seconds, None,
        "seconds between automatic restarts (default: 360; env AUTO_RESTART_INTERVAL)")  # fmt: skip
    group.add_argument("--enable-auto-restart", action="store_true",
                       help="restart PROGRAM from time to time (env ENABLE_AUTO_RESTART)")  # fmt: skip


def _add_files(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("environment and files")
    for flag, metavar, text in (
        ("--dir", "DIR", "directory in which PROGRAM is run"),
        ("--envdir", "DIR", "directory of variables, one a file, read before every start (env ENVDIR)"),
        ("--pid-file", "FILE", "holds the process id, and a lock, while the superdaemon runs"),
        ("--status-file", "FILE", "holds a line GENERATION:PID for each running generation"),
        ("--log-file", "FILE|'| COMMAND'", "where standard output and standard error go"),
    ):
        group.add_argument(flag, metavar=metavar, help=text)
    group.add_argument("--daemonize", action="store_true", help="run in the background; needs --log-file")


def _add_commands(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("commands to a running superdaemon")
    group.add_argument("--restart", action="store_true",
                       help="send HUP, wait until one new generation is all there is")  # fmt: skip
    group.add_argument("--stop", action="store_true", help="send TERM, wait until the superdaemon is gone")
    group.add_argument(
        "--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="print the version and exit"
    )
