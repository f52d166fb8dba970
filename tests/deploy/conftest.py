"""Fixtures of the deploy tests: the site that is deployed, and the servers of the integration tests.

RHEBOK_SOAK=N deploys N times where a few do otherwise, keeps up the load for long, and runs what takes its
time by the clock: `make soak`.
"""

import os
from pathlib import Path

import pytest
from integration.conftest import Serve, gate, serve

from deploy.site import Site
from deploy.totals import Totals

__all__ = ["Serve", "gate", "serve"]

SOAK_VARIABLE = "RHEBOK_SOAK"
SOAK = SOAK_VARIABLE in os.environ

collect_ignore = [] if SOAK else ["test_by_the_clock.py"]

_TOTALS = pytest.StashKey[Totals]()


@pytest.fixture(scope="session")
def deploys() -> int:
    """How many in a row."""
    return int(os.environ.get(SOAK_VARIABLE, "2"))


@pytest.fixture(scope="session")
def totals(pytestconfig: pytest.Config) -> Totals:
    return pytestconfig.stash.setdefault(_TOTALS, Totals())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash.get(_TOTALS, Totals()).lines()
    if SOAK and lines:
        terminalreporter.section("totals")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(params=["tcp", "unix"])
def bind(request: pytest.FixtureRequest) -> str:
    return str(request.param)
