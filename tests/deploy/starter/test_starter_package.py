"""The package stands alone: the standard library and nothing of the rest of rhebok."""

import os
import subprocess
import sys

from starter_process import ROOT

LOOK = """
import importlib, pathlib, sys
before = set(sys.modules)
for path in sorted(pathlib.Path("rhebok/starter").glob("*.py")):
    importlib.import_module("rhebok.starter" if path.stem == "__init__" else f"rhebok.starter.{path.stem}")
print(*sorted(set(sys.modules) - before))
"""


def imported() -> list[str]:
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    result = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    return result.stdout.split()


def test_nothing_of_the_rest_of_rhebok_is_imported() -> None:
    ours = [name for name in imported() if name.partition(".")[0] == "rhebok"]
    assert "rhebok.starter.superdaemon" in ours
    assert [name for name in ours if not name.startswith("rhebok.starter")] == ["rhebok"]


def test_everything_else_is_of_the_standard_library() -> None:
    foreign = {name.partition(".")[0] for name in imported()} - {"rhebok"} - set(sys.stdlib_module_names)
    assert foreign == set()
