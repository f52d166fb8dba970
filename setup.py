"""Builds csrc as a static library and the Cython modules against it; all metadata stands in pyproject.toml.

RHEBOK_DEBUG=1 in the environment makes a debug build: assertions on, and live objects counted
(rhebok.native.worker.live_objects).
"""

import os
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("RHEBOK_DEBUG") == "1"

CFLAGS = ["-std=gnu11", "-O3", "-fvisibility=hidden", "-fPIC", "-Wall", "-Wextra", "-Wno-unused-parameter"]
MACROS: list[tuple[str, str | None]] = [("RHB_COUNT_LIVE", None)] if DEBUG else [("NDEBUG", None)]

CSRC = sorted(glob("csrc/*.c") + glob("csrc/picohttpparser/*.c"))
HEADERS = sorted(glob("csrc/*.h") + glob("csrc/picohttpparser/*.h"))
MODULES = sorted(glob("rhebok/native/*.pyx"))

setup(
    libraries=[
        (
            "rhebok_csrc",
            {
                "sources": CSRC,
                "include_dirs": ["csrc"],
                "macros": MACROS,
                "cflags": CFLAGS,
                "obj_deps": {"": HEADERS},
            },
        )
    ],
    ext_modules=cythonize(
        [
            Extension(
                path.removesuffix(".pyx").replace("/", "."),
                [path],
                include_dirs=["csrc", "rhebok/native"],
                define_macros=MACROS,
                depends=HEADERS + CSRC,
                extra_compile_args=[*CFLAGS, "-Wno-sign-compare"],
            )
            for path in MODULES
        ],
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "initializedcheck": False,
            "cdivision": True,
        },
    ),
)
