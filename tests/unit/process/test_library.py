"""What is imported before --user."""

import sys

import pytest

from rhebok.process.library import import_ahead


@pytest.fixture
def late(tmp_path, monkeypatch):
    """A module that is not imported yet, and its directory."""
    (tmp_path / "imported_late.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "imported_late"
    sys.modules.pop("imported_late", None)


@pytest.mark.parametrize(("path", "expected"), [("/", False), ("/none", True)])
def test_only_where_not_everybody_can_read_the_library(late, path, expected):
    import_ahead((late,), (path,))
    assert (late in sys.modules) is expected


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o711])
def test_a_directory_for_its_owner_alone(late, tmp_path, mode):
    closed = tmp_path / "closed"
    closed.mkdir(mode)
    closed.chmod(mode)
    import_ahead((late,), ("/", str(closed)))
    assert late in sys.modules
