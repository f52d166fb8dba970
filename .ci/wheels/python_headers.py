"""The headers of a CPython, from an interpreter of this machine or from Debian's archive.

One set serves every target: all are 64-bit Linux, and pyconfig.h of two of them differs only in what the
interpreter itself is compiled with. A build without the GIL has one macro more.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from targets import Python

# Between builds.
KEPT = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "rhebok"
DEBIAN_ROOT = Path(__file__).parents[1] / "debian-root"
_ASK = (
    "import sys, sysconfig; "
    "print(sys.implementation.name, *sys.version_info[:2], sep='.'); print(sysconfig.get_path('include'))"
)


class NoHeadersError(Exception):
    """Neither source has them."""


def headers_of(python: Python) -> Path:
    """The directory with its Python.h and pyconfig.h. Raises NoHeadersError."""
    for candidate in _interpreters(python.version):
        if directory := _headers_of_interpreter(candidate, python.version):
            return directory
    if python.suite is None:
        raise NoHeadersError(f"CPython {python.version} with its headers is needed: Debian does not have it")
    kept = KEPT / f"headers-{python.version}"
    if not (kept / "Python.h").exists():
        _unpack(python, kept)
    return kept


# ---- an interpreter ----


def _interpreters(version: str) -> Iterator[str]:
    if found := shutil.which(f"python{version}"):
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser()
    yield from map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}")))


def _headers_of_interpreter(program: str, version: str) -> Path | None:
    """None without headers, and for a shim of pyenv whose version is not switched on."""
    answer = subprocess.run([program, "-c", _ASK], capture_output=True, text=True)
    name, _, directory = answer.stdout.partition("\n")
    found = Path(directory.strip())
    return found if name == f"cpython.{version}" and (found / "pyconfig.h").exists() else None


# ---- Debian ----


def _unpack(python: Python, kept: Path) -> None:
    """Debian's pyconfig.h only includes that of the processor, which takes its place here."""
    package, work = f"libpython{python.version}-dev", kept.with_suffix(".unpacked")
    done = subprocess.run([DEBIAN_ROOT, "--alone", str(python.suite), "amd64", work, package])
    if done.returncode != 0:
        raise NoHeadersError(f"CPython {python.version} with its headers is needed, or {package} of Debian")
    include = work / "usr/include"
    (pyconfig,) = include.glob(f"*/python{python.version}/pyconfig.h")
    pyconfig.replace(include / f"python{python.version}/pyconfig.h")
    (include / f"python{python.version}").rename(kept)
    shutil.rmtree(work)
