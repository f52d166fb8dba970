"""The sd_notify protocol, both ends: what a generation tells the supervisor, the supervisor tells systemd.

A datagram of KEY=VALUE lines (sd_notify(3)): to the unix socket that NOTIFY_SOCKET names; from a generation
to our supervisor over an inherited socket pair, which no other process can reach or flood. Used by master,
which knows no difference between the two, and by supervisor.
"""

import os
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from socket import AF_UNIX, SCM_RIGHTS, SOCK_CLOEXEC, SOCK_DGRAM, SOL_SOCKET
from socket import socket as Socket  # bound before the application, which may replace it, is imported

from rhebok.records import dataclass
from rhebok.superdaemon.supervised import NOTIFY_FD_VARIABLE, supervised

NOTIFY_VARIABLE = "NOTIFY_SOCKET"
WORKERS_TAKE = "X_WORKERS_TAKE_USEC"  # ours; systemd leaves what begins with X_ alone
LIVES = "X_LIVING_WORKERS"  # ours, likewise
DEPLOY = "X_DEPLOY"  # ours, likewise
BOARD = "X_BOARD"  # not in the text of a message: the number of the descriptor that came along
WATCHDOG_VARIABLES = ("WATCHDOG_USEC", "WATCHDOG_PID")

_CREDENTIALS = struct.Struct("3i")  # struct ucred, unix(7)
_DESCRIPTOR = struct.Struct("i")
_SPACE = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(_DESCRIPTOR.size)
_LONGEST = 4096
_MAX_DIGITS = 15  # of a number in a message: what is longer is none of ours
_AT_ONCE = 1000  # messages; the supervisor has other things to do too, whoever floods it
_SEND_SECONDS = 1.0  # how long a full queue of systemd is waited for


class Notifier:
    """Sends; does nothing when nobody wants to know. A lost message is no reason to stop."""

    def __init__(self, address: str | None = None, inherited: socket.socket | None = None) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self._inherited = inherited

    @classmethod
    def from_environment(cls) -> "Notifier":
        """Takes the variables away: the application and what it starts must not speak for us."""
        address, descriptor = (os.environ.pop(name, None) for name in (NOTIFY_VARIABLE, NOTIFY_FD_VARIABLE))
        if descriptor is not None and supervised():  # otherwise of an outer process, and the number is ours
            with suppress(OSError, ValueError, OverflowError):
                inherited = socket.socket(fileno=int(descriptor))
                inherited.set_inheritable(False)
                return cls(inherited=inherited)
        return cls(address)

    @property
    def descriptors(self) -> list[int]:
        """What a worker closes: only the master speaks."""
        return [self._inherited.fileno()] if self._inherited else []

    def close(self) -> None:
        """In another child."""
        if self._inherited:
            self._inherited.close()
        self._address = self._inherited = None

    def ready(self, status: str) -> None:
        self._send("READY=1", f"MAINPID={os.getpid()}", f"STATUS={status}")

    def serving(self, status: str, board: int | None = None) -> None:
        """Ready, of one generation among others: without its pid, since systemd would take that for the main
        process, and the end of the generation for that of the service. board: a descriptor for our
        supervisor.
        """
        self._send("READY=1", f"STATUS={status}", board=board)

    def reloading(self, status: str) -> None:
        """MONOTONIC_USEC lets systemd tell this reload from an earlier one (Type=notify-reload)."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", f"STATUS={status}")

    def stopping(self, status: str) -> None:
        self._send("STOPPING=1", f"STATUS={status}")

    def status(self, status: str) -> None:
        self._send(f"STATUS={status}")

    def workers_take(self, seconds: float) -> None:
        """Of a generation: it starts or retires its workers one after the other, which takes so long."""
        self._send(f"{WORKERS_TAKE}={int(seconds * 1_000_000)}")

    def lives(self, workers: int) -> None:
        """Of a generation, to our supervisor alone, every few seconds: its master lives, and so many workers.
        Does not wait when the queue is full: the next message will do."""
        if self._inherited:
            with suppress(OSError):
                self._inherited.send(f"{LIVES}={workers}".encode(), socket.MSG_DONTWAIT)

    def deploy(self) -> bool:
        """Of a generation, to our supervisor alone: start the next one. By a message, since a process of
        --user cannot signal one of root. False when it was not taken."""
        if not self._inherited:
            return False
        try:
            self._inherited.send(f"{DEPLOY}=1".encode(), socket.MSG_DONTWAIT)
        except OSError:
            return False
        return True

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def _send(self, *lines: str, board: int | None = None) -> None:
        data = "\n".join(lines).encode()
        with suppress(OSError):
            if self._inherited:
                rights = [] if board is None else [(SOL_SOCKET, SCM_RIGHTS, _DESCRIPTOR.pack(board))]
                self._inherited.sendmsg([data], rights)  # waits for room: READY must not be lost
            elif self._address:
                with Socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC) as sock:
                    sock.settimeout(_SEND_SECONDS)
                    sock.sendto(data, self._address)


@dataclass(frozen=True)
class Systemd:
    """What systemd, or another service manager, wants to be told."""

    notifier: Notifier
    watchdog: float | None  # seconds between two signs of life

    @classmethod
    def from_environment(cls) -> "Systemd":
        return cls(Notifier.from_environment(), watchdog_interval(os.environ, os.getpid()))


def watchdog_interval(environ: Mapping[str, str], pid: int) -> float | None:
    """Seconds between two signs of life: half of what systemd allows. None when it does not want any."""
    microseconds, whose = (environ.get(name, "") for name in WATCHDOG_VARIABLES)
    if not microseconds.isdigit() or int(microseconds) == 0 or whose not in ("", str(pid)):
        return None
    return int(microseconds) / 2_000_000


def workers_take(said: Mapping[str, str]) -> float:
    """The seconds of Notifier.workers_take; 0 in other messages."""
    return (_number(said, WORKERS_TAKE) or 0) / 1_000_000


def wants_deploy(said: Mapping[str, str]) -> bool:
    """Whether it is the message of Notifier.deploy."""
    return said.get(DEPLOY) == "1"


def living_workers(said: Mapping[str, str]) -> int | None:
    """The number of Notifier.lives; None in other messages."""
    return _number(said, LIVES)


def board_descriptor(said: Mapping[str, str]) -> int | None:
    """The descriptor that came with the message, which is the caller's now."""
    return _number(said, BOARD)


def _number(said: Mapping[str, str], key: str) -> int | None:
    text = said.get(key, "")
    return int(text) if text.isdecimal() and len(text) <= _MAX_DIGITS else None


class Inbox:
    """Receives, at the supervisor's end of a socket pair; the kernel says which process sent a message."""

    def __init__(self) -> None:
        self._socket, self.sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)

    def fileno(self) -> int:
        return self._socket.fileno()

    def messages(self) -> Iterator[tuple[int, dict[str, str]]]:
        """(pid of the sender, what it says), of all that have come, or of many of them."""
        for _ in range(_AT_ONCE):
            try:
                data, ancillary, _, _ = self._socket.recvmsg(_LONGEST, _SPACE, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                return
            contents = {kind: content for level, kind, content in ancillary if level == SOL_SOCKET}
            said = _parse(data)
            said.pop(BOARD, None)
            for at in range(0, len(contents.get(SCM_RIGHTS, b"")), _DESCRIPTOR.size):
                if BOARD in said:
                    os.close(int(said[BOARD]))
                said[BOARD] = str(_DESCRIPTOR.unpack_from(contents[SCM_RIGHTS], at)[0])
            yield _CREDENTIALS.unpack(contents[socket.SCM_CREDENTIALS])[0], said

    def close(self) -> None:
        self._socket.close()
        self.sender.close()


def _parse(data: bytes) -> dict[str, str]:
    lines = data.decode("utf-8", "replace").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)
