"""What a release shows and pins: long description, bill of materials, requirements, Dockerfiles."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from foreign import lacking
from installed_server import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DOCKERFILES = sorted((ROOT / "examples/docker").glob("Dockerfile*"))


@pytest.fixture(scope="module")
def long_description() -> str:
    """As it gets into the metadata."""
    program = "import setup; print(setup.long_description())"
    command = [
        sys.executable,
        "-c",
        f"import setuptools; setuptools.setup = lambda **options: None; {program}",
    ]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_links_and_pictures_of_the_long_description_are_absolute(long_description: str) -> None:
    links = re.findall(r"(!?)\[[^]]*\]\(([^)]*)\)", long_description)
    assert len(links) > 20
    source, version = PROJECT["urls"]["Source"], PROJECT["version"]
    for picture, link in links:
        form = "raw" if picture else "blob"
        assert link.startswith((f"{source}/{form}/v{version}/", "https://")), link


def test_each_of_its_links_leads_to_a_file_of_the_tree(long_description: str) -> None:
    prefix = re.escape(PROJECT["urls"]["Source"]) + r"/(?:raw|blob)/v[\d.]+/"
    paths = re.findall(rf"\({prefix}([^)#]*)", long_description)
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_bill_of_materials_is_current() -> None:
    command = [sys.executable, "-c", "import sbom; print(sbom.text(), end='')"]
    text = subprocess.run(
        command, cwd=ROOT / ".ci/wheels", stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    assert text == (ROOT / "docs/sbom.cdx.json").read_text(), "run .ci/wheels/sbom.py"


def test_every_requirement_of_the_release_is_pinned_with_hashes() -> None:
    text = (ROOT / ".ci/wheels/requirements.txt").read_text()
    pinned = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
    assert len(pinned) > 10
    for each in pinned:
        assert re.match(r"[\w.-]+==\S+ .*\\\n    --hash=sha256:[0-9a-f]{64}\b", each), each


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_finds_nothing_in_the_dockerfiles(file: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        lacking("hadolint is not installed")
    done = subprocess.run([hadolint, file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert (done.returncode, done.stdout) == (0, "")
