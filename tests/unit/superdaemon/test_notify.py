"""The sd_notify protocol, both ends."""

import os
import select
import socket

import pytest

from rhebok.superdaemon.notify import (
    Inbox,
    Notifier,
    board_descriptor,
    living_workers,
    wants_deploy,
    watchdog_interval,
    workers_take,
)


@pytest.fixture
def inbox():
    inbox = Inbox()
    yield inbox
    inbox.close()


def test_ready_says_the_pid_to_signal(inbox):
    Notifier(inherited=inbox.sender).ready("two workers")
    assert list(inbox.messages()) == [
        (os.getpid(), {"READY": "1", "MAINPID": str(os.getpid()), "STATUS": "two workers"})
    ]


def test_a_generation_among_others_says_that_it_serves_and_no_pid(inbox):
    Notifier(inherited=inbox.sender).serving("two workers")
    assert list(inbox.messages()) == [(os.getpid(), {"READY": "1", "STATUS": "two workers"})]


def test_what_the_workers_take_is_said_in_microseconds(inbox):
    Notifier(inherited=inbox.sender).workers_take(1.5)
    ((_, said),) = inbox.messages()
    assert said == {"X_WORKERS_TAKE_USEC": "1500000"}
    assert workers_take(said) == 1.5


@pytest.mark.parametrize("said", [{}, {"X_WORKERS_TAKE_USEC": "soon"}, {"X_WORKERS_TAKE_USEC": "-1"}])
def test_other_messages_say_nothing_of_the_workers(said):
    assert workers_take(said) == 0


@pytest.mark.parametrize("number", ["9" * 400, "1" + "0" * 15])
def test_a_number_that_is_too_long_says_nothing(number):
    assert workers_take({"X_WORKERS_TAKE_USEC": number}) == 0
    assert living_workers({"X_LIVING_WORKERS": number}) is None


def test_a_sender_that_never_stops_does_not_hold_the_supervisor(inbox):
    inbox.sender.send(b"A=1")
    for count, _ in enumerate(inbox.messages()):
        inbox.sender.send(b"A=1")
        assert count < 10_000


def test_the_sender_is_the_kernels_word(inbox):
    child = os.fork()
    if child == 0:
        Notifier(inherited=inbox.sender).alive()
        os._exit(0)
    os.waitpid(child, 0)
    assert list(inbox.messages()) == [(child, {"WATCHDOG": "1"})]


def test_messages_come_in_order_and_once(inbox):
    notifier = Notifier(inherited=inbox.sender)
    notifier.reloading("a")
    notifier.stopping("b")
    assert [next(iter(said)) for _, said in inbox.messages()] == ["RELOADING", "STOPPING"]
    assert list(inbox.messages()) == []


def test_a_socket_with_a_path_is_spoken_to(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        Notifier(str(tmp_path / "notify")).status("fine")
        assert systemd.recv(100) == b"STATUS=fine"


def test_a_generation_asks_for_a_deploy_and_does_not_wait(inbox):
    notifier = Notifier(inherited=inbox.sender)
    assert notifier.deploy()
    ((_, said),) = inbox.messages()
    assert wants_deploy(said)
    while notifier.deploy():
        pass
    assert all(wants_deploy(said) for _, said in inbox.messages())
    assert not Notifier(None).deploy()


def test_nobody_there_is_no_error(tmp_path):
    Notifier(None).ready("")
    Notifier(str(tmp_path / "nobody")).ready("")


def test_what_is_no_pair_is_left_out(inbox):
    inbox.sender.send(b"junk\nREADY=1\n\xff=\xff")
    ((_, said),) = inbox.messages()
    assert said["READY"] == "1"


def test_the_variable_is_taken_out_of_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        Notifier.from_environment().alive()
        assert systemd.recv(100) == b"WATCHDOG=1"
    assert "NOTIFY_SOCKET" not in os.environ


def test_an_inherited_socket_is_used_and_stays_here(monkeypatch, inbox):
    given = os.dup(inbox.sender.fileno())
    os.set_inheritable(given, True)
    monkeypatch.setenv("RHEBOK_NOTIFY_FD", str(given))
    monkeypatch.setenv("RHEBOK_SUPERVISOR", str(os.getppid()))
    notifier = Notifier.from_environment()
    notifier.alive()
    assert "RHEBOK_NOTIFY_FD" not in os.environ
    assert not os.get_inheritable(given)
    assert len(list(inbox.messages())) == 1
    notifier.close()
    notifier.alive()
    assert list(inbox.messages()) == []


@pytest.mark.parametrize("value", ["", "x", "1000000", "9" * 30])
def test_a_variable_that_names_no_socket_is_ignored(monkeypatch, value):
    monkeypatch.setenv("RHEBOK_NOTIFY_FD", value)
    monkeypatch.setenv("RHEBOK_SUPERVISOR", str(os.getppid()))
    Notifier.from_environment().alive()


@pytest.mark.parametrize("supervisor", ["", "1x", "0"])
def test_without_our_supervisor_the_number_is_of_something_else(monkeypatch, tmp_path, inbox, supervisor):
    monkeypatch.setenv("RHEBOK_NOTIFY_FD", str(inbox.sender.fileno()))
    monkeypatch.setenv("RHEBOK_SUPERVISOR", supervisor)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        Notifier.from_environment().alive()
        assert systemd.recv(100) == b"WATCHDOG=1"
    assert os.fstat(inbox.sender.fileno())  # still open
    assert list(inbox.messages()) == []
    assert "RHEBOK_NOTIFY_FD" not in os.environ


def test_no_message_is_lost_when_the_queue_is_full(inbox):
    """A generation waits until the supervisor has read."""
    count = 2000
    child = os.fork()
    if child == 0:
        for number in range(count):
            Notifier(inherited=inbox.sender).status(str(number))
        os._exit(0)
    said = []
    while len(said) < count:
        select.select([inbox], [], [])
        said += [message["STATUS"] for _, message in inbox.messages()]
    os.waitpid(child, 0)
    assert said == [str(number) for number in range(count)]


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_time_when_it_is_ours(environ, interval):
    assert watchdog_interval(environ, 7) == interval


def test_a_descriptor_comes_along_with_readiness(inbox, tmp_path):
    given = os.open(tmp_path, os.O_RDONLY)
    Notifier(inherited=inbox.sender).serving("two workers", given)
    ((_, said),) = inbox.messages()
    taken = board_descriptor(said)
    assert os.path.samestat(os.fstat(taken), os.fstat(given))
    assert not os.get_inheritable(taken)
    os.close(taken)
    os.close(given)


def test_no_text_names_a_descriptor(inbox):
    inbox.sender.send(b"READY=1\nX_BOARD=0")
    ((_, said),) = inbox.messages()
    assert board_descriptor(said) is None


def test_descriptors_that_nobody_wants_are_closed(inbox, tmp_path):
    before = set(os.listdir("/proc/self/fd"))
    given = [os.open(tmp_path, os.O_RDONLY) for _ in range(3)]
    socket.send_fds(inbox.sender, [b"READY=1"], given)
    ((_, said),) = inbox.messages()
    for fd in [*given, board_descriptor(said)]:
        os.close(fd)
    assert set(os.listdir("/proc/self/fd")) == before
