"""What all tests share: tests/conftest.py."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent.parent
FORKS = """
import os, signal

def test_first():
    if (child := os.fork()) == 0:
        raise {raised}
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 70

def test_second():
    with open("ran", "a") as ran:
        ran.write("once\\n")
"""


def test_a_child_that_comes_back_to_pytest_runs_no_further_test(tmp_path: Path) -> None:
    for raised in ("ValueError", "KeyboardInterrupt"):
        (tmp_path / "test_forks.py").write_text(FORKS.format(raised=raised))
        (tmp_path / "ran").unlink(missing_ok=True)
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider", "."],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(TESTS)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, (raised, run.stdout)
        assert "2 passed" in run.stdout
        assert (tmp_path / "ran").read_text() == "once\n", raised
