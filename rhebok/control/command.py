"""`rhebok status` and `rhebok ctl`: what an operator asks a running server. Called by rhebok.command."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Any

from rhebok.control.client import ask, find
from rhebok.control.table import render

EVERY = 1.0  # seconds between two looks of --watch

COMMANDS = {
    "reload": "deploy new code (as HUP)",
    "stop": "stop gracefully (as TERM)",
    "workers": "+1 or -1: one worker more or less (as TTIN, TTOU)",
    "traceback": "PID: this worker writes its traceback to the error log (as USR2 to it)",
    "loglevel": "LEVEL: of the error log, until the next deploy",
    "purge": "URL, URL-PREFIX*, TAG or *: takes these responses out of the cache",
    "recycle": "PID: this worker finishes its requests and is replaced (as TERM to it)",
}

ARGUMENTS = {
    "workers": "+1 or -1",
    "traceback": "a PID",
    "loglevel": "a LEVEL",
    "purge": "a URL, the beginning of one and *, a tag, or *",
    "recycle": "a PID",
}


def main(words: Sequence[str]) -> None:
    """words: of the command, without `rhebok`. UserError when it cannot be done."""
    if words[0] == "status":
        _status(_status_options().parse_args(words[1:]))
    else:
        parser = _ctl_options()
        options = parser.parse_args(words[1:])
        if (options.argument is None) != (options.command not in ARGUMENTS):
            parser.error(f"{options.command} takes {ARGUMENTS.get(options.command, 'no argument')}")
        _ctl(options)


def _status_options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rhebok status",
        description="Shows what a running server does. (An application in a module called status is "
        "served by `rhebok status:application`.)",
    )
    parser.add_argument("--watch", action="store_true", help="show it again and again, in place")
    parser.add_argument("--json", action="store_true", help="for programs")
    _common(parser)
    return parser


def _ctl_options() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:10} {text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="rhebok ctl",
        description=f"Tells a running server what to do:\n\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    parser.add_argument("argument", nargs="?", metavar="ARGUMENT")
    _common(parser, name=False)
    return parser


def _common(parser: argparse.ArgumentParser, name: bool = True) -> None:
    if name:
        parser.add_argument("server", nargs="?", metavar="NAME", help="a part of its name, where several run")
    else:
        parser.add_argument("--server", metavar="NAME", help="a part of its name, where several run")
    parser.add_argument("--control", metavar="PATH", help="its control socket, where it has another one")


def _path(options: argparse.Namespace, option: str = "") -> str:
    return str(options.control or find(options.server, os.environ, os.geteuid(), option))


def _ctl(options: argparse.Namespace) -> None:
    print(ask(_path(options, "--server and "), options.command, options.argument)["done"])


def _status(options: argparse.Namespace) -> None:
    path = _path(options)
    answer = ask(path, "status")
    if not options.watch:
        _print(answer, None, 0.0, options.json)
        return
    before, since = None, 0.0
    while True:
        _print(answer, before, since, options.json, in_place=sys.stdout.isatty())
        asked_at = time.monotonic()
        time.sleep(EVERY)
        before, answer = answer, ask(path, "status")
        since = time.monotonic() - asked_at


def _print(
    answer: dict[str, Any], before: dict[str, Any] | None, since: float, as_json: bool, in_place: bool = False
) -> None:
    if as_json:
        print(json.dumps(answer), flush=True)
        return
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else 10_000
    coloured = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM", "dumb") != "dumb"
    lines = render(answer, before, since, width, coloured)
    if in_place:
        print("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J", end="", flush=True)
    else:
        print("\n".join(lines), flush=True)
