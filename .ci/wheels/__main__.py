"""`make wheels`: the sdist, and from it the wheels of targets.py; the same files wherever they are made.

    python .ci/wheels [--out DIRECTORY] [--only PATTERN]... [--cache DIRECTORY]

Needs what requirements.txt pins. Leaves what it compiles in build/wheels.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from archives import unpack_sdist, write_sdist, write_wheel
from checking import check
from compiling import Compiler, Sources
from python_headers import KEPT, NoHeadersError, headers_of
from targets import Target, matching

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build/wheels"


def run(*words: str | Path, cwd: Path = ROOT) -> None:
    """A program in Python; what it says is shown only when it fails."""
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"wheels: {' '.join(command)}:\n{done.stdout}")


def commit_date() -> int:
    """When what is built was committed, or SOURCE_DATE_EPOCH."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    command = ["git", "log", "-1", "--format=%ct"]
    return int(given or subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)


def make_sdist(out: Path, date: int) -> Path:
    """From a copy of what git knows or would add, so that nothing else of the tree gets into it."""
    copy = WORK / "clone"
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    made = WORK / "sdist"
    run("-m", "build", "--no-isolation", "--sdist", "--outdir", made, copy)
    (archive,) = made.glob("*.tar.gz")
    write_sdist(archive, out / archive.name, date)
    return out / archive.name


def pure_parts(tree: Path) -> Path:
    """What all wheels have in common: the files in Python, and the metadata."""
    parts = WORK / "pure"
    run("setup.py", "--quiet", "build_py", "--build-lib", parts, cwd=tree)
    made = WORK / "metadata"
    made.mkdir()
    hook = f"from setuptools import build_meta; build_meta.prepare_metadata_for_build_wheel({str(made)!r})"
    run("-c", hook, cwd=tree)
    (metadata,) = made.glob("*.dist-info")
    metadata = shutil.move(metadata, parts / metadata.name)
    (metadata / "sboms").mkdir()
    shutil.copy(tree / "docs/sbom.cdx.json", metadata / "sboms/rhebok.cdx.json")
    return parts


def make_wheel(target: Target, compiler: Compiler, pure: Path, out: Path, date: int) -> Path:
    tree = WORK / target.tag
    shutil.copytree(pure, tree)
    compiler.modules(target, headers_of(target.python), tree)
    (metadata,) = tree.glob("*.dist-info")
    lines = ["Wheel-Version: 1.0", "Generator: rhebok/.ci/wheels", "Root-Is-Purelib: false"]
    interpreter, abi, platforms = target.tag.split("-")
    lines += [f"Tag: {interpreter}-{abi}-{platform}" for platform in platforms.split(".")]
    (metadata / "WHEEL").write_text("\n".join(lines) + "\n")
    wheel = out / f"{metadata.stem}-{target.tag}.whl"
    write_wheel(tree, wheel, date)
    return wheel


def build(out: Path, patterns: list[str], cache: Path) -> None:
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    out.mkdir(parents=True, exist_ok=True)
    date = commit_date()
    sdist = make_sdist(out, date)
    print(sdist.name, flush=True)
    targets = [target for pattern in patterns for target in matching(pattern)]
    tree = unpack_sdist(sdist, WORK / "tree")
    sources = Sources(tree, WORK)
    compiler, pure = Compiler(sources, cache), pure_parts(tree)
    for number, target in enumerate(targets, 1):
        begun = time.monotonic()
        wheel = make_wheel(target, compiler, pure, out, date)
        check(wheel, target)
        kib = wheel.stat().st_size // 1024
        print(
            f"{number}/{len(targets)} {wheel.name}: {kib} KiB, {time.monotonic() - begun:.0f} s", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python .ci/wheels", description="Builds the sdist and the wheels.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where to (dist)")
    parser.add_argument(
        "--only", action="append", metavar="PATTERN", help="tags to build, like 'cp314-*_aarch64'; repeatable"
    )
    parser.add_argument("--cache", type=Path, default=KEPT / "zig", help="for what zig keeps")
    options = parser.parse_args()
    try:
        build(options.out.resolve(), options.only or ["*"], options.cache.resolve())
    except NoHeadersError as error:
        sys.exit(f"wheels: {error}")


if __name__ == "__main__":
    main()
