"""What a release shows and pins: long description, bill of materials, requirements, Dockerfiles."""

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

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


@pytest.fixture
def release_check(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / ".ci/wheels")
    return importlib.import_module("release_check")


@pytest.mark.parametrize(
    ("source", "others", "wrong"),
    [
        ("https://code.example/vendor/rhebok", ["", "/issues", "/blob/v{version}/CHANGELOG.md"], 0),
        ("https://code.example/rhebok", ["-other/issues"], 1),
        ("https://code.example/rhebok", ["/blob/v0.0.9/CHANGELOG.md", "/blob/v{version}/README.md"], 1),
    ],
)
def test_addresses_are_below_the_source_and_of_this_version(
    release_check: ModuleType, source: str, others: list[str], wrong: int
) -> None:
    urls = {name: source + name.format(version=PROJECT["version"]) for name in others}
    assert len(release_check.wrong_addresses({"Source": source} | urls)) == wrong


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://rhebok.invalid", True),
        ("https://rhebok.invalid/rhebok", True),
        ("https://code.example/x.invalid/", False),
    ],
)
def test_a_placeholder_is_known(release_check: ModuleType, url: str, expected: bool) -> None:
    assert release_check.is_placeholder(url) == expected


def test_every_file_that_names_the_version_has_it(
    release_check: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert release_check.other_files_have_the_version() == []
    monkeypatch.setattr(release_check, "VERSION", "9.9.9")
    assert len(release_check.other_files_have_the_version()) == 1 + len(DOCKERFILES)


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
