"""Builds the C programs of the bench, for the tests that run them."""

import subprocess
from pathlib import Path

BENCH = Path(__file__).resolve().parents[3] / "bench"


def built(name: str) -> Path:
    """The path of bench/build/NAME, up to date."""
    subprocess.run(["make", "-s", "-C", str(BENCH), f"build/{name}"], check=True)
    return BENCH / "build" / name
