"""TERM and INT: who is told what, and what the superdaemon waits for and leaves behind."""

import errno
import signal
import socket

import pytest
from starter_process import Superdaemon, free_port, locked, until


@pytest.mark.parametrize(("sent", "passed_on"), [(signal.SIGTERM, "QUIT"), (signal.SIGINT, "TERM")])
def test_term_sends_the_signal_of_its_flag_and_int_sends_term(
    either: Superdaemon, sent: signal.Signals, passed_on: str
) -> None:
    either.start("--signal-on-term=QUIT", "--signal-on-hup=USR1")
    either.serving(1)
    either.send(sent)
    assert either.exit_status() == 0
    assert either.signals(1) == [passed_on]


def test_every_generation_is_told_and_waited_for(either: Superdaemon) -> None:
    (either.home / "linger").touch()
    either.start("--signal-on-hup=USR1")
    either.serving(1)
    either.hup()
    either.wait_status(1, 2)
    either.event(event="signal", generation=1)
    either.send(signal.SIGTERM)
    until("both to be told", lambda: either.signals(1) == ["USR1", "TERM"] and either.signals(2) == ["TERM"])
    assert either.running
    (either.home / "linger").unlink()
    assert either.exit_status() == 0


def test_the_pid_file_holds_the_pid_and_a_lock(either: Superdaemon) -> None:
    either.start()
    either.serving(1)
    assert either.pid_file.read_text() == f"{either.pid}\n"
    assert locked(either.pid_file)


def test_the_files_are_gone_at_the_end(either: Superdaemon) -> None:
    either.start()
    either.serving(1)
    assert either.stop() == 0
    assert not either.pid_file.exists()
    assert not either.status_file.exists()


def test_the_lock_is_kept_until_the_last_generation_is_gone(either: Superdaemon) -> None:
    (either.home / "linger").touch()
    either.start()
    either.serving(1)
    either.send(signal.SIGTERM)
    either.event(event="signal", name="TERM")
    assert locked(either.pid_file)
    (either.home / "linger").unlink()
    assert either.exit_status() == 0


def test_a_second_superdaemon_waits_for_the_lock(either: Superdaemon, another: Superdaemon) -> None:
    either.start()
    either.serving(1)
    second_program = another.own_program("second", "base.note('second')\nbase.main()\n")
    another.start_plain("--pid-file", str(either.pid_file), program=second_program)
    until(
        "the second to wait",
        lambda: waits_for_a_lock(another.pid) or "waiting for the lock" in another.output(),
    )
    assert another.events(event="second") == []
    either.stop()
    another.event(event="second")


# Ours alone: where start_server goes wrong


def test_the_second_superdaemon_has_its_pid_file_afterwards(ours: Superdaemon, another: Superdaemon) -> None:
    ours.start()
    ours.serving(1)
    another.start()
    until("the second to wait", lambda: "waiting for the lock" in another.output())
    ours.stop()
    until("the second to write it", lambda: ours.pid_file.exists() and ours.pid_file.read_text())
    assert ours.pid_file.read_text() == f"{another.pid}\n"
    assert locked(ours.pid_file)


def test_a_superdaemon_that_waits_for_the_lock_can_be_ended(ours: Superdaemon, another: Superdaemon) -> None:
    ours.start()
    ours.serving(1)
    another.start()
    until("the second to wait", lambda: "waiting for the lock" in another.output())
    another.send(signal.SIGTERM)
    assert another.exit_status() == -signal.SIGTERM
    assert locked(ours.pid_file)


CLOSES_ITS_PORT = """
import signal, time
sockets = base.listeners()
def told(number, frame):
    for each in sockets.values():
        each.close()
    base.note("closed")
    while base.present("linger"):
        time.sleep(0.01)
    sys.exit(0)
signal.signal(signal.SIGTERM, told)
base.note("started")
while True:
    signal.pause()
"""


def test_a_port_that_the_program_has_closed_refuses_clients_while_it_goes_on(ours: Superdaemon) -> None:
    (ours.home / "linger").touch()
    port = free_port()
    ours.start(f"--port=127.0.0.1:{port}", program=ours.own_program("closing", CLOSES_ITS_PORT))
    ours.serving(1)
    ours.send(signal.SIGTERM)
    ours.event(event="closed")
    until("clients to be refused", lambda: refused(port))
    assert ours.running
    (ours.home / "linger").unlink()
    assert ours.exit_status() == 0


def refused(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def test_hup_while_stopping_starts_nothing(ours: Superdaemon) -> None:
    (ours.home / "linger").touch()
    ours.start()
    ours.serving(1)
    ours.send(signal.SIGTERM)
    ours.event(event="signal", name="TERM")
    ours.hup()
    ours.send(signal.SIGTERM)
    until("the second TERM to be seen", lambda: "stopping already" in ours.output())
    (ours.home / "linger").unlink()
    assert ours.exit_status() == 0
    assert [event["generation"] for event in ours.events(event="started")] == [1]


def waits_for_a_lock(pid: int) -> bool:
    with open("/proc/locks", encoding="ascii") as file:
        return any("->" in line and f" {pid} " in line for line in file)
