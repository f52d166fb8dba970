"""Programs that are put in front of the command reach the workers: mended, item 13."""

import json
import os
import subprocess
import sys
from pathlib import Path
from signal import SIGHUP

import pytest
from integration.conftest import Serve
from integration.processes import has_ended
from integration.server import Server, environment
from integration.waiting import until

from applications.ends import each_way_to_load


def deploy(server: Server) -> None:
    before = server.workers()
    server.send(SIGHUP)
    until(lambda: all(map(has_ended, before)), lambda: server.log)
    assert server.get("/page").status == 200


def covered_lines(directory: Path, name: str) -> set[int]:
    """Of that file, in all data files together."""
    run = [sys.executable, "-m", "coverage"]
    subprocess.run([*run, "combine", "--quiet"], cwd=directory, env=environment(), check=True)
    subprocess.run([*run, "json", "--quiet"], cwd=directory, env=environment(), check=True)
    files = json.loads((directory / "coverage.json").read_text())["files"]
    return {line for path, seen in files.items() if path.endswith(name) for line in seen["executed_lines"]}


# Each forked process saves its data when it ends as the interpreter ends.
COVERAGE = """
[run]
source = .
parallel = true
patch = fork
"""


@each_way_to_load
def test_coverage_sees_what_workers_of_each_generation_run(
    serve_app: Serve, tmp_path: Path, load: str
) -> None:
    pytest.importorskip("coverage")
    (tmp_path / "parted.py").write_text(
        "import sys\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    if environ['PATH_INFO'] == '/first':\n"
        "        return [b'first']\n"
        "    return [b'second']\n"
        "def note_command(worker):\n"
        "    with open('commands', 'a') as file:\n"
        "        print(worker.pid, *sys.orig_argv, file=file)\n"
    )
    (tmp_path / ".coveragerc").write_text(COVERAGE)
    wrapper = [sys.executable, "-m", "coverage", "run", "-m", "rhebok"]
    options = ["--kill-old-delay", "0", "--after-fork", "parted:note_command"]
    server = serve_app("parted", load, *options, started_as=wrapper, workers=2)
    commands = [line.split() for line in (tmp_path / "commands").read_text().splitlines()]
    assert sorted(int(words[0]) for words in commands) == sorted(server.workers())
    for words in commands:
        assert words[2:7] == ["-m", "coverage", "run", "-m", "rhebok"]
    assert server.get("/first").text == "first"
    deploy(server)
    server.stop()
    assert covered_lines(tmp_path, "parted.py") >= {3, 4, 5, 6}


SITE = """
import os
with open({noted!r}, "a") as file:
    file.write(f"{{os.getpid()}}\\n")
if {directory!r} in os.environ.get("PYTHONPATH", ""):  # as opentelemetry-instrument does
    os.environ["PYTHONPATH"] = os.environ["PYTHONPATH"].replace({directory!r} + os.pathsep, "")
os.environ.pop("WRAPPED_BY", None)
"""


@pytest.fixture
def wrapped(serve_app: Serve, tmp_path: Path) -> Server:
    """A wrapper that works by sitecustomize on PYTHONPATH, and takes its traces away at once."""
    directory = tmp_path / "wrapper"
    directory.mkdir()
    text = SITE.format(noted=str(tmp_path / "noted"), directory=str(directory))
    (directory / "sitecustomize.py").write_text(text)
    paths = os.pathsep.join([str(directory), environment()["PYTHONPATH"]])
    (tmp_path / "asked.py").write_text(
        "import os\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [os.environ.get('GIVEN', 'nothing').encode()]\n"
    )
    return serve_app(
        "asked", "--kill-old-delay", "0", PYTHONPATH=paths, WRAPPED_BY="a test", GIVEN="something"
    )


def instrumented(tmp_path: Path) -> list[int]:
    return [int(line) for line in (tmp_path / "noted").read_text().splitlines()]


def test_each_generation_has_the_environment_that_the_supervisor_was_started_with(
    wrapped: Server, tmp_path: Path
) -> None:
    assert wrapped.master in instrumented(tmp_path)
    deploy(wrapped)
    assert wrapped.master in instrumented(tmp_path)
    assert wrapped.get("/").text == "something"
