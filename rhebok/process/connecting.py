"""Connects to the first of several places that can be reached. Called by statsd and syslog."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from socket import socket  # bound before the application, which may replace it, is imported

from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

Place = tuple[int, int, "Any"]  # family, kind, and the address in the family's form


def connect_first(places: Iterable[Place], seconds: float) -> socket:
    """A connected socket, with `seconds` as its timeout (0: it does not block). Raises the last OSError."""
    failed = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    for family, kind, address in places:
        sock = socket(family, kind)
        sock.settimeout(seconds)
        try:
            sock.connect(address)
        except OSError as error:
            failed = error
            sock.close()
        else:
            return sock
    raise failed
