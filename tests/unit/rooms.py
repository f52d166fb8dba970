"""Reads from the source which file includes or imports which, and finds what breaks the plan of the rooms.

Used by test_rooms. Nothing of the source is run. Each fault is one line: FILE:LINE: TEXT (why it is a fault).
"""

import ast
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

# From below to above. A room includes and imports itself and what stands below it; rooms of one row have
# nothing to do with each other.
CSRC_FLOORS = (("base", "picohttpparser"), ("http",), ("cache", "files", "log"), ("loop",))
RHEBOK_FLOORS = (
    ("rhebok",),  # rhebok/__init__.py
    ("errors", "records"),
    ("process",),
    ("board", "listening", "reloading", "reporting"),
    ("control", "metrics", "native", "settings", "prefork"),
    ("superdaemon", "gunicorn", "doctor"),
    ("starter", "serving"),
    ("log_setup",),
    ("supervising",),
    ("launch",),
    ("cli",),
    ("command", "paste_server"),
    ("__main__",),
)

MAX_LINES = 400
LONG_TABLES = ("rhebok/native/csrc.pxd", "rhebok/settings/table.py")

_INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')
_IMPORT = re.compile(r"\s*(from|import|cimport)\s")
_SOURCES = ("csrc", "rhebok", "tests", "bench", "examples", ".")  # of the root itself only the files
_SUFFIXES = (".py", ".pyx", ".pxd", ".c", ".h")
_MADE = ("tests/c/build", "tests/fuzz/build", "bench/build", "bench/.venv")  # not source


@dataclass(frozen=True)
class Reference:
    """One include or import. `source` and `target` are paths below csrc, or names of modules."""

    source: str
    target: str
    file: str  # relative to the root
    line: int
    text: str

    def fault(self, why: str) -> str:
        return f"{self.file}:{self.line}: {self.text.strip()} ({why})"


# ---- csrc ----


def includes(root: Path) -> list[Reference]:
    """Each `#include "..."` of csrc. System headers are left out."""
    files = sorted(path for path in (root / "csrc").rglob("*") if path.suffix in (".c", ".h"))
    return [reference for path in files for reference in _includes_of(root, path)]


def _includes_of(root: Path, path: Path) -> Iterator[Reference]:
    csrc = root / "csrc"
    source = path.relative_to(csrc).as_posix()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := _INCLUDE.match(line):
            beside = path.parent / match[1]
            target = beside.relative_to(csrc).as_posix() if beside.exists() else match[1]
            yield Reference(source, target, f"csrc/{source}", number, line)


def csrc_room(path: str) -> str:
    return path.partition("/")[0]


# ---- rhebok ----


def imports(root: Path) -> list[Reference]:
    """Each import and cimport below rhebok, those inside functions too; of all modules, ours or not."""
    files = sorted(path for path in (root / "rhebok").rglob("*") if path.suffix in (".py", ".pyx", ".pxd"))
    modules = {_module(root, path) for path in files}
    return [reference for path in files for reference in _imports_of(root, path, modules)]


def _module(root: Path, path: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _imports_of(root: Path, path: Path, modules: set[str]) -> Iterator[Reference]:
    source, text = _module(root, path), path.read_text()
    package = source if path.stem == "__init__" else source.rpartition(".")[0]
    lines = text.splitlines()
    statements = _python_imports(text) if path.suffix == ".py" else _cython_imports(lines)
    for number, statement in statements:
        for target in dict.fromkeys(_targets(statement, package, modules)):
            yield Reference(source, target, path.relative_to(root).as_posix(), number, lines[number - 1])


def _python_imports(text: str) -> Iterator[tuple[int, ast.stmt]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node.lineno, node


def _cython_imports(lines: Sequence[str]) -> Iterator[tuple[int, ast.stmt]]:
    """Cython is not Python, but each of its imports is one, once `cimport` is read as `import`."""
    for number, line in enumerate(lines, 1):
        if not _IMPORT.match(line):
            continue
        end = number
        while line.count("(") > line.count(")") and end < len(lines):
            line, end = line + lines[end].partition("#")[0], end + 1
        try:
            yield number, ast.parse(re.sub(r"\bcimport\b", "import", line).strip()).body[0]
        except SyntaxError:
            continue  # a sentence of a docstring


def _targets(statement: ast.stmt, package: str, modules: set[str]) -> Iterator[str]:
    """The modules that a statement names. `from a import b` names a.b where that is a module, otherwise a."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - statement.level + 1] if statement.level else []
        base = ".".join([*above, *([statement.module] if statement.module else [])])
        for alias in statement.names:
            full = f"{base}.{alias.name}"
            yield full if full in modules else base


def rhebok_room(module: str) -> str:
    """The second part of a module's name; "rhebok" for the package itself."""
    return [*module.split("."), module][1]


# ---- what may not be ----


def upward(
    references: Iterable[Reference], room_of: Callable[[str], str], floors: Sequence[Sequence[str]]
) -> list[str]:
    """The references that do not lead to a lower floor, or to their own room."""
    height = {room: number for number, floor in enumerate(floors) for room in floor}
    found = []
    for reference in references:
        source, target = room_of(reference.source), room_of(reference.target)
        unknown = [room for room in (source, target) if room not in height]
        if unknown:
            found.append(reference.fault(f"{unknown[0]} has no floor in tests/unit/rooms.py"))
        elif source != target and height[target] >= height[source]:
            found.append(reference.fault(f"{target} does not stand below {source}"))
    return found


def circle(references: Iterable[Reference]) -> list[str]:
    """The references of one circle, in its order; empty when there is no circle."""
    by_ends = {
        (reference.source, reference.target): reference
        for reference in references
        if reference.source != reference.target  # a .pyx and its .pxd are one module
    }
    graph: dict[str, set[str]] = {}
    for source, target in by_ends:
        graph.setdefault(source, set()).add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring = error.args[1]  # each is imported by the one after it
        return [by_ends[after, before].fault("in a circle") for before, after in pairwise(ring)][::-1]
    return []


def ours(references: Iterable[Reference]) -> list[Reference]:
    """Without the modules of others."""
    return [reference for reference in references if _top(reference.target) == "rhebok"]


def not_for_the_starter(references: Sequence[Reference]) -> list[str]:
    """What rhebok.starter, or anything that it imports, may not import."""
    by_source: dict[str, list[Reference]] = {}
    for reference in references:
        by_source.setdefault(reference.source, []).append(reference)
    waiting = [source for source in by_source if rhebok_room(source) == "starter"]
    return [
        reference.fault("rhebok-starter is to run on the standard library alone, without rhebok.settings")
        for reference in _reachable(waiting, by_source)
        if not _fit_for_the_starter(reference.target)
    ]


def _reachable(waiting: list[str], by_source: Mapping[str, list[Reference]]) -> Iterator[Reference]:
    """All references of these modules, of their packages, and of the modules that those lead to."""
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        waiting += [package for package in (module.rpartition(".")[0],) if package]
        for reference in by_source.get(module, []):
            waiting.append(reference.target)
            yield reference


def _fit_for_the_starter(module: str) -> bool:
    if _top(module) == "rhebok":
        return rhebok_room(module) != "settings"
    return _top(module) in sys.stdlib_module_names


def _top(module: str) -> str:
    return module.partition(".")[0]


# ---- long files ----


def too_long(root: Path) -> list[str]:
    """The source and test files of more than MAX_LINES lines."""
    counted = ((path.relative_to(root).as_posix(), _lines(path)) for path in source_files(root))
    return [
        f"{name}: {lines} lines, at most {MAX_LINES} are allowed"
        for name, lines in counted
        if lines > MAX_LINES and name not in LONG_TABLES
    ]


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def source_files(root: Path) -> Iterator[Path]:
    """What is written by hand in Python, Cython, C and make."""
    for top in _SOURCES:
        for directory, below, files in os.walk(root / top):
            made = {Path(root, name) for name in _MADE}
            below[:] = [] if top == "." else [name for name in below if Path(directory, name) not in made]
            yield from (Path(directory, name) for name in sorted(files) if _is_source(name))


def _is_source(name: str) -> bool:
    return name == "Makefile" or name.endswith(_SUFFIXES)
