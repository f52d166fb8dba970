"""Checks of what a deploy would run: versions, configuration, paths, the application."""

import os
import platform
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence

from rhebok import __version__
from rhebok.doctor.finding import Finding, note, ok, to_change
from rhebok.doctor.system import System
from rhebok.errors import UserError
from rhebok.process import identity
from rhebok.process.logs import check_writable
from rhebok.process.served_directories import check_directories, warn_of_directories
from rhebok.settings.configuration import Config

_LEAST_KERNEL = (4, 5)  # EPOLLEXCLUSIVE
_LOAD_SECONDS = 60.0  # without --start-timeout


def check(config: Config, arguments: Sequence[str], system: System) -> Iterator[Finding]:
    """arguments: of the command, to be given to a child again."""
    yield from _versions(system)
    yield from _configuration(config, system)
    yield from _paths(config)
    yield _application(config, arguments, system)


def _versions(system: System) -> Iterator[Finding]:
    kernel = system.text("/proc/sys/kernel/osrelease") or "unknown"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    says = f"rhebok {__version__}, {python}, Linux {kernel}"
    if _numbers(kernel) < _LEAST_KERNEL:
        yield to_change("versions", f"{says}: it wakes all workers for each connection", "Linux 4.5 or later")
    else:
        yield ok("versions", says)
    if hasattr(sys, "gettotalrefcount") or sys.flags.dev_mode:
        yield to_change(
            "Python",
            "a debug build, or -X dev: several times slower",
            "the ordinary build, without PYTHONDEVMODE",
        )


def _numbers(kernel: str) -> tuple[int, ...]:
    """Of 6.1.0-13-amd64: (6, 1)."""
    words = kernel.split("-")[0].split(".")[:2]
    return tuple(int(word) for word in words if word.isdigit()) or _LEAST_KERNEL


def _configuration(config: Config, system: System) -> Iterator[Finding]:
    named = sorted(name for name, source in config.sources.items() if source != "default")
    what = f"the file {config.file}" if config.file else "no file"
    yield ok("configuration", f"{what}; set: {', '.join(named) or 'nothing'}")
    for text in config.notes:
        yield note("configuration", text)
    if config.file:
        yield from _safe_file("configuration", os.path.join(system.directory, config.file), system)


def _safe_file(check: str, path: str, system: System) -> Iterator[Finding]:
    """Who can change the file decides what runs."""
    try:
        found = os.stat(path)
    except OSError:
        return
    others = "everybody" if found.st_mode & stat.S_IWOTH else None
    if system.euid == 0 and found.st_uid != 0:
        others = f"uid {found.st_uid}"
    if others:
        yield to_change(check, f"{others} can write {path}, which the server reads", f"chown or chmod {path}")


def _paths(config: Config) -> Iterator[Finding]:
    settings = config.settings
    for option, path in (
        ("--error-logfile", settings.error_logfile),
        ("--access-logfile", settings.access_logfile),
        ("--pid", settings.pid),
    ):
        if path in (None, "-"):
            continue
        try:
            check_writable(option, path)
        except UserError as error:
            yield to_change("paths", str(error), "another path, or the rights to write there")
        else:
            yield ok("paths", f"{option} {path}")
    try:
        check_directories(settings)
    except UserError as error:
        yield to_change("files", str(error), "a directory, as in docs/STATIC.md")
    else:
        warnings: list[str] = []
        warn_of_directories(settings, warnings.append)
        for text in warnings:
            yield to_change("files", text, "another directory, or other rights: docs/STATIC.md")
    try:
        identity.identity(settings.user, settings.group)
    except UserError as error:
        yield to_change("user", str(error), "a user and a group of this machine")


def _application(config: Config, arguments: Sequence[str], system: System) -> Finding:
    """Loads it in a child, as a deploy would."""
    app = config.settings.app
    if not app:
        return note(
            "application", "none is named, so none was loaded", "rhebok doctor [OPTIONS] MODULE:ATTRIBUTE"
        )
    started_in = system.directory  # --chdir is among the arguments
    command = [system.executable, "-m", "rhebok", *arguments, "--check-config"]
    seconds = config.settings.start_timeout or _LOAD_SECONDS
    try:
        ran = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            cwd=started_in,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return to_change(
            "application",
            f"{app} was not loaded within {seconds:g} s: a deploy would give up",
            "its import waits for something; or a longer --start-timeout",
        )
    if ran.returncode == 0:
        return ok("application", f"{app} can be loaded")
    lines = ran.stderr.strip().splitlines() or [f"exit status {ran.returncode}"]
    reason = lines[-1].removeprefix("rhebok: error: ")
    return to_change("application", f"{app} cannot be loaded: {reason}", f"rhebok --check-config {app}")
