"""A machine that cannot compile is told so in the first line, and what to install."""

import os
import subprocess
import sys

import pytest
from installed_server import ROOT


def build(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "setup.py", command],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("command", ["bdist_wheel", "editable_wheel", "build"])
def test_a_missing_compiler_is_the_first_line(command: str) -> None:
    done = build(command, CC="no-such-compiler -O2")
    assert done.returncode != 0
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("rhebok cannot be built: there is no C compiler (no-such-compiler): install gcc")
