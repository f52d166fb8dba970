"""The status file: a line `generation:pid` for every generation that serves or ends, replaced in one step.

policy.py writes it, client.py reads it.
"""

import os
from collections.abc import Iterable
from contextlib import suppress

from rhebok.errors import UserError


def write(path: str, generations: Iterable[tuple[int, int]]) -> None:
    """Replaces the file, so that a reader sees the old lines or the new ones."""
    temporary = f"{path}.{os.getpid()}"
    text = "".join(f"{number}:{pid}\n" for number, pid in sorted(generations))
    try:
        with open(temporary, "w", encoding="ascii") as file:
            file.write(text)
        os.rename(temporary, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(temporary)
        raise UserError(f"cannot write the status file: {error}") from error


def check_writable(path: str) -> None:
    """Fails at start, not once the program runs."""
    directory = os.path.dirname(path) or "."
    if not path or os.path.isdir(path):
        raise UserError(f"--status-file={path}: not the name of a file")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise UserError(f"--status-file={path}: cannot write in {directory}; choose another directory")


def remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


def read(path: str) -> dict[int, int]:
    """Process ids by generation; empty when the file is not there or not yet complete."""
    try:
        with open(path, encoding="ascii") as file:
            lines = file.read().split()
        return {int(number): int(pid) for number, _, pid in (line.partition(":") for line in lines)}
    except (FileNotFoundError, ValueError):
        return {}
    except OSError as error:
        raise UserError(f"cannot read the status file: {error}") from error
