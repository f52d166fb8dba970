"""The fuzz targets: each is built, runs the conformance cases, its corpus and every input that once broke it,
and fuzzes a while.

FUZZ_SECONDS is what all of them have together (60).

The parsers have vectors of their own for aarch64. So their targets are also built for it, and run under qemu
(standalone.c)."""

import os
import subprocess
from pathlib import Path

import pytest
import seeds

HERE = Path(__file__).parent
TARGETS = sorted(source.stem.removeprefix("fuzz_") for source in HERE.glob("fuzz_*.c"))
SECONDS = float(os.environ.get("FUZZ_SECONDS", "60"))
SHARE = max(1, round(SECONDS / len(TARGETS)))  # of one target
EMULATED = ("parse_lenient", "parse_strict")

pytestmark = [pytest.mark.needs("clang"), pytest.mark.timeout(600 + SECONDS)]


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd=HERE,
    )


def build(name: str) -> Path:
    made = run("make", "--no-print-directory", "-j2", f"build/fuzz_{name}")
    if made.returncode != 0:
        pytest.fail(f"building {name} failed:\n{made.stdout}", pytrace=False)
    return HERE / "build" / f"fuzz_{name}"


def fuzz(name: str, *arguments: object) -> None:
    program = build(name)
    ran = run(program, "-timeout=20", *arguments)
    if ran.returncode != 0:
        pytest.fail(f"{name} exited {ran.returncode}:\n{ran.stdout[-6000:]}", pytrace=False)


@pytest.fixture(scope="module")
def seeds_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeds")
    seeds.write(folder)
    return folder


def inputs_of(name: str) -> list[Path]:
    return [folder for kind in ("corpus", "regressions") if (folder := HERE / kind / name).is_dir()]


@pytest.mark.parametrize("name", TARGETS)
def test_known_inputs_run_through(name: str, seeds_folder: Path, tmp_path: Path) -> None:
    fuzz(name, "-runs=0", f"-artifact_prefix={tmp_path}/", seeds_folder / name, *inputs_of(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_fuzzing_finds_nothing(name: str, tmp_path: Path) -> None:
    dictionary = next(path for path in (HERE / f"{name}.dict", HERE / "http.dict") if path.exists())
    new = tmp_path / "new"
    new.mkdir()
    prefix = f"-artifact_prefix={tmp_path}/"
    fuzz(name, f"-max_total_time={SHARE}", f"-dict={dictionary}", prefix, new, *inputs_of(name))


@pytest.mark.slow
@pytest.mark.needs("aarch64-linux-gnu-gcc", "qemu-aarch64")
@pytest.mark.parametrize("name", EMULATED)
def test_fuzzing_on_aarch64_finds_nothing(name: str, seeds_folder: Path, tmp_path: Path) -> None:
    made = run("make", "--no-print-directory", "-j2", "aarch64-programs")
    if made.returncode != 0:
        pytest.fail(f"building for aarch64 failed:\n{made.stdout}", pytrace=False)
    files = [path for folder in (*inputs_of(name), seeds_folder / name) for path in folder.glob("*")]
    program = ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", f"build/aarch64/fuzz_{name}")
    ran = run(*program, SHARE, tmp_path / "found", *files)
    if ran.returncode != 0:
        found = (tmp_path / "found").read_bytes() if (tmp_path / "found").exists() else b""
        pytest.fail(f"{name} exited {ran.returncode} with {found!r}:\n{ran.stdout[-6000:]}", pytrace=False)


def test_every_target_has_a_corpus() -> None:
    assert [name for name in TARGETS if not list((HERE / "corpus" / name).glob("*"))] == []
