"""What wheels are made for: one for each row of PYTHONS on each row of PLATFORMS."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch


@dataclass(frozen=True)
class Python:
    """A CPython. Builds without the GIL share the headers of those that have it; their ABI is another."""

    version: str
    suite: str | None  # of Debian, which has its headers; None: only an interpreter on this machine has them
    without_gil: bool = False

    @property
    def tag(self) -> str:
        return "cp" + self.version.replace(".", "")

    @property
    def abi(self) -> str:
        return self.tag + ("t" if self.without_gil else "")

    @property
    def macros(self) -> list[str]:
        return ["-DPy_GIL_DISABLED=1"] if self.without_gil else []


@dataclass(frozen=True)
class Platform:
    """A kernel, processor and C library."""

    zig: str  # -target
    tag: str  # of the file name; the oldest name that a pip may know comes first
    triplet: str  # in the name of a module

    @property
    def audited(self) -> str:
        """The tag that auditwheel finds."""
        return self.tag.rpartition(".")[2]


@dataclass(frozen=True)
class Target:
    python: Python
    platform: Platform

    @property
    def tag(self) -> str:
        return f"{self.python.tag}-{self.python.abi}-{self.platform.tag}"

    @property
    def module_suffix(self) -> str:
        return f".cpython-{self.python.abi.removeprefix('cp')}-{self.platform.triplet}.so"


PYTHONS = (
    Python("3.11", "bookworm"),
    Python("3.12", None),
    Python("3.13", "trixie"),
    Python("3.14", "sid"),
    Python("3.14", "sid", without_gil=True),
    Python("3.15", "sid"),
    Python("3.15", "sid", without_gil=True),
)

# Of each processor the baseline. Every Alpine that has one of these CPythons has musl 1.2.
PLATFORMS = (
    Platform("x86_64-linux-gnu.2.17", "manylinux2014_x86_64.manylinux_2_17_x86_64", "x86_64-linux-gnu"),
    Platform("aarch64-linux-gnu.2.17", "manylinux2014_aarch64.manylinux_2_17_aarch64", "aarch64-linux-gnu"),
    Platform("x86_64-linux-musl", "musllinux_1_2_x86_64", "x86_64-linux-musl"),
    Platform("aarch64-linux-musl", "musllinux_1_2_aarch64", "aarch64-linux-musl"),
)


def matching(pattern: str) -> Iterator[Target]:
    """The targets whose tag fits the pattern: "*", "cp314-cp314t-*", "*musllinux*aarch64"."""
    for platform in PLATFORMS:
        for python in PYTHONS:
            target = Target(python, platform)
            if fnmatch(target.tag, pattern):
                yield target
