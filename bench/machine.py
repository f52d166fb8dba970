"""The conditions of a result: machine, kernel, versions, commit, date. Called by run.py and memory.py."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.paths import ROOT
from bench.servers import Server, missing, version_of


def output_of(*command: str) -> str:
    """The first line that a command prints; "" if it cannot run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    except OSError:
        return ""
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines else ""


def cpu_model(text: str) -> str:
    """The model's name in /proc/cpuinfo."""
    for line in text.splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def commit() -> str:
    """The commit, marked when tracked files differ from it."""
    dirty = output_of("git", "status", "--porcelain", "--untracked-files=no")
    return output_of("git", "rev-parse", "--short", "HEAD") + ("+" if dirty else "")


def describe(servers: Iterable[Server]) -> dict[str, Any]:
    """Everything that a reader must know about the figures."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": cpu_model(Path("/proc/cpuinfo").read_text()),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "wrk": output_of("wrk", "-v"),
        "load": [round(value, 2) for value in os.getloadavg()],
        "versions": {server.name: version_of(server) for server in servers if not missing(server)},
    }


def heading(about: dict[str, Any]) -> list[str]:
    """The same as lines of text."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items() if version)
    return [
        f"{about['date']}, commit {about['commit']}, {about['machine']} ({about['cpus']} CPUs), "
        f"kernel {about['kernel']}, Python {about['python']}, {about['wrk'].partition(' Copy')[0]}.",
        f"{about['settings']}. {versions}.",
    ]
