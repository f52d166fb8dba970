"""What protects the compiled modules: read from those that were built."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import rhebok.native

MODULES = sorted(Path(rhebok.native.__path__[0]).glob("*.so"))

pytestmark = [
    pytest.mark.skipif(shutil.which("readelf") is None, reason="takes binutils"),
    pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name.partition(".")[0]),
]


def readelf(module: Path, *options: str) -> str:
    command = ["readelf", "--wide", *options, str(module)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_addresses_of_functions_cannot_be_overwritten(module: Path) -> None:
    """Full RELRO."""
    assert "GNU_RELRO" in readelf(module, "--program-headers")
    assert re.search(r"FLAGS.*\bNOW\b", readelf(module, "--dynamic"))


def test_the_stack_is_protected_and_not_executable(module: Path) -> None:
    assert "__stack_chk_fail" in readelf(module, "--dyn-syms")
    assert re.search(r"GNU_STACK.*\bRW\s", readelf(module, "--program-headers"))


def test_copies_of_known_size_are_checked(module: Path) -> None:
    """_FORTIFY_SOURCE: where there is something to check, its functions stand for the usual ones."""
    symbols = readelf(module, "--dyn-syms")
    assert not re.search(r"\bUND v?sn?printf(@|$)", symbols, re.MULTILINE)


def test_there_is_no_debug_information(module: Path) -> None:
    assert ".debug_" not in readelf(module, "--section-headers")
