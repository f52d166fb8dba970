"""How this process was started: command line, directory and environment, for generations to start likewise.

Used by launch and supervisor. A wrapper (opentelemetry-instrument, coverage run, memray run) is part of the
command line or of the environment, and so reaches the workers. A link that a deploy switches is followed anew
at each start.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from rhebok.errors import UserError, os_reason
from rhebok.records import dataclass

_SHEBANG_SIZE = 1024  # of a script is read to see what starts it
_EDGES = tuple(bytes([each]) for each in b" \t\n\r\f\v\"'")  # of its words


@dataclass(frozen=True)
class Origin:
    """What all generations are started with."""

    command: tuple[str, ...]
    directory: str
    environ: Mapping[str, str]

    @classmethod
    def of_this_process(cls) -> "Origin":
        """To be asked before the directory is changed."""
        return cls(command_line(), start_directory(), start_environment())


def command_line(original: Sequence[str] = tuple(sys.orig_argv)) -> tuple[str, ...]:
    """What to execute, in the directory of start_directory().

    A script that names its interpreter itself is executed as such: behind a link, as current/venv/bin/rhebok
    is, it is another script with another interpreter after a deploy.
    """
    at = next((at for at, word in enumerate(original) if at and not word.startswith("-")), len(original))
    if "-m" not in original[1:at] and _starts_itself(original[:at], *original[at : at + 1]):
        return tuple(original[at:])
    interpreter = original[0] if os.sep in original[0] else sys.executable
    return (interpreter, *original[1:])


def start_directory() -> str:
    """The shell's name for the current directory, where it is one: if that is a symbolic link which a deploy
    switches, a new generation starts in the new target. Raises UserError."""
    here, said = current_directory(), os.environ.get("PWD", "")
    with suppress(OSError):
        if os.path.isabs(said) and os.path.samefile(said, here):
            return said
    return here


def current_directory() -> str:
    """Raises UserError when there is none: it was deleted, as the release that a shell still stands in."""
    try:
        return os.getcwd()
    except OSError as error:
        raise UserError(
            f"the current directory is gone: {os_reason(error)}: change to another one (cd)"
        ) from None


def start_environment() -> Mapping[str, str]:
    """The environment at the start of the process, rather than what has become of it since: what prepares
    interpreters by PYTHONPATH usually removes itself from there in the first one."""
    try:
        with open("/proc/self/environ", "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return dict(os.environ)
    pairs = [os.fsdecode(entry).partition("=") for entry in entries if b"=" in entry]
    return {name: value for name, _, value in reversed(pairs)}  # of two, getenv(3) gives the first


def _starts_itself(interpreter: Sequence[str], script: str = "") -> bool:
    """Whether it is an executable script whose first lines name that interpreter with those options. pip
    writes two lines where the interpreter's path is long. Only a path is executed as it is: a mere name would
    be looked up on PATH.
    """
    with suppress(OSError):
        with open(script, "rb") as file:
            beginning = file.read(_SHEBANG_SIZE).split(b"\n")[:2]
        names = beginning[0].startswith(b"#!") and all(_in(beginning, word) for word in interpreter)
        return names and os.sep in script and os.access(script, os.X_OK)
    return False


def _in(lines: Sequence[bytes], word: str) -> bool:
    """As a whole word: `python3` is not in `/srv/venv/bin/python3`."""
    return any(_has(line, os.fsencode(word)) for line in lines)


def _has(line: bytes, word: bytes) -> bool:
    at = line.find(word)
    while at >= 0:
        before, after = line[:at], line[at + len(word) :]
        if (before == b"#!" or before.endswith(_EDGES)) and (not after or after.startswith(_EDGES)):
            return True
        at = line.find(word, at + 1)
    return False
