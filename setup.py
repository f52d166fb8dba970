"""Builds the Cython modules, each with the whole of csrc; all other metadata stands in pyproject.toml.

RHEBOK_DEBUG=1 in the environment makes a debug build: assertions on, and live objects counted
(rhebok.native.live).
"""

import os
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("RHEBOK_DEBUG") == "1"

CFLAGS = ["-std=gnu11", "-O3", "-fvisibility=hidden", "-fno-plt", "-Wall", "-Wextra", "-Wno-unused-parameter"]
if DEBUG:
    CFLAGS += ["-UNDEBUG", "-DRHB_COUNT_LIVE", "-g"]

C_SOURCES = sorted(glob("csrc/*.c") + glob("csrc/picohttpparser/*.c"))
C_HEADERS = sorted(glob("csrc/*.h") + glob("csrc/picohttpparser/*.h"))


def extension(path: str) -> Extension:
    """The extension of one .pyx file."""
    name = path.removesuffix(".pyx").replace("/", ".")
    # Only the module that runs the loop calls into csrc; the others need its declarations at most.
    sources = [path, *C_SOURCES] if name == "rhebok.native.worker" else [path]
    return Extension(
        name,
        sources,
        include_dirs=["csrc"],
        depends=C_HEADERS,
        extra_compile_args=CFLAGS,
    )


setup(
    ext_modules=cythonize(
        [extension(path) for path in sorted(glob("rhebok/native/*.pyx"))],
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "initializedcheck": False,
            "embedsignature": True,
        },
    ),
)
