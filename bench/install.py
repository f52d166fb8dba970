"""Installs the peers into the environment that runs this: `python -m bench install [NAME ...]`.

Each is installed separately, so that one that does not build does not affect the others. The reason is
kept for the reports (bench/installed.py). Debian packages are only named: the administrator installs
them.
"""

from __future__ import annotations

import subprocess
import sys

from bench import installed
from bench.servers import BY_NAME, SERVERS, Server, missing

# The requirements of the bench itself and of its applications.
REQUIREMENTS = ("flask", "django", "matplotlib")
REASON_LINES = 3


def pip_install(arguments: tuple[str, ...]) -> str:
    """Runs pip. Returns the last lines that it printed if it failed, otherwise ""."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    errors = [line.strip() for line in done.stderr.splitlines() if "rror" in line]
    return " / ".join(errors[-REASON_LINES:]) or f"pip ended with status {done.returncode}"


def install(server: Server) -> str:
    """Installs one peer. Returns why it failed, or ""."""
    for arguments in server.pip:
        fault = pip_install(arguments)
        if fault:
            return f"pip install {' '.join(arguments)}: {fault}"
    return ""


def main(names: list[str]) -> int:
    """Installs the named servers, or all of them and the bench's own requirements."""
    unknown = [name for name in names if name not in BY_NAME]
    if unknown:
        print(f"no such server: {', '.join(unknown)}; there are {', '.join(BY_NAME)}", file=sys.stderr)
        return 2
    if not names and (fault := pip_install(REQUIREMENTS)):
        print(f"cannot install {', '.join(REQUIREMENTS)}: {fault}", file=sys.stderr)
        return 1
    chosen = [BY_NAME[name] for name in names] if names else SERVERS
    outcome = {server.name: install(server) for server in chosen}
    installed.save(outcome)
    for server in chosen:
        lacking = outcome[server.name] or missing(server)
        print(f"{server.name}: {f'MISSING ({lacking})' if lacking else 'ready'}")
    return 0
