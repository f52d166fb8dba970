"""--log-file and --daemonize: where output goes, and where the superdaemon does."""

import os
import signal
import socket

from starter_process import Superdaemon, alive, until


def test_output_of_program_and_superdaemon_is_appended_to_the_log(either: Superdaemon) -> None:
    log = either.home / "log"
    log.write_text("kept\n")
    either.start(f"--log-file={log}")
    either.serving(1)
    until("both lines", lambda: "err of generation 1" in log.read_text())
    lines = log.read_text().splitlines()
    assert lines[0] == "kept"
    assert "out of generation 1" in lines
    assert any(str(either.started(1)["pid"]) in line for line in lines)


def test_output_goes_to_a_command(either: Superdaemon) -> None:
    log = either.home / "log"
    either.start(f"--log-file=| cat > {log}")
    either.serving(1)
    until("both lines", lambda: log.exists() and "err of generation 1" in log.read_text())
    assert "out of generation 1" in log.read_text()


def test_a_log_that_cannot_be_opened_is_a_failure(either: Superdaemon) -> None:
    either.start("--log-file=nowhere/log")
    assert either.exit_status() != 0
    assert "nowhere/log" in either.output()


def test_daemonize_leaves_the_terminal(either: Superdaemon) -> None:
    either.start("--daemonize", "--log-file=log")
    assert either.exit_status() == 0
    either.serving(1)
    pid = int(either.pid_file.read_text())
    assert pid != either.pid
    assert os.getsid(pid) not in (pid, os.getsid(0))
    assert either.started(1)["stdin"] == "/dev/null"
    os.kill(pid, signal.SIGTERM)
    until("the end", lambda: not alive(pid))


def test_a_daemon_keeps_to_its_directory_and_files(either: Superdaemon) -> None:
    either.start_plain(
        "--pid-file=pid",
        "--status-file=status",
        "--path=s.sock",
        "--daemonize",
        "--log-file=log",
        "--interval=0",
    )
    assert either.exit_status() == 0
    either.serving(1)
    assert either.run("--stop", "--pid-file=pid").returncode == 0
    left = {path.name for path in either.home.iterdir()}
    assert left == {"events", "log", "output"}


def test_the_log_command_of_a_daemon_lives_with_it(either: Superdaemon) -> None:
    log = either.home / "log"
    either.start("--daemonize", f"--log-file=| cat > {log}")
    assert either.exit_status() == 0
    either.serving(1)
    either.hup_daemon()
    until("the second generation", lambda: log.exists() and "err of generation 2" in log.read_text())
    assert either.run("--stop", *either.files).returncode == 0


# Ours alone


def test_the_pid_file_is_written_when_the_command_returns(ours: Superdaemon) -> None:
    result = ours.run(*ours.files, "--daemonize", "--log-file=log", "--", *ours.program())
    assert result.returncode == 0
    assert alive(int(ours.pid_file.read_text()))
    assert ours.run("--stop", *ours.files).returncode == 0


def test_a_daemon_that_cannot_bind_says_so_on_the_terminal(ours: Superdaemon) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = f"--port=127.0.0.1:{taken.getsockname()[1]}"
        result = ours.run(port, *ours.files, "--daemonize", "--log-file=log", "--", *ours.program())
    assert result.returncode == 1
    assert "Address already in use" in result.stderr
    assert not ours.pid_file.exists()


def test_the_last_lines_are_in_the_log_when_stop_returns(ours: Superdaemon) -> None:
    log = ours.home / "log"
    ours.start(f"--log-file=| (cat; sleep 0.2; echo complete) > {log}")
    ours.serving(1)
    assert ours.run("--stop", *ours.files).returncode == 0
    assert log.read_text().splitlines()[-2:] == [
        "rhebok-starter: all generations have ended; exiting",
        "complete",
    ]


def test_the_end_of_the_log_command_does_not_end_the_superdaemon(ours: Superdaemon) -> None:
    ours.start("--log-file=| head -n 1 > first", program=ours.own_program("quiet", QUIET))
    ours.serving(1)
    until("the command to end", lambda: not children_named(ours.pid, "head"))
    ours.hup()
    ours.serving(2)
    assert ours.stop() == 0


# A program that does not write to a log that is gone.
QUIET = "base.print = lambda *_, **__: None\nbase.main()\n"


def children_named(pid: int, name: str) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or not alive(int(entry)):
            continue
        with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
            head, _, tail = file.read().rpartition(")")
        if tail.split()[1] == str(pid) and head.endswith(f"({name}"):
            found.append(int(entry))
    return found
