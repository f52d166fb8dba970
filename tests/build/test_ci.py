"""What CI makes of tests that fail once: .ci/tests runs each of them again, alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "tests"

PASSES = "def test_good():\n    pass\n"
# Fails in its first run of so many.
FAILS_FIRST = """
import pathlib

def test_{name}():
    runs = pathlib.Path({name!r})
    runs.touch()
    with runs.open("a") as file:
        file.write("x")
    assert len(runs.read_text()) {condition}, "the text of {name}"
"""


def fails(name: str, condition: str = "> 1") -> str:
    return FAILS_FIRST.format(name=name, condition=condition)


def run(directory: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    (directory / "test_them.py").write_text("\n".join(tests))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # a run starts in half the time
    return subprocess.run(
        [SCRIPT, "all", sys.executable, "test_them.py"],
        cwd=directory, env=environ, text=True, capture_output=True,
    )  # fmt: skip


def result(directory: Path, name: str) -> str:
    return (directory / "build/ci" / name).read_text()


def test_when_all_pass_the_line_is_that_of_pytest(tmp_path: Path) -> None:
    assert run(tmp_path, PASSES).returncode == 0
    assert result(tmp_path, "all.line").startswith("=")
    assert " 1 passed in " in result(tmp_path, "all.line")
    assert not (tmp_path / "build/ci/all.once").exists()


def test_what_fails_once_and_passes_alone_five_times_is_reported_and_no_failure(tmp_path: Path) -> None:
    done = run(tmp_path, PASSES, fails("one"), fails("two"))
    assert done.returncode == 0, done.stdout
    assert "2 failed, 1 passed in " in result(tmp_path, "all.line")
    assert "passed alone, 5 times" in result(tmp_path, "all.line")
    once = result(tmp_path, "all.once")
    assert once.startswith("test_them.py::test_one\ntest_them.py::test_two\n")
    assert "the text of one" in once
    assert len((tmp_path / "one").read_text()) == 1 + 5


@pytest.mark.parametrize("condition", ["> 9", "in (2, 3, 4, 5)"], ids=["always", "the sixth time"])
def test_what_fails_again_is_a_failure(tmp_path: Path, condition: str) -> None:
    assert run(tmp_path, PASSES, fails("one", condition)).returncode == 1
    assert not (tmp_path / "build/ci/all.line").exists()


def test_four_failures_are_a_failure(tmp_path: Path) -> None:
    assert run(tmp_path, *map(fails, ["one", "two", "three", "four"])).returncode == 1
    assert (tmp_path / "one").read_text() == "x"


@pytest.mark.parametrize(
    "test",
    [
        "import pytest\n@pytest.mark.skip\ndef test_it():\n    pass\n",
        "import pytest\n@pytest.mark.xfail\ndef test_it():\n    raise OSError\n",
        "raise OSError\n",
        "",
    ],
    ids=["skipped", "expected to fail", "cannot be imported", "none at all"],
)
def test_nothing_but_passed_is_allowed(tmp_path: Path, test: str) -> None:
    assert run(tmp_path, test).returncode != 0
    assert not (tmp_path / "build/ci/all.line").exists()
