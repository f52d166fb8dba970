"""What runs wheels that this machine's Python cannot: interpreters from packages of Debian, or built here."""

import os
import shutil
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest
from installed_server import ROOT, START_SECONDS, surroundings

KEPT = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "rhebok"


def lacking(what: str) -> None:
    """Skips the test; in CI nothing may be lacking."""
    if os.environ.get("CI"):
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


def debian_root(suite: str, architecture: str, *packages: str) -> Path:
    """Unpacked once, and kept: a suite that is released does not change in what a test looks at."""
    directory = KEPT / "-".join((suite, architecture, *packages))
    command = [ROOT / ".ci/debian-root", suite, architecture, directory, *packages]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        lacking(f"{', '.join(packages)} of Debian {suite} cannot be had: {done.stderr}")
    return directory


def aarch64_python() -> list[str]:
    """The command of Debian 12's Python for aarch64, under qemu."""
    if shutil.which("qemu-aarch64") is None:
        lacking("qemu-user is not installed")
    root = debian_root("bookworm", "arm64", "python3.11")
    return ["qemu-aarch64", "-L", str(root), str(root / "usr/bin/python3.11")]


def musl_python() -> list[str]:
    """The command of a CPython whose C library is musl, as in Alpine. There is no package of one."""
    if shutil.which("musl-gcc") is None:
        lacking("musl-tools is not installed")
    directory = KEPT / "musl-python3.11"
    done = subprocess.run(
        [ROOT / ".ci/musl-python", directory], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        lacking(f"no CPython could be built for musl: {done.stdout[-2000:]}")
    return [str(directory / "bin/python3.11")]


def body_served_under(python: list[str], packages: Path, directory: Path) -> bytes:
    """What examples/hello.py answers. The server is a generation on our socket: no process of it executes a
    program then, which the kernel could not do for another processor."""
    log = directory / "server.log"
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("wb") as output:
        host, port = listener.getsockname()
        variables = {"SERVER_STARTER_PORT": f"{host}:{port}={listener.fileno()}", "PYTHONPATH": str(packages)}
        server = subprocess.Popen(
            [*python, "-m", "rhebok", "-w", "1", "--chdir", str(ROOT / "examples"), "hello"],
            cwd=directory,
            env={**surroundings(), **variables},
            stdout=output,
            stderr=output,
            pass_fds=[listener.fileno()],
        )
        try:
            with urllib.request.urlopen(f"http://{host}:{port}/", timeout=2 * START_SECONDS) as answer:
                body: bytes = answer.read()
            return body
        except OSError as error:
            pytest.fail(f"{error}:\n{log.read_text()}", pytrace=False)
        finally:
            server.terminate()
            assert server.wait(START_SECONDS) == 0, log.read_text()
