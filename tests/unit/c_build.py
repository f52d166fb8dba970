"""Builds what tests/c/Makefile knows. Used by test_c.py and by the tests that load a C library."""

import subprocess
from pathlib import Path

import pytest

C_TESTS = Path(__file__).parents[1] / "c"


def build(target: str, architecture: str = "") -> Path:
    """Has make bring build/target up to date; what the compiler says is the failure."""
    goals = [architecture, f"GOAL=build/{architecture}/{target}"] if architecture else [f"build/{target}"]
    command = ["make", "--no-print-directory", "-C", str(C_TESTS), "-j2", *goals]
    made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if made.returncode != 0:
        pytest.fail(f"building {target} failed:\n{made.stdout}", pytrace=False)
    return C_TESTS / "build" / architecture / target
