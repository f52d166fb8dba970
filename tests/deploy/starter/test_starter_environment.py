"""What a generation inherits: variables, envdir, directory, arguments, signals, descriptors."""

import os
import signal
from typing import Any

import pytest
from starter_process import Superdaemon, until


def environ(superdaemon: Superdaemon, generation: int) -> dict[str, Any]:
    found: dict[str, Any] = superdaemon.started(generation)["environ"]
    return found


@pytest.fixture
def envdir(either_or_ours: Superdaemon) -> Any:
    path = either_or_ours.home / "env"
    path.mkdir()
    return path


def test_the_environment_is_handed_on(either: Superdaemon) -> None:
    either.start(env={"COLOUR": "green"})
    assert environ(either, 1)["COLOUR"] == "green"


def test_flags_win_over_the_variables_of_their_names(either: Superdaemon) -> None:
    either.start("--kill-old-delay=1", env={"KILL_OLD_DELAY": "7", "AUTO_RESTART_INTERVAL": "9"})
    found = environ(either, 1)
    assert (found["KILL_OLD_DELAY"], found["AUTO_RESTART_INTERVAL"]) == ("1", "9")


def test_the_first_line_of_each_file_of_the_envdir_is_a_variable(either: Superdaemon, envdir: Any) -> None:
    (envdir / "ONE").write_text("first \nsecond\n")
    (envdir / "TWO").write_text("no newline")
    (envdir / ".HIDDEN").write_text("x\n")
    either.start(f"--envdir={envdir}")
    found = environ(either, 1)
    assert (found["ONE"], found["TWO"], found["ENVDIR"]) == ("first ", "no newline", str(envdir))
    assert ".HIDDEN" not in found


def test_the_envdir_wins_over_environment_and_flags(either: Superdaemon, envdir: Any) -> None:
    (envdir / "COLOUR").write_text("red\n")
    (envdir / "KILL_OLD_DELAY").write_text("3\n")
    either.start(f"--envdir={envdir}", "--kill-old-delay=1", env={"COLOUR": "green"})
    found = environ(either, 1)
    assert (found["COLOUR"], found["KILL_OLD_DELAY"]) == ("red", "3")


def test_the_envdir_may_come_from_the_environment(either: Superdaemon, envdir: Any) -> None:
    (envdir / "COLOUR").write_text("red\n")
    either.start(env={"ENVDIR": str(envdir)})
    assert environ(either, 1)["COLOUR"] == "red"


def test_an_empty_file_says_nothing(either: Superdaemon, envdir: Any) -> None:
    (envdir / "COLOUR").touch()
    either.start(f"--envdir={envdir}", env={"COLOUR": "green"})
    assert environ(either, 1)["COLOUR"] == "green"


def test_the_envdir_is_read_again_for_each_generation(either: Superdaemon, envdir: Any) -> None:
    either.start(f"--envdir={envdir}", env={"COLOUR": "green"})
    either.serving(1)
    (envdir / "COLOUR").write_text("red\n")
    either.hup()
    either.serving(2)
    (envdir / "COLOUR").unlink()
    either.hup()
    either.serving(3)
    assert [environ(either, each)["COLOUR"] for each in (1, 2, 3)] == ["green", "red", "green"]


def test_the_program_runs_in_the_directory_of_the_flag(either: Superdaemon) -> None:
    (either.home / "below").mkdir()
    either.start("--dir=below")
    assert either.started(1)["cwd"] == str(either.home / "below")


def test_the_flags_of_the_program_are_its_own(either: Superdaemon) -> None:
    either.start(program=(*either.program(), "--interval", "5", "--", "x"))
    assert either.started(1)["argv"] == ["--interval", "5", "--", "x"]


def test_the_program_inherits_its_sockets_and_nothing_else_of_the_superdaemon(either: Superdaemon) -> None:
    either.start("--port=127.0.0.1:0", "--path=s.sock", "--log-file=log")
    started = either.started(1)
    opened = {described["fd"] for described in started["sockets"].values()}
    inherited_by_all = set(descriptors_without_cloexec())
    assert set(started["open_fds"]) <= {0, 1, 2} | opened | inherited_by_all


def test_the_program_starts_with_no_signal_blocked(either: Superdaemon) -> None:
    either.start()
    assert either.started(1)["blocked"] == 0


# Ours alone


def test_the_program_may_be_given_without_dashes(ours: Superdaemon) -> None:
    result = ours.run("--pid-file", str(ours.home / "other"), "/bin/sh", "-c", "kill $PPID; exec sleep 600")
    assert result.returncode == 0
    assert "stopping" in result.stderr


def test_signals_that_python_ignores_are_not_ignored_in_the_program(ours: Superdaemon) -> None:
    source = """
base.note("ignored", mask=base.proc_status("SigIgn"))
base.main()
"""
    program = ours.own_program("ignored", source)
    # Through a shell, since the Python of the test program itself ignores these.
    ours.start(
        program=("/bin/sh", "-c", f"grep SigIgn /proc/$$/status > {ours.home}/mask; exec {' '.join(program)}")
    )
    ours.event(event="ignored")
    mask = int((ours.home / "mask").read_text().split()[1], 16)
    assert not mask & (1 << (signal.SIGPIPE - 1))


def test_a_variable_that_went_away_has_its_value_from_before_the_envdir(
    ours: Superdaemon, envdir: Any
) -> None:
    (envdir / "COLOUR").write_text("red\n")
    ours.start(f"--envdir={envdir}", env={"COLOUR": "green"})
    ours.serving(1)
    (envdir / "COLOUR").unlink()
    ours.hup()
    assert environ(ours, 2)["COLOUR"] == "green"


def test_a_delay_in_the_envdir_that_is_no_number_is_reported(ours: Superdaemon, envdir: Any) -> None:
    (envdir / "KILL_OLD_DELAY").write_text("soon\n")
    ours.start(f"--envdir={envdir}")
    ours.serving(1)
    until("the report", lambda: "KILL_OLD_DELAY='soon' is not a number" in ours.output())


def test_an_envdir_that_is_missing_is_reported(ours: Superdaemon) -> None:
    ours.start("--envdir=nowhere")
    ours.serving(1)
    assert "envdir nowhere" in ours.output()


def test_what_is_not_a_file_in_the_envdir_is_left_out(ours: Superdaemon, envdir: Any) -> None:
    (envdir / "FOLDER").mkdir()
    (envdir / "A=B").write_text("x\n")
    (envdir / "NUL").write_bytes(b"a\0b\n")
    ours.start(f"--envdir={envdir}")
    found = environ(ours, 1)
    assert "FOLDER" not in found
    assert found["NUL"] == "a\nb"


def descriptors_without_cloexec() -> list[int]:
    """What this test process itself would pass on, whoever gave it that."""
    listed = [int(name) for name in os.listdir("/proc/self/fd")]
    return [fd for fd in listed if open_fd(fd) and os.get_inheritable(fd)]


def open_fd(fd: int) -> bool:
    """Whether it is open still; the one that listed /proc is not."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
