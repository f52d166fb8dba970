"""What operators are told: the first line of the log, and HUP to a wrong pid."""

import os
import platform
import re
from pathlib import Path
from signal import SIGHUP

import pytest

from integration.conftest import Serve
from integration.test_options import run
from integration.waiting import until


def first_line(log: str) -> str:
    return log.splitlines()[0]


@pytest.mark.parametrize("load", ["--preload", "--no-preload"])
def test_the_first_line_says_what_an_operator_needs(serve: Serve, tmp_path: Path, load: str) -> None:
    (tmp_path / "rhebok.toml").write_text("backlog = 100\n")
    server = serve("gated", load, "--threads", "3", "--config", "rhebok.toml", workers=2)
    line = first_line(server.log)
    port = server.address[1]
    version = run("--version", directory=tmp_path).stdout.split()[1]
    facts = [
        rf"rhebok {re.escape(version)}",
        rf"Python {platform.python_version()}",
        rf"\bpid {server.pid}\b",
        rf"127\.0\.0\.1:{port}\b",
        r"\b2 workers\b|\bworkers: 2\b|\b2 ?. ?3\b",
        r"\b3 threads\b|\bthreads: 3\b|\b2 ?. ?3\b",
        load.removeprefix("--").replace("no-preload", "no preload|no-preload|without preload|preload: no"),
        r"rhebok\.toml",
    ]
    assert [fact for fact in facts if not re.search(fact, line)] == [], line


def test_the_first_line_names_a_unix_socket(serve: Serve) -> None:
    server = serve("gated", bind="unix:s")
    assert re.search(r"unix:\S*s\b", first_line(server.log))
    assert f"pid {server.pid}" in first_line(server.log)


# Wrong pids


def test_hup_to_a_generation_deploys_or_says_which_pid_to_use(serve: Serve) -> None:
    server = serve("gated", "--kill-old-delay", "0")
    master = server.master
    before = len(server.log)
    os.kill(master, SIGHUP)
    said = rf"generation 2 \(pid \d+\) serves|\[{master}\] \[\w+\].*\b{server.pid}\b"
    until(lambda: re.search(said, server.log[before:]), lambda: server.log)
    assert server.get("/").status == 200
