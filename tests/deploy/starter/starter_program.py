"""The tiny server of most tests: it notes what happens to it, and answers clients with its generation.

Run as `python -I -S starter_program.py HOME`; notes go to HOME/events, a line of JSON each. Files in HOME
steer it. `fail`: exit at once; `fail_once`: that, once; `linger`: after a signal, end only when it is gone.
"""

import json
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress

HOME = sys.argv[1]
GENERATION = int(os.environ.get("SERVER_STARTER_GENERATION", "0"))
SIGNALS = ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2")


def note(event: str, **more: object) -> None:
    entry = {"event": event, "generation": GENERATION, "pid": os.getpid(), "at": time.monotonic(), **more}
    fd = os.open(f"{HOME}/events", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, json.dumps(entry).encode() + b"\n")
    os.close(fd)


def present(name: str) -> bool:
    return os.path.exists(f"{HOME}/{name}")


def told(number: int, _frame: object) -> None:
    note("signal", name=signal.Signals(number).name.removeprefix("SIG"))
    while present("linger"):
        time.sleep(0.01)
    os._exit(0)


def listeners() -> dict[str, socket.socket]:
    """The sockets of SERVER_STARTER_PORT by name; fails if one of them is not there."""
    entries = [entry.rpartition("=") for entry in os.environ["SERVER_STARTER_PORT"].split(";") if entry]
    return {name: socket.socket(fileno=int(fd)) for name, _, fd in entries}


def described(sock: socket.socket) -> dict[str, object]:
    v6 = sock.family == socket.AF_INET6
    return {
        "fd": sock.fileno(),
        "family": sock.family.name,
        "type": sock.type.name,
        "address": sock.getsockname(),
        "v6only": bool(v6 and sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)),
        "listening": bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)),
    }


def proc_status(field: str) -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1], 16) for line in file if line.startswith(field))


def answer(sock: socket.socket) -> None:
    reply = str(GENERATION).encode()
    if sock.type == socket.SOCK_DGRAM:
        sock.sendto(reply, sock.recvfrom(64)[1])
        return
    # A client may be gone already, as one is that only asks whether somebody listens.
    with sock.accept()[0] as connection, suppress(ConnectionError):
        connection.sendall(reply)


def main() -> None:
    listed = [int(name) for name in os.listdir("/proc/self/fd")]
    open_fds = [fd for fd in listed if os.path.lexists(f"/proc/self/fd/{fd}")]  # less the one that listed
    ignored, blocked = proc_status("SigIgn"), proc_status("SigBlk")
    for name in SIGNALS:
        signal.signal(signal.Signals[f"SIG{name}"], told)
    if present("fail_once"):
        os.unlink(f"{HOME}/fail_once")
        note("failing")
        sys.exit(3)
    if present("fail"):
        note("failing")
        sys.exit(3)
    socks = listeners()
    note(
        "started",
        environ=dict(os.environ),
        cwd=os.getcwd(),
        argv=sys.argv[2:],
        sockets={name: described(sock) for name, sock in socks.items()},
        open_fds=open_fds,
        ignored=ignored,
        blocked=blocked,
        stdin=os.readlink("/proc/self/fd/0") if 0 in open_fds else None,
    )
    print(f"out of generation {GENERATION}", flush=True)
    print(f"err of generation {GENERATION}", file=sys.stderr, flush=True)
    while True:
        for sock in select.select(list(socks.values()), [], [])[0]:
            answer(sock)


if __name__ == "__main__":
    main()
