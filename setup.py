"""Builds csrc as a static library and the Cython modules against it; all metadata stands in pyproject.toml.

An sdist has what Cython writes of its modules, in `translated`: a build from it takes half of the time, and
no Cython (build_backend.py).

Two variables of the environment change the build:

RHEBOK_DEBUG=1   assertions, debug information, and live objects counted (rhebok.native.worker.live_objects)
RHEBOK_WERROR=1  warnings of the C compiler and of Cython are errors: for CI, not for any compiler a user has
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from glob import glob
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from setuptools import Extension, setup
from setuptools.command.sdist import sdist

import build_backend

DEBUG = os.environ.get("RHEBOK_DEBUG") == "1"
WARNINGS_ARE_ERRORS = os.environ.get("RHEBOK_WERROR") == "1"

CFLAGS = ["-std=gnu11", "-O3", "-fvisibility=hidden", "-ffunction-sections", "-fPIC", "-Wall", "-Wextra"]
if WARNINGS_ARE_ERRORS:
    CFLAGS += ["-Werror"]
if DEBUG:
    CFLAGS += ["-g", "-UNDEBUG"]  # the interpreter's own flags, which come first, define it
# Behind the interpreter's own flags, which may have -g, and _FORTIFY_SOURCE of another level.
# Not -strong: that also guards functions of the hot path that have no text in their frames.
HARDENED = ["-fstack-protector", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"]
CFLAGS += HARDENED if DEBUG else [*HARDENED, "-g0"]
# Full RELRO; and no debug information of the compiler's own start-up files and libraries.
LDFLAGS = ["-Wl,-z,relro,-z,now", "-Wl,--gc-sections", *([] if DEBUG else ["-Wl,--strip-debug"])]


def compiler() -> list[str]:
    """The command of the C compiler."""
    return (os.environ.get("CC") or sysconfig.get_config_var("CC") or "gcc").split()


def without_rep() -> list[str]:
    """An option of gcc for x86; [] where the compiler has it not.

    gcc would clear structures by `rep stos`, which takes some 30 cycles to start, and a request has a dozen
    of them. clang does not.
    """
    options = ["-mmemset-strategy=vector_loop:512:noalign,libcall:-1:noalign"]
    trial = [compiler()[0], "-Werror", *options, "-fsyntax-only", "-xc", os.devnull]
    if shutil.which(trial[0]) is None:
        return []
    return [] if subprocess.run(trial, capture_output=True).returncode else options


# Commands that compile, as pip calls them or a person does.
COMPILING = {"bdist_wheel", "build", "build_clib", "build_ext", "develop", "editable_wheel", "install"}

if COMPILING.intersection(sys.argv):
    CFLAGS += without_rep()
# What Cython writes does not live up to all of -Wextra: it leaves out a slot of CPython 3.15, and gcc 13 and
# later see calls that no program makes. And it has no loop that vectors make faster.
_NOT_OF_CYTHON = (
    "unknown-warning-option",
    "unused-parameter",
    "sign-compare",
    "missing-field-initializers",
    "maybe-uninitialized",
)
CYTHON_CFLAGS = [*CFLAGS, "-fno-tree-vectorize", *(f"-Wno-{name}" for name in _NOT_OF_CYTHON)]

# Modules that no request runs through, or few: at the start, at the end, in a fault. They are not worth the
# time that -O3 takes.
OFF_THE_PATH = frozenset(
    f"rhebok/native/{name}.pyx"
    for name in (
        "access_log",
        "allowed_peers",
        "at_fork",
        "cache_setup",
        "channel_setup",
        "early_hints",
        "environ_template",
        "error_log",
        "first_steps",
        "loop_setup",
        "misuse",
        "named_files",
        "observed_result",
        "orphan",
        "preparation",
        "shared_words",
        "static_files",
        "thread_stacks",
        "upgrade",
        "worker",
    )
)

MACROS: list[tuple[str, str | None]] = [("RHB_COUNT_LIVE", None)] if DEBUG else [("NDEBUG", None)]

# A build without the GIL (PEP 703): csrc needs locks there (csrc/base/lock.h).
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    MACROS += [("RHB_FREE_THREADED", None)]

CSRC = sorted(glob("csrc/*/*.c"))
HEADERS = sorted(glob("csrc/*/*.h"))
MODULES = build_backend.MODULES
DECLARATIONS = build_backend.DECLARATIONS

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
    "freethreading_compatible": True,
    "auto_pickle": False,  # nobody pickles them, and its functions take an eighth of the time of compiling
}

OF_CYTHON: dict[str, Any] = {"cython_c_in_temp": True, "cython_directives": DIRECTIVES}
HAS_CYTHON = find_spec("Cython") is not None


def library() -> tuple[str, dict[str, Any]]:
    """All of csrc, as build_clib wants it."""
    return "rhebok_csrc", {
        "sources": CSRC,
        "include_dirs": ["csrc"],
        "macros": MACROS,
        "cflags": CFLAGS,
        "obj_deps": {"": HEADERS},
    }


def module_name(path: str) -> str:
    return path.removesuffix(".pyx").replace("/", ".")


def extension(path: str) -> Extension:
    """One Cython module. Cython's build_ext, if that is there, translates what is not translated."""
    return Extension(
        module_name(path),
        [build_backend.translation(path) or path],
        include_dirs=["csrc", "rhebok/native"],
        define_macros=MACROS,
        depends=[*HEADERS, *CSRC, *DECLARATIONS],
        extra_compile_args=[*CYTHON_CFLAGS, "-O1"] if path in OFF_THE_PATH else CYTHON_CFLAGS,
        extra_link_args=LDFLAGS,
    )


# A link of README.md to another file, and whether it is a picture.
RELATIVE_LINK = re.compile(r"(?P<picture>!?)(?P<text>\[[^]]*\])\((?!https?:|#)(?P<path>[^)]+)\)")


def long_description() -> str:
    """README.md, whose links lead to this version in the repository: where it is shown, the files are not."""
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]

    def absolute(link: re.Match[str]) -> str:
        form = "raw" if link["picture"] else "blob"
        return "{picture}{text}({}/{}/v{}/{path})".format(
            project["urls"]["Source"], form, project["version"], **link.groupdict()
        )

    return RELATIVE_LINK.sub(absolute, Path("README.md").read_text())


def missing() -> str:
    """What the machine lacks for compiling, and what to do; "" when it lacks nothing."""
    command = compiler()[0]
    if shutil.which(command) is None:
        return f"there is no C compiler ({command}): install gcc and libc6-dev, or set CC to another one"
    header = os.path.join(sysconfig.get_path("include"), "Python.h")
    if not os.path.exists(header):
        return f"Python's headers are missing ({header}): install python3-dev"
    if not HAS_CYTHON and not all(map(build_backend.translation, MODULES)):
        return f"there is no Cython: pip install {build_backend.CYTHON!r}"
    return ""


# First of all, so that it is the first line of what pip prints rather than the last of a hundred.
if COMPILING.intersection(sys.argv) and (lacking := missing()):
    sys.exit(f"rhebok cannot be built: {lacking}")


def prepare_cython() -> None:
    """The compiler runs on all processors (`parallel`), from threads; Cython in one of them at a time."""
    from Cython.Build import Dependencies
    from Cython.Compiler import Options

    Options.warning_errors = WARNINGS_ARE_ERRORS
    translating = Lock()
    cythonize: Any = Dependencies.cythonize

    def cythonize_alone(*extensions: Extension, **options: Any) -> Any:
        with translating:
            return cythonize(*extensions, **options)

    Dependencies.cythonize = cythonize_alone


class Sdist(sdist):  # type: ignore[misc] # setuptools has no types
    """An sdist with the translations of its modules."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        from Cython.Build import Dependencies

        cythonize: Any = Dependencies.cythonize
        modules = [Extension(module_name(path), [path]) for path in MODULES]
        with TemporaryDirectory() as directory:
            cythonize(modules, compiler_directives=DIRECTIVES, build_dir=directory, force=True, quiet=True)
            for path in MODULES:
                target = Path(base_dir, build_backend.place_of_translation(path))
                target.parent.mkdir(exist_ok=True)
                shutil.copy(Path(directory, path).with_suffix(".c"), target)


if HAS_CYTHON:
    prepare_cython()

setup(
    long_description=long_description(),
    long_description_content_type="text/markdown",
    libraries=[library()],
    ext_modules=[extension(path) for path in MODULES],
    cmdclass={"sdist": Sdist},
    options={
        # Objects of the two kinds of build do not mix.
        "build": {"build_base": "build/debug" if DEBUG else "build/release"},
        "build_ext": {"parallel": os.cpu_count(), **(OF_CYTHON if HAS_CYTHON else {})},
    },
)
