"""The status file: a line `generation:pid` for every generation that serves or ends, replaced in one step.

policy.py writes it, client.py reads it.
"""

import os
from collections.abc import Iterable
from contextlib import suppress

from rhebok.errors import UserError, os_reason
from rhebok.process.opening import Place, open_to_read, place_of

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write(path: str, generations: Iterable[tuple[int, int]]) -> None:
    """Replaces the file, so that a reader sees the old lines or the new ones."""
    text = "".join(f"{number}:{pid}\n" for number, pid in sorted(generations))
    try:
        with place_of(path) as place:
            _replace(place, text.encode())
    except OSError as error:
        raise UserError(f"cannot write the status file {path!r}: {os_reason(error)}") from error


def _replace(place: Place, text: bytes) -> None:
    """By a file with a name that nobody can guess, in the same directory."""
    directory, name = os.path.split(place.name)
    temporary = os.path.join(directory, f".{name}.{os.urandom(8).hex()}")
    fd = os.open(temporary, _NEW, 0o666, dir_fd=place.directory)
    try:
        with open(fd, "wb") as file:
            file.write(text)
        os.rename(temporary, place.name, src_dir_fd=place.directory, dst_dir_fd=place.directory)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=place.directory)
        raise


def check_writable(path: str) -> None:
    """Fails at start, not once the program runs."""
    directory = os.path.dirname(path) or "."
    if not path or os.path.isdir(path):
        raise UserError(f"--status-file={path}: not the name of a file")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise UserError(f"--status-file={path}: cannot write in {directory}; choose another directory")


def remove(path: str) -> None:
    with suppress(OSError), place_of(path) as place:
        os.unlink(place.name, dir_fd=place.directory)


def read(path: str) -> dict[int, int]:
    """Process ids by generation; empty when the file is not there or not yet complete."""
    try:
        with open(open_to_read(path), encoding="ascii") as file:
            lines = file.read().split()
        return {int(number): int(pid) for number, _, pid in (line.partition(":") for line in lines)}
    except (FileNotFoundError, ValueError):
        return {}
    except OSError as error:
        raise UserError(f"cannot read the status file: {error}") from error
