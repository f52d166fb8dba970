"""From the tree to an installed server: sdist and wheel on every CPython that is supported, editable on one.

Nothing of the environment that runs the tests is used: each build gets its requirements from pip alone.
"""

import functools
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from installed_server import HELLO, ROOT, body_served_by, make_environment, pip, run
from pythons import OWN, VERSIONS, interpreter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def tracked() -> list[str]:
    """The files of the tree that belong to it; those not committed yet too."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.decode()
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def copy_of_tree(directory: Path) -> Path:
    """What a clean clone would have."""
    for name in tracked():
        copy = directory / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    return directory


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = copy_of_tree(tmp_path_factory.mktemp("tree"))
    run(sys.executable, "-m", "build", "--sdist", tree, cwd=tree)
    (archive,) = (tree / "dist").glob("rhebok-*.tar.gz")
    return archive


@dataclass
class Built:
    """A wheel, made from the sdist as `pip install` makes it."""

    programs: Path  # of an environment with nothing in it
    wheel: Path
    log: str


@pytest.fixture(scope="module")
def build(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Built]:
    """Each version once."""

    @functools.cache
    def build(version: str) -> Built:
        directory = tmp_path_factory.mktemp(f"python{version}-")
        programs = make_environment(interpreter(version), directory / "venv")
        log = pip(programs, "wheel", "--no-deps", sdist, cwd=directory)
        (archive,) = directory.glob("rhebok-*.whl")
        return Built(programs, archive, log)

    return build


@pytest.fixture(scope="module")
def wheel(build: Callable[[str], Built]) -> Path:
    return build(OWN).wheel


def test_sdist_has_what_the_tree_has(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    made = {"PKG-INFO", "setup.cfg"} | {name for name in names if name.startswith("rhebok.egg-info/")}
    translated = {name for name in names if name.startswith("translated/")}
    assert names - made - translated == set(tracked())
    assert translated == {f"translated/{Path(name).stem}.c" for name in tracked() if name.endswith(".pyx")}


def test_wheel_has_every_module_with_its_types_and_no_sources(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = {name for name in tracked() if name.startswith("rhebok/")}
    compiled = {name.removesuffix(".pyx") for name in package if name.endswith(".pyx")}
    built = {re.sub(r"\.cpython-[^/]*\.so$", "", name) for name in names if name.endswith(".so")}
    assert built == compiled
    assert {f"{name}.pyi" for name in compiled} <= names
    assert {name for name in names if not name.endswith(".so")} == {
        name for name in package if name.endswith((".py", ".pyi", "py.typed"))
    }


def test_wheel_names_its_commands_and_license(wheel: Path) -> None:
    wanted = ("entry_points.txt", "licenses/LICENSE")
    with zipfile.ZipFile(wheel) as archive:
        texts = {
            name.partition(".dist-info/")[2]: archive.read(name).decode()
            for name in archive.namelist()
            if name.endswith(wanted)
        }
    assert "rhebok = rhebok.command:main" in texts["entry_points.txt"]
    assert "rhebok-starter = rhebok.starter.cli:main" in texts["entry_points.txt"]
    assert texts["licenses/LICENSE"] == (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize("version", VERSIONS)
def test_sdist_installs_without_warnings_and_serves(
    version: str, build: Callable[[str], Built], tmp_path: Path
) -> None:
    built = build(version)
    assert not re.findall(r"^.*:\d+: warning: .*", built.log, re.MULTILINE)
    assert not re.search(r"cython-\d|Cythonizing", built.log), "what is translated is translated again"
    pip(built.programs, "install", built.wheel, cwd=tmp_path)
    assert body_served_by(built.programs, tmp_path) == HELLO
    assert "--pid-file" in run(built.programs / "rhebok-starter", "--help", cwd=tmp_path)


def test_editable_install_serves_from_the_tree_and_leaves_no_c_in_it(tmp_path: Path) -> None:
    """With the own version. The tests of CI on any other version run from such an installation."""
    tree = copy_of_tree(tmp_path / "tree")
    programs = make_environment(interpreter(OWN), tmp_path / "venv")
    pip(programs, "install", "--editable", tree, cwd=tmp_path)
    assert body_served_by(programs, tmp_path) == HELLO
    program = "import rhebok.native.worker as worker; print(worker.__file__)"
    where = run(programs / "python", "-c", program, cwd=tmp_path)
    assert Path(where.strip()).parent == tree / "rhebok" / "native"
    assert not list((tree / "rhebok").rglob("*.c"))
