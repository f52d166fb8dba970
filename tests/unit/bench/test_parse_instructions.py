"""The instructions of one request head, by qemu: both variants of aarch64 are there, and NEON needs fewer."""

import subprocess
from pathlib import Path

import pytest

from bench import parse_instructions

BENCH = Path(parse_instructions.__file__).parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("aarch64-linux-gnu-gcc", "qemu-aarch64"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    goals = [str(path.relative_to(BENCH)) for path in (parse_instructions.PROGRAM, parse_instructions.PLUGIN)]
    subprocess.run(["make", "--quiet", "-C", str(BENCH), *goals], check=True)


def test_a_browsers_request_needs_less_than_half_with_neon() -> None:
    scalar = parse_instructions.per_request("browser", "scalar")
    assert 1000 < parse_instructions.per_request("browser", "neon") < scalar / 2


def test_a_figure_is_that_of_one_request() -> None:
    once = parse_instructions.instructions("wrk", "neon", 1)
    assert 0 < parse_instructions.instructions("wrk", "neon", 2) - once < 1000
