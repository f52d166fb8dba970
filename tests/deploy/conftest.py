"""Fixtures of the deploy tests: the site that is deployed, and the servers of the integration tests.

RHEBOK_SOAK=N deploys N times where a few do otherwise, and keeps up the load for long: `make soak`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.conftest import Serve, gate, serve

from deploy.site import Site
from deploy.supervisors import Supervised, start

__all__ = ["Serve", "gate", "serve"]

SOAK_VARIABLE = "RHEBOK_SOAK"


@pytest.fixture(scope="session")
def deploys() -> int:
    """How many in a row."""
    return int(os.environ.get(SOAK_VARIABLE, "2"))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(params=["rhebok", "rhebok-starter", "start_server"])
def supervised(request: pytest.FixtureRequest, site: Site, bind: str) -> Iterator[Supervised]:
    """The site under each of the three that can deploy it, at `bind`."""
    running = start(request.param, site, bind)
    try:
        yield running
        running.judge()
    finally:
        running.end()
        print(running.log)


@pytest.fixture(params=["tcp", "unix"])
def bind(request: pytest.FixtureRequest) -> str:
    return str(request.param)
