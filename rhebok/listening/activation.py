"""systemd's socket activation: the sockets that LISTEN_FDS hands over (sd_listen_fds(3)).

Pure, except for `forget`. Called by launch; listeners examines the descriptors.
"""

import os
from collections.abc import Mapping, MutableMapping

from rhebok.records import dataclass

FIRST_FD = 3  # SD_LISTEN_FDS_START
VARIABLES = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID")


@dataclass(frozen=True)
class ActivatedSocket:
    """A descriptor that systemd has opened."""

    fd: int
    name: str  # FileDescriptorName= of the socket unit; "unknown" when there is none


def activated_sockets(environ: Mapping[str, str], pid: int) -> list[ActivatedSocket]:
    """The sockets handed over to the process `pid`. Raises ValueError when LISTEN_FDS is not a number."""
    count = environ.get("LISTEN_FDS")
    if count is None or environ.get("LISTEN_PID", str(pid)) != str(pid):
        return []
    if not count.isdigit() or int(count) > 1024:
        raise ValueError(f"LISTEN_FDS: got {count!r}, which is not a number of sockets")
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    names += ["unknown"] * (int(count) - len(names))
    return [ActivatedSocket(FIRST_FD + index, names[index] or "unknown") for index in range(int(count))]


def forget(environ: MutableMapping[str, str] = os.environ) -> None:
    """Removes the variables: they are meant for this process, not for its children."""
    for name in VARIABLES:
        environ.pop(name, None)
