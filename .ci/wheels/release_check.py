"""`make release-check`: what a release must be, beyond what its tests say.

Makes the sdist and all wheels, twice; the first are in dist. Each check returns what is wrong, as lines.
"""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import sbom
from targets import matching

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSION = PROJECT["version"]


def git(*words: str, cwd: Path = ROOT) -> list[str]:
    answer = subprocess.run(["git", *words], cwd=cwd, stdout=subprocess.PIPE, text=True, check=True)
    return answer.stdout.splitlines()


# ---- the sources ----


def tree_is_clean() -> list[str]:
    return [f"not committed: {line}" for line in git("status", "--porcelain")]


def tag_is_the_version() -> list[str]:
    """A commit without a tag is checked too: before it gets one."""
    here = git("tag", "--points-at", "HEAD")
    print(f"    version {VERSION}, tag of this commit: {', '.join(here) or 'none'}")
    if here and here != [f"v{VERSION}"]:
        return [f"the tag of this commit is {', '.join(here)}, but the version is {VERSION}"]
    if not here and git("tag", "--list", f"v{VERSION}"):
        return [f"v{VERSION} is the tag of another commit: {git('rev-list', '-n1', f'v{VERSION}')[0]}"]
    return []


def changelog_has_the_version() -> list[str]:
    heading = re.compile(rf"^## \[{re.escape(VERSION)}\] - \d{{4}}-\d\d-\d\d$", re.MULTILINE)
    if heading.search((ROOT / "CHANGELOG.md").read_text()):
        return []
    return [f"CHANGELOG.md has no heading `## [{VERSION}] - DATE`"]


def other_files_have_the_version() -> list[str]:
    places = [("rhebok/__init__.py", f'__version__ = "{VERSION}"')]
    places += [
        (str(path.relative_to(ROOT)), f"rhebok=={VERSION}")
        for path in (ROOT / "examples/docker").glob("Dockerfile*")
    ]
    return [f"{file} has no `{wanted}`" for file, wanted in places if wanted not in (ROOT / file).read_text()]


def wrong_addresses(urls: Mapping[str, str]) -> list[str]:
    """What is wrong with [project.urls], but for a placeholder."""
    source = urls["Source"]
    wrong = [
        f"{name} is not below {source}"
        for name, url in urls.items()
        if url != source and not url.startswith(f"{source}/")
    ]
    versions = [(url, re.findall(r"/v(\d[^/]*)", url.removeprefix(source))) for url in urls.values()]
    return wrong + [f"{url} is of another version" for url, found in versions if set(found) - {VERSION}]


def is_placeholder(url: str) -> bool:
    """RFC 2606: no host has a name under .invalid."""
    return (urlsplit(url).hostname or "").endswith(".invalid")


def addresses_agree() -> list[str]:
    """A placeholder is only in the way of a release, not of its preparation."""
    source = PROJECT["urls"]["Source"]
    wrong = wrong_addresses(PROJECT["urls"])
    if is_placeholder(source):
        todo = f"[project.urls] has the placeholder {source}: write the repository's address there"
        if git("tag", "--points-at", "HEAD"):
            wrong.append(todo)
        print(f"    {todo}")
    return wrong


def bill_of_materials_is_current() -> list[str]:
    return (
        [] if sbom.FILE.read_text() == sbom.text() else ["run .ci/wheels/sbom.py: docs/sbom.cdx.json is old"]
    )


def tools_are_those_pinned() -> list[str]:
    """Each has hashes, and this environment has just these versions."""
    text = (ROOT / ".ci/wheels/requirements.txt").read_text()
    wrong = []
    for name, version, rest in re.findall(r"^(\S+)==(\S+)(.*\n(?:    .*\n)*)", text, re.MULTILINE):
        if "--hash=sha256:" not in rest:
            wrong.append(f"{name} has no hash in requirements.txt")
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system
        if found != version:
            wrong.append(f"{name} {found} is installed, but {version} is pinned")
    return wrong


# ---- what is made ----


def build(root: Path, out: Path) -> None:
    """With a cache of its own, so that nothing is taken from the other build."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, str(root / ".ci/wheels"), "--out", str(out)]
    subprocess.run([*command, "--cache", str(root / "build/zig")], cwd=root, check=True)


def everything_is_built() -> list[str]:
    build(ROOT, DIST)
    wheels = [f"rhebok-{VERSION}-{target.tag}.whl" for target in matching("*")]
    wanted = {f"rhebok-{VERSION}.tar.gz", *wheels}
    made = {each.name for each in DIST.iterdir()}
    return [f"missing or too much: {name}" for name in sorted(wanted ^ made)]


def another_folder_gives_the_same_bytes() -> list[str]:
    clone = ROOT / "build/another-clone"
    shutil.rmtree(clone, ignore_errors=True)
    git("clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone))
    build(clone, clone / "dist")
    return [
        f"{each.name} differs when it is made in {clone}"
        for each in sorted(DIST.iterdir())
        if each.read_bytes() != (clone / "dist" / each.name).read_bytes()
    ]


def sdist_is_whole() -> list[str]:
    with tarfile.open(DIST / f"rhebok-{VERSION}.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    translated = {f"translated/{path.stem}.c" for path in (ROOT / "rhebok/native").glob("*.pyx")}
    wanted = {*git("ls-files"), *translated, "PKG-INFO"}
    wrong = [f"the sdist lacks {name}" for name in sorted(wanted - names)]
    check = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *sorted(map(str, DIST.iterdir()))],
        stdout=subprocess.PIPE,
        text=True,
    )
    return wrong + ([check.stdout] if check.returncode != 0 else [])


Check = Callable[[], list[str]]
OF_SOURCES: tuple[Check, ...] = (
    tree_is_clean,
    tag_is_the_version,
    changelog_has_the_version,
    other_files_have_the_version,
    addresses_agree,
    bill_of_materials_is_current,
    tools_are_those_pinned,
)
OF_WHAT_IS_MADE: tuple[Check, ...] = (
    everything_is_built,
    another_folder_gives_the_same_bytes,
    sdist_is_whole,
)


def faults_of(checks: Iterable[Check]) -> int:
    """How many they find. All of them are made, so that all faults are shown."""
    faults = 0
    for check in checks:
        print(f"== {check.__name__.replace('_', ' ')}", flush=True)
        found = check()
        faults += len(found)
        print("".join(f"    {line}\n" for line in found), end="", flush=True)
    return faults


def main() -> None:
    if faults := faults_of(OF_SOURCES) or faults_of(OF_WHAT_IS_MADE):
        sys.exit(f"release-check: {faults} faults")
    print(f"release-check: {VERSION} can be released from dist, when the tests that follow pass")


if __name__ == "__main__":
    main()
