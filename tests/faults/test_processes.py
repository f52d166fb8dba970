"""What supervisor, master and a starting worker ask of the kernel fails: they report it and try again."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from signal import SIGHUP, SIGKILL
from typing import Protocol

import pytest
from deploy.fake_systemd import FakeSystemd
from integration.server import EXAMPLES, Process, command
from integration.waiting import until

from faults.conftest import Patient
from faults.control import Control, Fault, Kind

pytestmark = pytest.mark.needs("cc")

QUICK = ("--chdir", str(EXAMPLES), "--err-respawn-interval", "0.05", "--kill-old-delay", "0")


class Start(Protocol):
    def __call__(self, *options: str, **variables: str) -> Patient: ...


@pytest.fixture
def start(shim: Path, tmp_path: Path) -> Iterator[Start]:
    servers: list[Patient] = []

    def start(*options: str, **variables: str) -> Patient:
        server = Patient("hello", *QUICK, *options, shim=shim, directory=tmp_path, **variables)
        servers.append(server)
        # The connection that `Server` tries is accepted whenever the worker gets to it, perhaps under a fault
        # that is meant for another process. Whoever is answered stands behind it in the queue.
        assert server.get().status == 200
        return server

    yield start
    try:
        for server in servers:
            server.judge()
    finally:
        for server in servers:
            server.end()
            print(server.log)


def kill_the_worker(server: Patient) -> int:
    worker = server.worker
    os.kill(worker, SIGKILL)
    return worker


@pytest.mark.parametrize(
    "fault",
    [
        Fault("fork", errno.EAGAIN, times=2),
        Fault("fork", errno.ENOMEM, times=2),
        Fault("pipe2", errno.EMFILE, times=2),
        Fault("pipe2", errno.ENFILE, times=2),
    ],
    ids=str,
)
def test_a_worker_that_cannot_be_forked_is_forked_later(start: Start, fault: Fault) -> None:
    server = start()
    with server.faults.armed(fault, pid=server.master):
        dead = kill_the_worker(server)
        server.wait_for("could not fork a worker: ", 2)
        server.wait_for_workers(1, without=[dead])
    assert server.get().status == 200


@pytest.mark.parametrize(
    "fault",
    [
        Fault("epoll_create1", errno.EMFILE, times=2),
        Fault("epoll_add", errno.ENOMEM, kind=Kind.LISTENER, times=2),
        Fault("calloc", errno.ENOMEM, ours=True, times=1),
        Fault("malloc", errno.ENOMEM, ours=True, times=1),
    ],
    ids=str,
)
def test_a_worker_that_cannot_make_its_loop_is_replaced(start: Start, fault: Fault) -> None:
    server = start()
    with server.faults.armed(fault):
        dead = kill_the_worker(server)
        server.wait_for(r"worker \d+ exited with status 1 before it was ready", fault.times)
        server.wait_for_workers(1, without=[dead])
    server.tracebacks = fault.times
    assert server.get().status == 200


def test_a_generation_that_cannot_be_forked_leaves_the_old_one_serving(start: Start, tmp_path: Path) -> None:
    fault = Fault("fork", errno.EAGAIN)
    with FakeSystemd(tmp_path) as systemd:
        server = start(NOTIFY_SOCKET=systemd.address)
        systemd.wait_for("READY")
        with server.faults.armed(fault, pid=server.pid):
            server.send(SIGHUP)
            server.wait_for(r"generation 2 cannot be forked: .*; generation 1 \(pid \d+\) goes on serving")
        assert systemd.wait_for("READY", 2)["STATUS"] == "generation 2 failed, generation 1 serves"
        assert server.get().status == 200
        server.send(SIGHUP)
        assert systemd.wait_for("READY", 3)["STATUS"] == "generation 3 serves"
        server.wait_for_workers(1)
        assert server.get().status == 200


def test_a_generation_that_dies_is_replaced_as_soon_as_one_can_be_forked(start: Start) -> None:
    fault = Fault("fork", errno.EAGAIN)
    server = start()
    with server.faults.armed(fault, pid=server.pid):
        os.kill(server.master, SIGKILL)
        server.wait_for("cannot be forked: ")
        server.wait_for(r"generation \d+ \(pid \d+\) serves", 2)
    assert server.get().status == 200


def test_when_the_first_generation_cannot_be_forked_the_command_fails(shim: Path, tmp_path: Path) -> None:
    faults = Control(tmp_path / "faults")
    faults.arm(Fault("fork", errno.EAGAIN, times=2))  # the first is the child that reads the configuration
    argv = [*command(), *QUICK, "--bind", f"unix:{tmp_path}/socket", "hello"]
    process = Process(argv, tmp_path, LD_PRELOAD=str(shim), **faults.variables)
    try:
        assert process.wait() == 1
        assert "generation 1 cannot be forked: " in process.log
        assert "Traceback" not in process.log
    finally:
        process.end()


@pytest.mark.parametrize("error", [errno.EINTR, errno.EAGAIN])
def test_a_signal_whose_pipe_cannot_be_read_at_once_costs_nothing_but_calls(start: Start, error: int) -> None:
    fault = Fault("read", error, kind=Kind.PIPE, ours=True, times=3)
    server = start()
    server.faults.watch(server.worker)
    with server.faults.armed(fault, pid=server.worker):
        before = server.faults.calls()
        os.kill(server.worker, SIGHUP)  # which a worker has a handler for, that does nothing
        until(lambda: server.faults.matched(fault) > fault.times)
        assert server.get().status == 200
        assert server.faults.calls() - before < 50


@pytest.mark.parametrize("call", ["epoll_wait", "poll"])
def test_interrupted_waits_of_all_processes_are_taken_up_again(start: Start, call: str) -> None:
    server = start()
    with server.faults.armed(Fault(call, errno.EINTR, times=5)):
        server.send(SIGHUP)
        server.wait_for(r"worker \d+ is ready", 2)
        until(lambda: len(server.workers()) == 1)
    assert server.get().status == 200
