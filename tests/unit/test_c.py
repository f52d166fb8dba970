"""Runs the C tests: each tests/c/ROOM/test_*.c is a test here, built under ASan and UBSan by its Makefile.

Each is also a test for aarch64, under UBSan only, under qemu's emulation of one process. That has no
sock_diag, and only parts of some socket options: the cases that need them ask for them, and are left out.
It does not show the weak order of memory of a real one: docs/ARCHITECTURE.md says what keeps the order.

Those with threads of their own are built under ThreadSanitizer too.
"""

import subprocess

import pytest

from unit.c_build import C_TESTS, build

NAMES = sorted(f"{source.parent.name}/{source.stem}" for source in C_TESTS.glob("*/test_*.c"))

THREADED = ("base/test_shared_words", "loop/test_mover", "loop/test_mover_load", "loop/test_presence")


def check(name: str, *command: str) -> str:
    """Runs a test program and returns what it says."""
    run = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=300,
    )
    if run.returncode != 0:
        said = "\n".join(line for line in run.stdout.splitlines() if not line.startswith("ok "))
        pytest.fail(f"{name} exited {run.returncode}:\n{said}", pytrace=False)
    return run.stdout


# The first one builds all of csrc.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_c_program_passes(name: str) -> None:
    said = check(name, str(build(name)))
    if left_out := [line for line in said.splitlines() if " # SKIP " in line]:
        pytest.skip("\n".join(left_out))


@pytest.mark.slow
@pytest.mark.needs("aarch64-linux-gnu-gcc", "qemu-aarch64")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_c_program_passes_on_aarch64(name: str) -> None:
    program = str(build(name, architecture="aarch64"))
    check(name, "qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", program)


# It cannot run where the kernel puts programs at addresses that it needs itself.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", THREADED)
def test_c_program_has_no_data_race(name: str) -> None:
    program = str(build(name, architecture="tsan"))
    probe = subprocess.run([program], env={"RHB_ONLY": "no such case"}, capture_output=True, text=True)
    if "unexpected memory mapping" in probe.stderr:
        pytest.skip(probe.stderr)
    check(name, program)


def test_the_c_tests_are_found() -> None:
    assert "picohttpparser/test_parse_strict" in NAMES
