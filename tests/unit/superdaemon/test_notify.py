"""The sd_notify protocol, both ends."""

import os
import socket

import pytest

from rhebok.superdaemon.notify import Notifier, NotifySocket, watchdog_interval, workers_take


@pytest.fixture
def inbox():
    inbox = NotifySocket()
    yield inbox
    inbox.close()


def test_ready_says_the_pid_to_signal(inbox):
    Notifier(inbox.address).ready("two workers")
    assert list(inbox.messages()) == [
        (os.getpid(), {"READY": "1", "MAINPID": str(os.getpid()), "STATUS": "two workers"})
    ]


def test_a_generation_among_others_says_that_it_serves_and_no_pid(inbox):
    Notifier(inbox.address).serving("two workers")
    assert list(inbox.messages()) == [(os.getpid(), {"READY": "1", "STATUS": "two workers"})]


def test_what_the_workers_take_is_said_in_microseconds(inbox):
    Notifier(inbox.address).workers_take(1.5)
    ((_, said),) = inbox.messages()
    assert said == {"X_WORKERS_TAKE_USEC": "1500000"}
    assert workers_take(said) == 1.5


@pytest.mark.parametrize("said", [{}, {"X_WORKERS_TAKE_USEC": "soon"}, {"X_WORKERS_TAKE_USEC": "-1"}])
def test_other_messages_say_nothing_of_the_workers(said):
    assert workers_take(said) == 0


def test_the_sender_is_the_kernels_word(inbox):
    child = os.fork()
    if child == 0:
        Notifier(inbox.address).alive()
        os._exit(0)
    os.waitpid(child, 0)
    assert list(inbox.messages()) == [(child, {"WATCHDOG": "1"})]


def test_messages_come_in_order_and_once(inbox):
    notifier = Notifier(inbox.address)
    notifier.reloading("a")
    notifier.stopping("b")
    assert [next(iter(said)) for _, said in inbox.messages()] == ["RELOADING", "STOPPING"]
    assert list(inbox.messages()) == []


def test_a_socket_with_a_path_is_spoken_to(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        Notifier(str(tmp_path / "notify")).status("fine")
        assert systemd.recv(100) == b"STATUS=fine"


def test_nobody_there_is_no_error(tmp_path):
    Notifier(None).ready("")
    Notifier(str(tmp_path / "nobody")).ready("")


def test_what_is_no_pair_is_left_out(inbox):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"junk\nREADY=1\n\xff=\xff", "\0" + inbox.address[1:])
    ((_, said),) = inbox.messages()
    assert said["READY"] == "1"


def test_the_variable_is_taken_out_of_the_environment(monkeypatch, inbox):
    monkeypatch.setenv("NOTIFY_SOCKET", inbox.address)
    Notifier.from_environment().alive()
    assert "NOTIFY_SOCKET" not in os.environ
    assert len(list(inbox.messages())) == 1


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
