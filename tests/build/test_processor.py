"""zig's compiler-rt does not know the processor; .ci/wheels/cpu_model.c tells the parser of wheels."""

import subprocess
from pathlib import Path

import pytest
from installed_server import ROOT, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PROGRAM = """
#include "picohttpparser/variants.h"
#include <stdio.h>
int main(void) { return puts(phr_best_variant()->name) < 0; }
"""


def best_variant(compiler: list[str | Path], directory: Path, *more: Path) -> str:
    source, program = directory / "variant.c", directory / "variant"
    source.write_text(PROGRAM)
    parser = sorted((ROOT / "csrc/picohttpparser").glob("*.c"))
    options = ["-std=gnu11", "-O2", f"-I{ROOT / 'csrc'}", "-o", program]
    run(*compiler, *options, source, *parser, *more, cwd=directory)
    return subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True).stdout


def test_wheels_use_the_variant_of_the_parser_that_a_build_from_source_uses(tmp_path: Path) -> None:
    run("make", "-C", ROOT, "build/wheels-venv/.made", cwd=ROOT)
    zig = [ROOT / "build/wheels-venv/bin/python", "-m", "ziglang", "cc", "-target", "x86_64-linux-musl"]
    assert best_variant(zig, tmp_path, ROOT / ".ci/wheels/cpu_model.c") == best_variant(["gcc"], tmp_path)
