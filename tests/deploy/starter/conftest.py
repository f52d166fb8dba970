"""Superdaemons for the tests: `either` is ours and Perl's in turn, `ours` only ours, `another` one more."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starter_process import OURS, Superdaemon, perl_start_server


@pytest.fixture(params=["ours", "perl"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Superdaemon]:
    executable: tuple[str, ...] = OURS
    if request.param == "perl":
        path = perl_start_server()
        if path is None:
            pytest.skip("Perl's start_server is not installed (Debian: libserver-starter-perl)")
        executable = (path,)
    superdaemon = Superdaemon(executable, tmp_path)
    yield superdaemon
    superdaemon.clean_up()


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Superdaemon]:
    superdaemon = Superdaemon(OURS, tmp_path)
    yield superdaemon
    superdaemon.clean_up()


@pytest.fixture
def another(either_or_ours: Superdaemon) -> Iterator[Superdaemon]:
    superdaemon = Superdaemon(either_or_ours.executable, either_or_ours.home, name="2")
    yield superdaemon
    superdaemon.clean_up()


@pytest.fixture
def either_or_ours(request: pytest.FixtureRequest) -> Superdaemon:
    """The superdaemon that the test itself asks for."""
    name = "either" if "either" in request.fixturenames else "ours"
    superdaemon = request.getfixturevalue(name)
    assert isinstance(superdaemon, Superdaemon)
    return superdaemon
