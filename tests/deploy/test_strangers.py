"""What any user of the machine can do must not stop us: mended, item 3."""

import fcntl
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import pytest
from integration.conftest import Serve
from integration.processes import children, open_names, state
from integration.server import Process, command
from integration.waiting import until

from deploy.identities import STRANGER, as_root, open_to_all
from deploy.site import MODULE, Site
from deploy.supervisors import WORKERS, Supervised, start

# The notification socket


def abstract_datagram_sockets(pid: int) -> list[str]:
    """The names under which anybody can send to a process."""
    inodes = {name[8:-1] for name in open_names(pid) if name.startswith("socket:[")}
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    datagram = [row for row in rows if row[4] == "0002" and row[6] in inodes]
    return [row[7] for row in datagram if len(row) > 7 and row[7].startswith("@")]


def fill(names: list[str]) -> None:
    """Their queues take nothing more."""
    for name in names:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, suppress(BlockingIOError):
            sock.setblocking(False)
            sock.connect("\0" + name[1:])
            while True:
                sock.send(b"STATUS=flooded")


@pytest.mark.parametrize("bind", ["tcp", "unix", "abstract"])
def test_a_flood_of_messages_does_not_stop_a_deploy(site: Site, bind: str) -> None:
    """The supervisor is held while the queue is full and the next generation gets ready."""
    running = start("rhebok", site, bind, "--kill-old-delay", "0", "--start-timeout", "4")
    names = abstract_datagram_sockets(running.pid)
    try:
        site.release()
        running.deploy()
        until(lambda: len(running.masters) == 2 or len(children(running.pid)) == 2)
        os.kill(running.pid, SIGSTOP)
        fill(names)
        running.wait_for(r"worker \d+ is ready", 2 * WORKERS)
        until(lambda: state(running.masters[-1]) == "S")  # it has said so
        os.kill(running.pid, SIGCONT)
        running.wait_for(r"generation 2 \(pid \d+\) (?:serves|was not ready)")
        assert running.matches(r"generation 2 \(pid \d+\) serves")
        until(lambda: running.version() == 2)  # the old one may still accept when the new one serves
        running.judge()
    finally:
        running.end()
        print(running.log)


def test_nobody_but_us_can_send_to_the_supervisor(site: Site) -> None:
    running = start("rhebok", site, "unix")
    try:
        assert abstract_datagram_sockets(running.pid) == []
        running.judge()
    finally:
        running.end()


# Locks


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """By a process of another user, that can only read it."""
    open_to_all(path.parent)
    locked_end, tell_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setuid(STRANGER)
        fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(tell_end, b"locked")
        signal.pause()
        os._exit(0)
    try:
        os.close(tell_end)
        assert os.read(locked_end, 10) == b"locked"
        yield
    finally:
        os.close(locked_end)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@as_root
def test_a_lock_on_the_directory_of_a_unix_socket_stops_neither_start_nor_deploy_nor_end(
    site: Site, tmp_path: Path
) -> None:
    directory = tmp_path / "run"
    directory.mkdir(mode=0o755)
    argv = [*command(), MODULE, "--workers", "1", "--bind", "unix:run/s", "--kill-old-delay", "0"]
    with locked(directory):
        running = Supervised(argv, site.directory, str(directory / "s"))
        try:
            running.deploy()
            running.wait_for(r"generation 2 \(pid \d+\) serves")
            assert running.stop() == 0
            assert not (directory / "s").exists()
        finally:
            running.end()
            print(running.log)


@as_root
def test_a_lock_on_a_pid_file_that_others_can_read_does_not_stop_the_start(
    serve: Serve, tmp_path: Path
) -> None:
    pid_file = tmp_path / "app.pid"
    pid_file.write_text("1\n")
    pid_file.chmod(0o644)
    with locked(pid_file):
        server = serve("gated", "--pid", "app.pid")
        assert int(pid_file.read_text()) == server.pid
        assert server.stop() == 0
    assert not pid_file.exists()


@as_root
def test_two_servers_still_cannot_have_the_same_pid_file(serve: Serve, tmp_path: Path) -> None:
    """Whoever has its lock: the first one started while a stranger had it."""
    (tmp_path / "app.pid").write_text("1\n")
    with locked(tmp_path / "app.pid"):
        server = serve("gated", "--pid", "app.pid")
        other = Process([*command(), MODULE, "--pid", "app.pid", "--bind", "127.0.0.1:0"], tmp_path)
        try:
            assert other.wait() == 1
            assert str(server.pid) in other.log
        finally:
            other.end()
    assert int((tmp_path / "app.pid").read_text()) == server.pid


@as_root
@pytest.mark.parametrize("flag", ["pid-file", "status-file", "path"])
def test_a_lock_does_not_stop_rhebok_starter(site: Site, tmp_path: Path, flag: str) -> None:
    """On its pid file, its status file, or the directory of a path."""
    directory = tmp_path / "run"
    directory.mkdir(mode=0o755)
    held = directory
    options = ["--path", str(directory / "s"), "--interval", "0"]
    if flag != "path":
        held = directory / flag
        held.write_text("")
        options += [f"--{flag}", str(held)]
    starter = str(Path(command()[0]).with_name("rhebok-starter"))
    argv = [starter, *options, "--", *command(), MODULE, "--workers", "1"]
    with locked(held):
        running = Supervised(argv, site.directory, str(directory / "s"))
        try:
            running.judge()
        finally:
            running.end()
            print(running.log)
