"""systemd's socket activation: the sockets that LISTEN_FDS hands over (sd_listen_fds(3)).

Pure, but for `forget`. Called by launch; listeners looks at the descriptors.
"""

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

FIRST_FD = 3  # SD_LISTEN_FDS_START
VARIABLES = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID")


@dataclass(frozen=True)
class ActivatedSocket:
    fd: int
    name: str  # FileDescriptorName= of the socket unit; "unknown" without


def activated_sockets(environ: Mapping[str, str], pid: int) -> list[ActivatedSocket]:
    """What was handed to this process; ValueError when the variables cannot be read."""
    count = environ.get("LISTEN_FDS")
    if count is None or environ.get("LISTEN_PID", str(pid)) != str(pid):
        return []
    if not count.isdigit() or int(count) > 1024:
        raise ValueError(f"LISTEN_FDS: got {count!r}, which is not a number of sockets")
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    names += ["unknown"] * (int(count) - len(names))
    return [ActivatedSocket(FIRST_FD + index, names[index] or "unknown") for index in range(int(count))]


def forget(environ: MutableMapping[str, str] = os.environ) -> None:
    """The variables are for us alone."""
    for name in VARIABLES:
        environ.pop(name, None)
