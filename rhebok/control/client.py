"""The other end of the control socket: finds the server that is meant, and asks it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from rhebok.control.liveness import found_in, listens
from rhebok.control.path import DIRECTORY, SUFFIX, runtime_directory
from rhebok.errors import ExitStatus, UserError, os_reason

SECONDS = 5.0  # for an answer


def ask(path: str, command: str, argument: object = None) -> dict[str, Any]:
    """The answer of the server at this path. UserError when there is none, or it refuses."""
    question = json.dumps({"command": command, "argument": argument}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(SECONDS)
            sock.connect(path)
            sock.sendall(question)
            with sock.makefile("rb") as answers:
                line = answers.readline()
    except OSError as error:
        raise UserError(f"cannot ask the server at {path}: {os_reason(error)}", ExitStatus.FAILED) from None
    if not line:
        raise UserError(f"the server at {path} did not answer", ExitStatus.FAILED)
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise UserError(str(answer["error"]), ExitStatus.FAILED)
    return answer


def find(wanted: str | None, environ: Mapping[str, str], uid: int, option: str = "") -> str:
    """The path of the only server, or of the only one whose name has this part. UserError otherwise. option:
    how the command takes a part of a name."""
    directories = _directories(environ, uid)
    found = [path for directory in directories for path in found_in(directory) if listens(path)]
    meant = [path for path in found if wanted is None or wanted in name_of(path)]
    if len(meant) == 1:
        return meant[0]
    where = " and ".join(directories) or "XDG_RUNTIME_DIR, which is not set"
    if not found:
        raise UserError(f"no server with a control socket runs ({where}); give --control", ExitStatus.FAILED)
    names = ", ".join(map(name_of, found))
    if meant:
        raise UserError(f"several servers run here: {names}; give {option}a part of a name", ExitStatus.USAGE)
    raise UserError(f"no server is called {wanted!r}; there are: {names}", ExitStatus.USAGE)


def name_of(path: str) -> str:
    """The name of the server, as `find` takes it."""
    return os.path.basename(path).removesuffix(SUFFIX)


def _directories(environ: Mapping[str, str], uid: int) -> Sequence[str]:
    """Root's session may have a directory of its own, and its service not."""
    found = [runtime_directory(environ, uid), f"/run/{DIRECTORY}" if uid == 0 else None]
    return list(dict.fromkeys(each for each in found if each))
