"""The interpreters of this machine, one a version. Used by test_build.py."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SUPPORTED = ("3.11", "3.12", "3.13", "3.14", "3.15")
IN_SID = ("3.14", "3.15")  # CI has these only in a root of their own, where .ci/newest installs for them
OWN = "{}.{}".format(*sys.version_info)  # of what runs the tests


def _chosen() -> tuple[str, ...]:
    """A build takes half a minute, so usually it is the own version."""
    if os.environ.get("RHEBOK_ALL_PYTHONS"):
        return SUPPORTED
    if os.environ.get("CI"):
        return tuple(version for version in SUPPORTED if version not in IN_SID)
    return (OWN,)


VERSIONS = _chosen()


def interpreter(version: str) -> str:
    """One of that version, from PATH or from pyenv. Without one the test is skipped; in CI it fails."""
    for candidate in _candidates(version):
        if _is(candidate, version):
            return candidate
    message = f"there is no CPython {version} on this machine"
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def _candidates(version: str) -> Iterator[str]:
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    yield from map(str, pyenv.glob(f"versions/{version}.*/bin/python{version}"))


def _is(candidate: str, version: str) -> bool:
    """A shim of pyenv is there although its version is not switched on."""
    program = "import sys; print(sys.implementation.name, *sys.version_info[:2], sep='.')"
    answer = subprocess.run([candidate, "-c", program], capture_output=True, text=True)
    return answer.stdout.strip() == f"cpython.{version}"
