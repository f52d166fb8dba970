"""What is found in the limits of the process and of its cgroup."""

import pytest

from rhebok.doctor import limits
from rhebok.doctor.finding import Level
from unit.doctor.conftest import LIMITS

WEB = "sys/fs/cgroup/app.slice/web"
SLICE = "sys/fs/cgroup/app.slice"


def found(machine, settings, check, **more):
    return [each for each in limits.check(settings, machine.system(**more)) if each.check == check]


def test_a_sound_machine_has_nothing_to_say(machine, settle):
    assert {each.level for each in limits.check(settle(), machine.system())} == {Level.OK}


@pytest.mark.parametrize(
    ("files", "options", "level", "says"),
    [
        ("4096", {}, "change", "may open 4096"),
        ("10500", {}, "note", "may open 10500"),
        ("20256", {}, "ok", "20256"),
        ("4096", {"max_connections": 1000}, "ok", "4096"),
        ("4096", {"max_connections": 0}, "ok", "4096"),
        ("unlimited", {}, "ok", "no limit"),
    ],
)
def test_open_files_are_counted_against_the_connections(machine, settle, files, options, level, says):
    machine.write("proc/self/limits", LIMITS.format(files=files))
    (finding,) = found(machine, settle(**options), "open files")
    assert (finding.level, says in finding.says) == (level, True)


@pytest.mark.parametrize(
    ("path", "text", "euid", "level"),
    [
        (f"{WEB}/pids.max", "50", 1000, "change"),
        (f"{SLICE}/pids.max", "50", 0, "change"),
        (f"{WEB}/pids.max", "max", 1000, "ok"),
        (f"{WEB}/pids.max", "500", 1000, "ok"),
        ("proc/self/limits", "Max processes   20  20  processes", 1000, "change"),
        ("proc/self/limits", "Max processes   20  20  processes", 0, "ok"),
        ("proc/self/limits", "Max processes   unlimited  unlimited  processes", 1000, "ok"),
    ],
)
def test_a_deploy_needs_twice_the_processes_and_threads(machine, settle, path, text, euid, level):
    machine.write(path, text)
    (finding,) = found(machine, settle(threads=4), "processes", euid=euid)
    assert finding.level == level


@pytest.mark.parametrize(
    ("quota", "options", "level", "says"),
    [
        (None, {"workers": 22}, "note", "5 usable"),
        (None, {"workers": 21}, "ok", "5 usable"),
        ("150000 100000", {"workers": 10}, "note", "2 usable (the cgroup has 1.5)"),
        ("max 100000", {"workers": 10}, "ok", "5 usable, "),
        (None, {"workers": 1}, "note", "one worker with one thread"),
        (None, {"workers": 1, "threads": 4}, "ok", "--threads 4"),
        ("100000 100000", {"workers": 1}, "ok", "1 usable"),
    ],
)
def test_cpus_are_those_of_affinity_and_quota(machine, settle, quota, options, level, says):
    if quota:
        machine.write(f"{WEB}/cpu.max", quota)
    (finding,) = found(machine, settle(**options), "CPUs")
    assert finding.level == level
    assert says in finding.says


def test_a_cgroup_that_was_throttled_is_named(machine, settle):
    machine.write(f"{WEB}/cpu.max", "150000 100000")
    machine.write(f"{WEB}/cpu.stat", "usage_usec 5\nnr_periods 9\nnr_throttled 7")
    (finding,) = found(machine, settle(), "CPU quota")
    assert "7 times" in finding.says


@pytest.mark.parametrize(
    ("limit", "options", "level", "says"),
    [
        ("104857600", {}, "change", "100 MiB: 20 MiB for each of 5 workers"),
        ("1073741824", {}, "ok", "the cgroup has 1024 MiB: 204 MiB"),
        ("max", {}, "ok", "the machine has 15625 MiB"),
        ("99999999999999", {}, "ok", "the machine has 15625 MiB"),
        ("1073741824", {"max_worker_memory": 2**28}, "change", "do not fit"),
        ("2147483648", {"max_worker_memory": 2**28}, "ok", "2048 MiB"),
        ("1073741824", {"cache": 2**28}, "ok", "and two caches of 256 MiB during a deploy: 102 MiB"),
        ("2147483648", {"max_worker_memory": 2**28, "cache": 2**29}, "change", "do not fit"),
        ("1073741824", {"cache": 2**29}, "change", "two caches of 512 MiB"),
    ],
)
def test_memory_is_shared_by_the_workers(machine, settle, limit, options, level, says):
    machine.write(f"{WEB}/memory.max", limit)
    (finding,) = found(machine, settle(**options), "memory")
    assert finding.level == level
    assert says in finding.says


def test_the_limit_of_an_ancestor_holds_too(machine, settle):
    machine.write(f"{SLICE}/memory.max", "104857600")
    (finding,) = found(machine, settle(), "memory")
    assert finding.level is Level.CHANGE


def test_in_a_container_without_a_namespace_the_root_is_its_own(machine, settle):
    machine.write("proc/self/cgroup", "0::/docker/0123")
    machine.write("sys/fs/cgroup/memory.max", "104857600")
    (finding,) = found(machine, settle(), "memory")
    assert "the cgroup has 100 MiB" in finding.says


def test_processes_that_the_kernel_has_killed_are_counted(machine, settle):
    machine.write(f"{WEB}/memory.events", "low 0\noom 3\noom_kill 2\noom_group_kill 0")
    last = found(machine, settle(), "memory")[-1]
    assert last.level is Level.CHANGE
    assert "killed 2" in last.says
