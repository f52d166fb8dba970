"""Wheels as `make wheels` makes them: what is in them, and that they serve where nothing can be compiled.

Three of them are built here: for the Python that runs the tests, for aarch64, and for musl.
"""

import base64
import csv
import hashlib
import json
import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from foreign import KEPT, aarch64_python, body_served_under, musl_python
from hardening import guards_its_stack, has_full_relro, has_plain_stack, has_symbols
from installed_server import HELLO, ROOT, body_served_by, make_environment, run
from test_build import copy_of_tree, tracked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

HERE = "cp{}{}".format(*sys.version_info)
TAGS = {
    "here": f"{HERE}-{HERE}-manylinux2014_x86_64*",
    "aarch64": "cp311-cp311-manylinux2014_aarch64*",
    "musl": "cp311-cp311-musllinux_*_x86_64",
}


def make_wheels(tree: Path, out: Path, *tags: str, cache: Path = KEPT / "zig") -> None:
    """The sources of the tree, with the tools that are pinned in ours."""
    run("make", "-C", ROOT, "build/wheels-venv/.made", cwd=ROOT)
    python = ROOT / "build/wheels-venv/bin/python"
    only = [word for tag in tags for word in ("--only", tag)]
    command = [python, tree / ".ci/wheels", "--out", out, "--cache", cache, *only]
    run(*command, cwd=tree, SOURCE_DATE_EPOCH="1790000000")  # a commit may come between two builds


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("wheels")
    make_wheels(ROOT, out, *TAGS.values())
    return {name: next(out.glob(f"rhebok-*-{tag}.whl")) for name, tag in TAGS.items()}


@pytest.fixture(params=TAGS)
def wheel(request: pytest.FixtureRequest, wheels: dict[str, Path]) -> Path:
    return wheels[request.param]


# ---- what is in them ----


def test_record_has_every_file_with_its_digest(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (record,) = [name for name in archive.namelist() if name.endswith(".dist-info/RECORD")]
        rows = list(csv.reader(archive.read(record).decode().splitlines()))
        assert [name for name, *_ in rows] == archive.namelist()
        for name, digest, size in rows:
            content = archive.read(name)
            wanted = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            assert name == record or (digest, int(size)) == (f"sha256={wanted}", len(content))


def test_it_has_the_modules_types_and_files_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = [name for name in tracked() if name.startswith("rhebok/")]
    modules = {name.removesuffix(".pyx") for name in package if name.endswith(".pyx")}
    plain = {name for name in package if name.endswith((".py", ".pyi", "py.typed"))}
    suffixes = {re.sub(r"^[^.]*", "", name) for name in names if name.endswith(".so")}
    assert len(suffixes) == 1
    assert names == plain | {module + suffix for module in modules for suffix in suffixes}


def test_its_modules_are_hardened_and_have_no_symbols(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    modules = sorted(tmp_path.rglob("*.so"))
    assert [each.name for each in modules if not has_full_relro(each)] == []
    assert [each.name for each in modules if not has_plain_stack(each)] == []
    assert [each.name for each in modules if has_symbols(each)] == []
    assert any(map(guards_its_stack, modules))


def test_it_has_the_bill_of_materials(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if ".dist-info/sboms/" in name]
        assert json.loads(archive.read(name)) == json.loads((ROOT / "docs/sbom.cdx.json").read_text())


def test_another_folder_gives_the_same_bytes(wheels: dict[str, Path], tmp_path: Path) -> None:
    tree, out = tmp_path / "a clone", tmp_path / "out"
    run("git", "clone", "--quiet", ROOT, tree, cwd=tmp_path)
    copy_of_tree(tree)
    make_wheels(tree, out, TAGS["here"], cache=tmp_path / "zig")
    first = wheels["here"]
    for name in (first.name, *[each.name for each in first.parent.glob("*.tar.gz")]):
        assert (out / name).read_bytes() == (first.parent / name).read_bytes(), name


# ---- that they serve ----


def test_it_serves_flask_in_an_environment_without_a_compiler(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    programs = make_environment(sys.executable, tmp_path / "venv")
    path = str(programs)
    assert not any(shutil.which(name, path=path) for name in ("cc", "gcc", "clang", "zig"))
    pip = [programs / "python", "-m", "pip", "install", "--only-binary", ":all:"]
    run(*pip, wheels["here"], "flask", cwd=tmp_path, PATH=path)
    assert b"Guestbook" in body_served_by(programs, tmp_path, "flask_app")


def served(python: list[str], wheel: Path, directory: Path, platform: str) -> bytes:
    """By an interpreter of another system. pip of this one chooses the files for it."""
    packages = directory / "packages"
    pip = [sys.executable, "-m", "pip", "install", "--target", packages, "--only-binary", ":all:"]
    run(*pip, "--platform", platform, "--python-version", "3.11", wheel, cwd=directory)
    return body_served_under(python, packages, directory)


def test_the_wheel_for_aarch64_serves_under_qemu(wheels: dict[str, Path], tmp_path: Path) -> None:
    assert served(aarch64_python(), wheels["aarch64"], tmp_path, "manylinux2014_aarch64") == HELLO


def test_the_wheel_for_musl_serves(wheels: dict[str, Path], tmp_path: Path) -> None:
    assert served(musl_python(), wheels["musl"], tmp_path, "musllinux_1_2_x86_64") == HELLO
