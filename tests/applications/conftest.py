"""Fixtures: servers of the applications in apps/. They are those of the integration tests."""

from pathlib import Path
from typing import Any

import pytest
from integration.conftest import Serve, gate, serve
from integration.server import Server

__all__ = ["Serve", "gate", "serve"]

APPS = Path(__file__).with_name("apps")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder together take minutes."""
    for item in items:
        if item.path.is_relative_to(APPS.parent):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def serve_app(serve: Serve) -> Serve:
    """serve, for the applications here."""

    def start(app: str, *options: str, **arguments: Any) -> Server:
        return serve(app, "--pythonpath", str(APPS), *options, **arguments)

    return start
