"""--restart, --stop, --help, --version and misuse of the command line."""

import os
import signal
import subprocess

import pytest
from starter_process import Superdaemon, alive, until


def test_restart_returns_when_only_the_new_generation_is_left(either: Superdaemon) -> None:
    either.start()
    either.serving(1)
    assert either.run("--restart", *either.files).returncode == 0
    assert either.status() == f"2:{either.started(2)['pid']}\n"
    assert either.signals(1) == ["TERM"]


def test_restart_waits_for_the_old_generation(either: Superdaemon) -> None:
    (either.home / "linger").touch()
    either.start()
    either.serving(1)
    client = either.client("--restart", *either.files)
    either.wait_status(1, 2)
    assert client.poll() is None
    (either.home / "linger").unlink()
    assert client.wait(20) == 0
    assert either.status() == f"2:{either.started(2)['pid']}\n"


def test_stop_returns_when_the_superdaemon_is_gone(either: Superdaemon) -> None:
    (either.home / "linger").touch()
    either.start()
    either.serving(1)
    client = either.client("--stop", "--pid-file", str(either.pid_file))
    either.event(event="signal", name="TERM")
    assert client.poll() is None
    (either.home / "linger").unlink()
    assert client.wait(20) == 0
    assert either.exit_status() == 0
    assert not either.pid_file.exists()


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_are_printed(either: Superdaemon, flag: str) -> None:
    result = either.run(flag)
    assert result.returncode == 0
    assert ("0.35" if flag == "--version" else "--port") in result.stdout


MISUSES = [
    ("no program", []),
    ("an unknown flag", ["--no-such-flag", "--", "/bin/true"]),
    ("a port that is none", ["--port=http", "--", "/bin/true"]),
    ("an interval that is none", ["--interval=soon", "--", "/bin/true"]),
    ("daemonize without a log", ["--daemonize", "--", "/bin/true"]),
    ("restart without files", ["--restart"]),
    ("restart without a status file", ["--restart", "--pid-file=pid"]),
    ("stop without a pid file", ["--stop"]),
    ("stop with a pid file that is not there", ["--stop", "--pid-file=nowhere"]),
    ("a pid file in a directory that is not there", ["--pid-file=nowhere/pid", "--", "/bin/true"]),
]


@pytest.mark.parametrize(
    "arguments", [arguments for _, arguments in MISUSES], ids=[name for name, _ in MISUSES]
)
def test_misuse_is_a_failure_with_a_message(either: Superdaemon, arguments: list[str]) -> None:
    result = either.run(*arguments)
    assert result.returncode != 0
    assert result.stderr


# Ours alone: where start_server goes wrong


def test_restart_returns_although_an_attempt_failed(ours: Superdaemon) -> None:
    ours.start("--interval", ours.short_interval)
    ours.serving(1)
    (ours.home / "fail_once").touch()
    assert ours.run("--restart", *ours.files).returncode == 0
    assert ours.status() == f"3:{ours.started(3)['pid']}\n"


def test_restart_fails_when_the_superdaemon_ends_instead(ours: Superdaemon) -> None:
    ours.start("--interval", ours.short_interval)
    ours.serving(1)
    (ours.home / "fail").touch()
    client = ours.client("--restart", *ours.files)
    ours.event(event="failing", generation=2)
    assert ours.stop() == 0
    assert client.wait(20) == 1


@pytest.mark.parametrize("command", ["--restart", "--stop"])
def test_a_stale_pid_file_leads_to_no_signal(ours: Superdaemon, command: str) -> None:
    with subprocess.Popen(["sleep", "600"]) as bystander:
        ours.pid_file.write_text(f"{bystander.pid}\n")
        result = ours.run(command, *ours.files)
        assert bystander.poll() is None
        bystander.kill()
    assert result.returncode == 1
    assert "no superdaemon is running" in result.stderr


@pytest.mark.parametrize(
    "flag", ["--signal-on-hup=NOSUCH", "--signal-on-term=99", "--kill-old-delay=-1", "--backlog=0"]
)
def test_a_value_that_makes_no_sense_is_refused_before_anything_starts(ours: Superdaemon, flag: str) -> None:
    result = ours.run(flag, "--", *ours.program())
    assert result.returncode == 2
    assert flag.partition("=")[0] in result.stderr
    assert ours.events() == []


@pytest.mark.parametrize(
    ("flag", "status"),
    [
        ("-port=127.0.0.1:0", 2),
        ("--PORT=127.0.0.1:0", 2),
        ("--port= 127.0.0.1:0", 1),
        ("--port=127.0.0.1: 0", 2),
        ("--port=127.0.0.1:0 =7", 2),
        ("--log-file=", 1),
    ],
)
def test_what_perl_takes_more_loosely_is_refused_before_anything_starts(
    ours: Superdaemon, flag: str, status: int
) -> None:
    result = ours.run(flag, "--", *ours.program())
    assert result.returncode == status
    assert ours.events() == []


@pytest.mark.parametrize("where", ["nowhere/status", ".", ""])
def test_a_status_file_that_cannot_be_written_is_refused_before_anything_starts(
    ours: Superdaemon, where: str
) -> None:
    result = ours.run(f"--status-file={where}", "--", *ours.program())
    assert result.returncode == 1
    assert ours.events() == []


def test_restart_says_so_when_the_status_file_cannot_be_read(ours: Superdaemon) -> None:
    ours.start()
    ours.serving(1)
    result = ours.run("--restart", f"--pid-file={ours.pid_file}", "--status-file=.")
    assert result.returncode == 1
    assert result.stderr.startswith("rhebok-starter: cannot read the status file: ")
    assert ours.stop() == 0
    assert len(ours.events(event="started")) == 1


def test_a_killed_superdaemon_leaves_a_pid_file_that_the_next_one_takes(
    ours: Superdaemon, another: Superdaemon
) -> None:
    ours.start()
    ours.serving(1)
    ours.send(signal.SIGKILL)
    ours.exit_status()
    os.kill(ours.started(1)["pid"], signal.SIGKILL)
    another.start()
    until("the new pid", lambda: another.pid_file.read_text() == f"{another.pid}\n")
    assert alive(another.pid)
