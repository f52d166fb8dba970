"""Runs the C tests: each tests/c/ROOM/test_*.c is a test here, built under ASan and UBSan by its Makefile."""

import subprocess

import pytest

from unit.c_build import C_TESTS, build

NAMES = sorted(f"{source.parent.name}/{source.stem}" for source in C_TESTS.glob("*/test_*.c"))


# The first one builds all of csrc.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_c_program_passes(name: str) -> None:
    program = build(name)
    run = subprocess.run(
        [str(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=300,
    )
    if run.returncode != 0:
        said = "\n".join(line for line in run.stdout.splitlines() if not line.startswith("ok "))
        pytest.fail(f"{name} exited {run.returncode}:\n{said}", pytrace=False)


def test_the_c_tests_are_found() -> None:
    assert "picohttpparser/test_parse_strict" in NAMES
