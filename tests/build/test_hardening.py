"""What protects the compiled modules: read from those that were built."""

import re
import shutil
from pathlib import Path

import pytest
from hardening import guards_its_stack, has_debug_information, has_full_relro, has_plain_stack, readelf

import rhebok.native

MODULES = sorted(Path(rhebok.native.__path__[0]).glob("*.so"))

pytestmark = [
    pytest.mark.skipif(shutil.which("readelf") is None, reason="takes binutils"),
    pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name.partition(".")[0]),
]


def test_addresses_of_functions_cannot_be_overwritten(module: Path) -> None:
    assert has_full_relro(module)


def test_the_stack_is_protected_and_not_executable(module: Path) -> None:
    assert guards_its_stack(module)
    assert has_plain_stack(module)


def test_copies_of_known_size_are_checked(module: Path) -> None:
    """_FORTIFY_SOURCE: where there is something to check, its functions stand for the usual ones."""
    symbols = readelf(module, "--dyn-syms")
    assert not re.search(r"\bUND v?sn?printf(@|$)", symbols, re.MULTILINE)


def test_there_is_no_debug_information(module: Path) -> None:
    assert not has_debug_information(module)
