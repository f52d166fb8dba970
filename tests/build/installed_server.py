"""A fresh environment, rhebok installed into it, and one request served by it. Used by the other tests."""

import os
import re
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
HELLO = b"Hello, World!\n"


def surroundings() -> dict[str, str]:
    """Our environment without what would change a build or a server, or lead to the tree instead."""
    mine = ("RHEBOK_", "PYTHONPATH", "PYTHONWARN", "SERVER_STARTER", "WEB_CONC", "VIRTUAL_", "MAKE", "MFLAGS")
    return {name: value for name, value in os.environ.items() if not name.startswith(mine)}


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """What the command says, when it succeeds."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**surroundings(), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        pytest.fail(
            f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}", pytrace=False
        )
    return done.stdout


def make_environment(python: str, directory: Path) -> Path:
    """A fresh virtual environment; its directory of programs."""
    run(python, "-m", "venv", directory, cwd=directory.parent)
    return directory / "bin"


def pip(programs: Path, command: str, *what: str | Path, cwd: Path) -> str:
    """Its log. Warnings of both compilers are errors."""
    return run(programs / "python", "-m", "pip", command, "-v", *what, cwd=cwd, RHEBOK_WERROR="1")


def body_served_by(programs: Path, directory: Path, example: str = "hello") -> bytes:
    """Serves a module of examples with the installed command, and asks it once."""
    log = directory / "server.log"
    command = [programs / "rhebok", "-b", "127.0.0.1:0", "-w", "1", "--chdir", ROOT / "examples", example]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [str(word) for word in command], cwd=directory, env=surroundings(), stdout=output, stderr=output
        )
    try:
        with urllib.request.urlopen(f"http://{_address(server, log)}/", timeout=START_SECONDS) as answer:
            body: bytes = answer.read()
        return body
    finally:
        server.terminate()
        assert server.wait(START_SECONDS) == 0, log.read_text()


def _address(server: "subprocess.Popen[bytes]", log: Path) -> str:
    """Where it says it is, once a worker is ready."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        text = log.read_text()
        where = re.search(r"http://(\S+:\d+)", text)
        if where and "is ready" in text:
            return where[1]
        time.sleep(0.02)  # the condition above is what is waited for
    pytest.fail(f"the server did not start:\n{log.read_text()}", pytrace=False)
