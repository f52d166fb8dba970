"""What is found in the kernel's settings, each finding by a file that shows it."""

import pytest

from rhebok.doctor import machine as checks
from rhebok.doctor.finding import Level
from unit.doctor.conftest import NETSTAT

CLOCK = "sys/devices/system/clocksource/clocksource0"


def found(machine, settings, check):
    return [each for each in checks.check(settings, machine.system()) if each.check == check]


def test_a_sound_machine_has_nothing_to_say(machine, settle):
    assert {each.level for each in checks.check(settle(), machine.system())} == {Level.OK}


def test_what_cannot_be_read_is_no_fault(tmp_path, settle):
    from rhebok.doctor.system import System

    levels = {each.level for each in checks.check(settle(), System(tmp_path))}
    assert levels <= {Level.OK, Level.NOTE}


@pytest.mark.parametrize(
    ("path", "text", "options", "check", "level", "says", "change"),
    [
        ("proc/sys/net/core/somaxconn", "128", {}, "somaxconn", "change", "--backlog 2048 to 128", "=2048"),
        ("proc/sys/net/core/somaxconn", "128", {"backlog": 128}, "somaxconn", "ok", "128", None),
        (
            "proc/sys/net/ipv4/tcp_abort_on_overflow",
            "1",
            {},
            "tcp_abort_on_overflow",
            "change",
            "are reset",
            "overflow=0",
        ),
        (
            "proc/net/netstat",
            NETSTAT.format(overflows=5000),
            {},
            "accept queues",
            "note",
            "5000",
            "--workers",
        ),
        (
            "proc/sys/net/ipv4/ip_local_port_range",
            "1024 65535",
            {},
            "ephemeral ports",
            "change",
            "port 8000",
            "reserved_ports=8000",
        ),
        (
            "proc/sys/net/ipv4/ip_local_port_range",
            "40000 41000",
            {},
            "ephemeral ports",
            "note",
            "only 1001",
            "32768 60999",
        ),
        (f"{CLOCK}/current_clocksource", "hpet", {}, "clock", "change", "hpet", "echo tsc"),
        (f"{CLOCK}/current_clocksource", "kvm-clock", {}, "clock", "ok", "kvm-clock", None),
        (
            "sys/kernel/mm/transparent_hugepage/enabled",
            "[always] madvise never",
            {},
            "transparent huge pages",
            "note",
            "2 MiB",
            "echo madvise",
        ),
        ("proc/sys/vm/overcommit_memory", "2", {}, "overcommit", "note", "is 2", "overcommit_memory=0"),
    ],
)
def test_each_file_has_its_finding(machine, settle, path, text, options, check, level, says, change):
    machine.write(path, text)
    (finding,) = found(machine, settle(**options), check)
    assert finding.level == level
    assert says in finding.says
    assert (finding.change is None) if change is None else (change in finding.change)


def test_a_port_that_is_reserved_is_safe(machine, settle):
    machine.write("proc/sys/net/ipv4/ip_local_port_range", "1024 65535")
    machine.write("proc/sys/net/ipv4/ip_local_reserved_ports", "80,7000-8000")
    (finding,) = found(machine, settle(), "ephemeral ports")
    assert finding.level is Level.OK


def test_a_machine_with_one_slow_clock_cannot_change_it(machine, settle):
    machine.write(f"{CLOCK}/current_clocksource", "hpet")
    machine.write(f"{CLOCK}/available_clocksource", "hpet acpi_pm")
    (finding,) = found(machine, settle(), "clock")
    assert (finding.level, finding.change) == (Level.NOTE, None)
