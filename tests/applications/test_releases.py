"""Deploys of releases that have a virtual environment each: mended, item 14."""

from collections.abc import Callable, Sequence
from pathlib import Path
from signal import SIGHUP

import pytest
from integration.conftest import Serve
from integration.server import Server

from applications.releases import Releases

# How the command is named, from the directory that `current` is in.
COMMANDS: dict[str, Callable[[Path], Sequence[str]]] = {
    "absolute": lambda directory: [str(directory / "current/venv/bin/rhebok")],
    "relative": lambda directory: ["current/venv/bin/rhebok"],
    "python -m": lambda directory: [str(directory / "current/venv/bin/python"), "-m", "rhebok"],
    "env": lambda directory: ["env", f"PATH={directory}/current/venv/bin:/usr/bin:/bin", "rhebok"],
}


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    return Releases(tmp_path)


def deploy(server: Server, generation: int) -> None:
    server.send(SIGHUP)
    server.wait_for(rf"generation {generation} \(pid \d+\) serves")
    server.wait_for(rf"generation {generation - 1} \(pid \d+\) exited")


def serves(server: Server, releases: Releases, number: int) -> None:
    """Code, libraries and Python are of that release."""
    said = server.get("/").json()
    assert (said["code"], said["library"]) == (number, number), said
    prefix = Path(said["prefix"])
    assert prefix.resolve() == (releases.path(number) / "venv").resolve(), said


@pytest.mark.parametrize("named", list(COMMANDS))
def test_each_deploy_runs_the_python_and_the_libraries_of_the_current_release(
    serve: Serve, releases: Releases, tmp_path: Path, named: str
) -> None:
    releases.make()
    started_as = COMMANDS[named](tmp_path)
    options = ["--chdir", "current", "--kill-old-delay", "0"]
    server = serve("released", *options, started_as=started_as, workers=2)
    serves(server, releases, 1)
    releases.make()
    deploy(server, 2)
    serves(server, releases, 2)
    releases.remove(1)
    deploy(server, 3)
    serves(server, releases, 2)
    releases.make()
    releases.remove(2)
    deploy(server, 4)
    serves(server, releases, 3)


def test_a_worker_that_is_replaced_is_of_the_release_of_its_generation(
    serve: Serve, releases: Releases, tmp_path: Path
) -> None:
    """The switch of the link alone changes nothing."""
    releases.make()
    server = serve(
        "released", "--chdir", "current", "--max-requests", "1", started_as=COMMANDS["absolute"](tmp_path)
    )
    releases.make()
    for _ in range(3):
        serves(server, releases, 1)


def test_a_release_without_the_command_changes_nothing(
    serve: Serve, releases: Releases, tmp_path: Path
) -> None:
    releases.make()
    options = ["--chdir", "current", "--kill-old-delay", "0"]
    server = serve("released", *options, started_as=COMMANDS["absolute"](tmp_path))
    releases.make()
    (tmp_path / "current/venv/bin/rhebok").unlink()
    server.send(SIGHUP)
    server.wait_for(r"generation 1 \(pid \d+\) goes on serving")
    serves(server, releases, 1)
    assert server.matches(r"cannot run .*current/venv/bin/rhebok") or server.matches(r"can't open file")
