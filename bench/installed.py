"""The result of each peer's installation: written by bench/install.py, shown in every report."""

from __future__ import annotations

import json

from bench.paths import PEERS


def load() -> dict[str, str]:
    """Server name to the reason why it could not be installed ("" when it could)."""
    if not PEERS.exists():
        return {}
    outcome: dict[str, str] = json.loads(PEERS.read_text())
    return outcome


def reason(name: str) -> str:
    """Why that server is not installed, or ""."""
    return load().get(name, "")


def save(outcome: dict[str, str]) -> None:
    """Adds a result."""
    PEERS.parent.mkdir(exist_ok=True)
    PEERS.write_text(json.dumps(load() | outcome, indent=2) + "\n")
