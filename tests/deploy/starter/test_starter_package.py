"""The starter loads the standard library and the superdaemon's engine, and nothing of the server."""

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


def test_nothing_of_the_server_is_loaded() -> None:
    ours = [name for name in imported() if name.partition(".")[0] == "rhebok"]
    assert "rhebok.starter.policy" in ours
    rooms = {name.split(".")[1] for name in ours if "." in name}
    assert rooms == {"errors", "listening", "process", "records", "starter", "superdaemon"}


def test_no_more_of_the_shared_rooms_than_it_needs() -> None:
    shared = {name for name in imported() if name.startswith(("rhebok.prefork.", "rhebok.superdaemon."))}
    assert shared == {
        "rhebok.superdaemon.engine",
        "rhebok.superdaemon.generations",
        "rhebok.superdaemon.program",
    }


def test_everything_else_is_of_the_standard_library() -> None:
    foreign = {name.partition(".")[0] for name in imported()} - {"rhebok"} - set(sys.stdlib_module_names)
    assert foreign == set()


def test_nothing_large_is_held_that_a_superdaemon_does_not_use() -> None:
    large = {
        "ast",
        "dataclasses",
        "inspect",
        "ipaddress",
        "json",
        "logging",
        "subprocess",
        "threading",
        "typing",
    }
    assert large.isdisjoint(imported())
