"""A command line whose mounts are its own: for disks that are full and devices that are missing."""

import subprocess

import pytest


def in_a_namespace(shell: str) -> list[str]:
    """A command line whose mounts are its own."""
    possible = subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0
    if not possible:
        pytest.skip("no namespaces here")
    return ["unshare", "--mount", "sh", "-c", f'{shell} && exec "$@"', "sh"]
