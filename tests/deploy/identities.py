"""Other users for tests that root runs. STRANGER has no entry in the passwd file."""

import os
from pathlib import Path

import pytest

STRANGER = 54_321

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root")


def open_to_all(directory: Path) -> None:
    """pytest's directories are for the one who runs it."""
    for parent in (directory, *directory.parents):
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o755)
