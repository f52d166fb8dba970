"""Which translation of a module a build takes, and when it needs Cython (build_backend.py)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from installed_server import ROOT

OLD, NEW = 1_000_000_000, 1_000_000_100


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An unpacked sdist of two modules and a declaration."""
    for name in ("rhebok/native/one.pyx", "rhebok/native/two.pyx", "rhebok/native/one.pxd"):
        write(tmp_path / name, OLD)
    for name in ("translated/one.c", "translated/two.c"):
        write(tmp_path / name, OLD)
    return tmp_path


def write(path: Path, date: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (date, date))


def answer(tree: Path, expression: str) -> object:
    """What it is in that tree."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import build_backend; print({expression})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tree, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


TAKEN = "list(map(build_backend.translation, build_backend.MODULES))"
NEEDED = "build_backend._cython()"


def test_a_translation_of_the_sdist_is_taken_and_needs_no_cython(tree: Path) -> None:
    assert answer(tree, TAKEN) == "['translated/one.c', 'translated/two.c']"
    assert answer(tree, NEEDED) == "[]"


def test_a_module_that_was_changed_is_translated_again(tree: Path) -> None:
    write(tree / "rhebok/native/two.pyx", NEW)
    assert answer(tree, TAKEN) == "['translated/one.c', None]"
    assert answer(tree, NEEDED) == "['cython>=3.1,<4']"


def test_after_a_change_of_a_declaration_all_are_translated_again(tree: Path) -> None:
    write(tree / "rhebok/native/one.pxd", NEW)
    assert answer(tree, TAKEN) == "[None, None]"


def test_a_clone_has_none(tree: Path) -> None:
    for path in (tree / "translated").iterdir():
        path.unlink()
    assert answer(tree, TAKEN) == "[None, None]"
    assert answer(tree, NEEDED) == "['cython>=3.1,<4']"


def test_builds_without_isolation_get_the_same_cython() -> None:
    assert (
        f'build = ["setuptools>=77", "{answer(ROOT, "build_backend.CYTHON")}"]'
        in (ROOT / "pyproject.toml").read_text()
    )
