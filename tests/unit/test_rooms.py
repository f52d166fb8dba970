"""The plan of the rooms (docs/ARCHITECTURE.md): nothing includes or imports upward, and no circle exists.

Each check is also given a tree with one fault, which it must name by file, line and text.
"""

import tomllib
from pathlib import Path

import pytest

from unit.rooms import (
    CSRC_FLOORS,
    RHEBOK_FLOORS,
    Reference,
    circle,
    csrc_room,
    imports,
    includes,
    not_for_the_starter,
    ours,
    rhebok_room,
    source_files,
    too_long,
    upward,
)

ROOT = Path(__file__).resolve().parents[2]

BEFORE = "pass\n\n"  # so that the line of a fault is the third


@pytest.fixture(scope="module")
def included() -> list[Reference]:
    return includes(ROOT)


@pytest.fixture(scope="module")
def imported() -> list[Reference]:
    return imports(ROOT)


class Tree:
    """A tree of sources in which a test makes a fault."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str = "") -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def upward_includes(self) -> list[str]:
        return upward(includes(self.root), csrc_room, CSRC_FLOORS)

    def upward_imports(self) -> list[str]:
        return upward(ours(imports(self.root)), rhebok_room, RHEBOK_FLOORS)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def expect_none(faults: list[str]) -> None:
    """Fails with all faults, a line each."""
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)


# ---- the source as it is ----


def test_the_source_is_read(included: list[Reference], imported: list[Reference]) -> None:
    assert {csrc_room(reference.source) for reference in included} == {r for f in CSRC_FLOORS for r in f}
    assert {rhebok_room(reference.target) for reference in ours(imported)} >= {"native", "settings", "launch"}


def test_no_room_of_csrc_includes_upward(included: list[Reference]) -> None:
    expect_none(upward(included, csrc_room, CSRC_FLOORS))


def test_no_room_of_rhebok_imports_upward(imported: list[Reference]) -> None:
    expect_none(upward(ours(imported), rhebok_room, RHEBOK_FLOORS))


def test_no_files_of_csrc_include_each_other_in_a_circle(included: list[Reference]) -> None:
    expect_none(circle(included))


def test_no_modules_of_rhebok_import_each_other_in_a_circle(imported: list[Reference]) -> None:
    expect_none(circle(ours(imported)))


def test_the_starter_needs_the_standard_library_alone_and_no_settings(imported: list[Reference]) -> None:
    expect_none(not_for_the_starter(imported))


def test_no_file_is_too_long() -> None:
    expect_none(too_long(ROOT))


# ---- csrc with a fault ----


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("base", "http"),
        ("base", "picohttpparser"),
        ("picohttpparser", "base"),
        ("http", "log"),
        ("http", "loop"),
        ("log", "loop"),
    ],
)
def test_an_include_that_does_not_lead_down_is_named(tree: Tree, source: str, target: str) -> None:
    tree.write(f"csrc/{source}/x.c", f'#include <stdio.h>\n\n#  include "{target}/y.h"  // y\n')
    tree.write(f"csrc/{target}/y.h")
    (fault,) = tree.upward_includes()
    assert fault.startswith(f'csrc/{source}/x.c:3: #  include "{target}/y.h"  // y (')
    assert f"{target} does not stand below {source}" in fault


def test_an_include_that_leads_down_or_stays_in_its_room_is_fine(tree: Tree) -> None:
    tree.write("csrc/loop/x.c", '#include "http/y.h"\n#include "x.h"\n')
    tree.write("csrc/loop/x.h")
    assert tree.upward_includes() == []


def test_a_room_of_csrc_without_a_floor_is_named(tree: Tree) -> None:
    tree.write("csrc/attic/x.c", '#include "base/y.h"\n')
    assert "csrc/attic/x.c:1:" in tree.upward_includes()[0]


def test_a_circle_of_includes_is_named_with_its_lines(tree: Tree) -> None:
    tree.write("csrc/loop/a.h", '#include "b.h"\n')
    tree.write("csrc/loop/b.h", '\n#include "loop/c.h"\n')
    tree.write("csrc/loop/c.h", '#include "a.h"\n')
    faults = circle(includes(tree.root))
    assert sorted(fault.partition(" (")[0] for fault in faults) == [
        'csrc/loop/a.h:1: #include "b.h"',
        'csrc/loop/b.h:2: #include "loop/c.h"',
        'csrc/loop/c.h:1: #include "a.h"',
    ]


# ---- rhebok with a fault ----


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("process/x.py", "from rhebok.settings.table import Settings"),
        ("process/x.py", "from rhebok.listening import addresses"),
        ("listening/x.py", "import rhebok.settings.table"),
        ("settings/x.py", "from rhebok.prefork.engine import Options"),
        ("prefork/x.py", "    from rhebok.native import worker"),
        ("native/x.pyx", "from rhebok.settings.table import Settings"),
        ("native/x.pyx", "    cimport rhebok.prefork.y"),
        ("native/x.pxd", "from ..serving.y cimport (Z,\n    W)"),
        ("superdaemon/x.py", "from ..starter import options"),
        ("serving/x.py", "from rhebok.starter.options import Options"),
        ("starter/x.py", "from rhebok.serving.master import Master"),
        ("starter/x.py", "from rhebok import launch"),
        ("launch.py", "from rhebok.cli import main"),
        ("errors.py", "from rhebok.process.logs import ErrorLog"),
        ("__init__.py", "from rhebok.errors import UserError"),
    ],
)
def test_an_import_that_does_not_lead_down_is_named(tree: Tree, file: str, statement: str) -> None:
    tree.write("rhebok/launch.py")
    indented = statement.startswith(" ")
    tree.write(f"rhebok/{file}", ("def f():\n\n" if indented else BEFORE) + statement + "\n")
    (fault,) = tree.upward_imports()
    first = statement.strip().splitlines()[0]
    assert fault.startswith(f"rhebok/{file}:3: {first} (")


def test_an_import_that_leads_down_or_stays_in_its_room_is_fine(tree: Tree) -> None:
    tree.write("rhebok/__init__.py", '__version__ = "1"\n')
    tree.write("rhebok/serving/x.py", "from rhebok import __version__\nfrom rhebok.serving import y\n")
    tree.write("rhebok/native/x.pyx", '"""A word\nfrom the docstring."""\nfrom .csrc cimport y\n')
    assert tree.upward_imports() == []


def test_a_room_of_rhebok_without_a_floor_is_named(tree: Tree) -> None:
    tree.write("rhebok/helpers/x.py", "from rhebok.errors import UserError\n")
    assert "rhebok/helpers/x.py:1:" in tree.upward_imports()[0]


def test_a_circle_of_imports_is_named_with_its_lines(tree: Tree) -> None:
    tree.write("rhebok/native/a.pyx", "from .b cimport B\n")
    tree.write("rhebok/native/b.pxd", "from rhebok.native.c cimport C\n")
    tree.write("rhebok/native/c.py", "def f():\n    from rhebok.native import a\n")
    faults = circle(ours(imports(tree.root)))
    assert sorted(fault.partition(" (")[0] for fault in faults) == [
        "rhebok/native/a.pyx:1: from .b cimport B",
        "rhebok/native/b.pxd:1: from rhebok.native.c cimport C",
        "rhebok/native/c.py:2: from rhebok.native import a",
    ]


@pytest.mark.parametrize("statement", ["import click", "from rhebok.settings.values import size"])
@pytest.mark.parametrize("file", ["starter/x.py", "process/y.py", "process/__init__.py"])
def test_what_the_starter_may_not_import_is_named_also_where_it_is_imported_by_another(
    tree: Tree, file: str, statement: str
) -> None:
    tree.write("rhebok/process/y.py", "import os\n")
    tree.write("rhebok/starter/x.py", "from rhebok.process.y import z\n")
    with (tree.root / "rhebok" / file).open("a") as source:
        source.write(f"\n{statement}\n")
    (fault,) = not_for_the_starter(imports(tree.root))
    assert f": {statement} (" in fault
    assert fault.startswith(f"rhebok/{file}:")


def test_what_the_starter_does_not_lead_to_may_import_more(tree: Tree) -> None:
    tree.write("rhebok/superdaemon/x.py", "import click\n")
    tree.write("rhebok/starter/x.py", "from rhebok.superdaemon.y import z\nimport xml.etree.ElementTree\n")
    assert not_for_the_starter(imports(tree.root)) == []


# ---- long files ----


@pytest.mark.parametrize(
    "name",
    ["rhebok/cli.py", "rhebok/native/x.pyx", "csrc/loop/loop.c", "tests/build/test_x.py", "Makefile"],
)
def test_a_file_of_401_lines_is_named_and_one_of_400_is_not(tree: Tree, name: str) -> None:
    tree.write(name, "\n" * 400)
    assert too_long(tree.root) == []
    tree.write(name, "\n" * 401)
    assert too_long(tree.root) == [f"{name}: 401 lines, at most 400 are allowed"]


def test_what_is_made_and_what_is_no_source_is_not_counted(tree: Tree) -> None:
    for name in ("tests/c/build/x.c", "bench/.venv/lib/x.py", "build/x.c", "docs/HTTP.md"):
        tree.write(name, "\n" * 500)
    tree.write("rhebok/settings/table.py", "\n" * 500)
    assert too_long(tree.root) == []


def test_every_file_is_looked_at() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in source_files(ROOT)}
    assert names >= {
        "setup.py",
        "Makefile",
        "csrc/loop/loop.c",
        "tests/build/test_build.py",
        "bench/Makefile",
    }


def test_every_room_is_installed() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    rooms = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "rhebok").rglob("__init__.py")}
    assert {room.replace("/", ".") for room in rooms} == set(packages)
