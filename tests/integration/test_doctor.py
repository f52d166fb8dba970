"""`rhebok doctor` on this machine, before a server runs and while it does."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from integration.conftest import Serve
from integration.server import APPS, command, environment


def doctor(directory: Path, *options: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit status, and the last finding of each check."""
    ran = subprocess.run(
        [*command(), "doctor", "--json", "--pythonpath", str(APPS), *options],
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.stderr == ""
    data = json.loads(ran.stdout)
    assert data["healthy"] is (ran.returncode == 0)
    return ran.returncode, {each["check"]: each for each in data["findings"]}


def test_it_knows_this_machine_and_this_application(tmp_path: Path) -> None:
    _, found = doctor(tmp_path, "--bind", "127.0.0.1:0", "--workers", "2", "kinds")
    assert found["application"]["level"] == "ok"
    assert found["versions"]["says"].startswith("rhebok ")
    assert {"configuration", "somaxconn", "open files", "processes", "CPUs", "proxies", "user"} <= set(found)


def test_what_would_fail_is_said_and_the_status_is_1(tmp_path: Path) -> None:
    status, found = doctor(tmp_path, "--backlog", str(2**31 - 1), "--error-logfile", "none/x", "nothing:app")
    assert status == 1
    assert [found[check]["level"] for check in ("somaxconn", "paths", "application")] == ["change"] * 3


def test_a_server_that_runs_is_found_by_its_pid_file(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "rhebok.toml"
    file.write_text('pid = "server.pid"\n')
    os.utime(file, (1, 1))
    server = serve("kinds", "--config", "rhebok.toml")
    _, found = doctor(tmp_path, "--config", "rhebok.toml", "kinds")
    assert found["running"]["says"] == f"pid {server.pid}"
    os.utime(file, (time.time() + 60, time.time() + 60))
    _, found = doctor(tmp_path, "--config", "rhebok.toml", "kinds")
    assert "has changed since" in found["running"]["says"]
