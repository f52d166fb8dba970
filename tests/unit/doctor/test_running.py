"""The server that runs already."""

import os

import pytest

from rhebok.doctor import running
from rhebok.doctor.finding import Level
from rhebok.settings.configuration import Config
from unit.doctor.conftest import LIMITS

TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def server(machine, tmp_path, monkeypatch):
    """Supervisor 10, master 11, worker 12, since 1700000100."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.pid").write_text("10\n")
    (tmp_path / "x.toml").touch()
    for pid, child in ((10, "11"), (11, "12"), (12, "")):
        started = [str(pid), "(rhebok (a) b)", "S", *["0"] * 18, str(100 * TICKS), "0"]
        machine.write(f"proc/{pid}/stat", " ".join(started))
        machine.write(f"proc/{pid}/task/{pid}/children", child)
        machine.write(f"proc/{pid}/limits", LIMITS.format(files="524288"))
    return machine


def found(machine, settle, **options):
    config = Config(settle(pid="x.pid", **options), {}, "x.toml")
    return list(running.check(config, machine.system()))


def test_it_is_named_by_its_pid_file(server, settle, tmp_path):
    os.utime(tmp_path / "x.toml", (1700000050, 1700000050))
    (finding,) = found(server, settle)
    assert (finding.level, finding.says) == (Level.OK, "pid 10")


def test_a_configuration_that_has_changed_since_waits_for_a_deploy(server, settle, tmp_path):
    os.utime(tmp_path / "x.toml", (1700000150, 1700000150))
    _, finding = found(server, settle)
    assert finding.level is Level.NOTE
    assert "kill -HUP 10" in (finding.change or "")


def test_a_worker_that_runs_out_of_descriptors_is_named(server, settle, tmp_path):
    os.utime(tmp_path / "x.toml", (1, 1))
    for number in range(1000):
        server.write(f"proc/12/fd/{number}", "")
    _, finding = found(server, settle)
    assert finding.level is Level.CHANGE
    assert "process 12 has 98%" in finding.says


@pytest.mark.parametrize("content", ["", "x", "99999"])
def test_a_pid_file_without_a_server_says_nothing(server, settle, tmp_path, content):
    (tmp_path / "x.pid").write_text(content)
    assert found(server, settle) == []


def test_without_a_pid_file_nothing_is_looked_for(machine, settle):
    assert list(running.check(Config(settle(), {}), machine.system())) == []
