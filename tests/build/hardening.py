"""What protects a compiled module, as readelf shows it. Used by test_hardening.py and test_wheels.py."""

import re
import subprocess
from pathlib import Path


def readelf(module: Path, *options: str) -> str:
    command = ["readelf", "--wide", *options, str(module)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def has_full_relro(module: Path) -> bool:
    """Addresses of functions cannot be overwritten."""
    headers = readelf(module, "--program-headers")
    return "GNU_RELRO" in headers and bool(re.search(r"FLAGS.*\bNOW\b", readelf(module, "--dynamic")))


def has_plain_stack(module: Path) -> bool:
    """The stack is not executable."""
    return bool(re.search(r"GNU_STACK.*\bRW\s", readelf(module, "--program-headers")))


def guards_its_stack(module: Path) -> bool:
    """A module without text in its frames does not."""
    return "__stack_chk_fail" in readelf(module, "--dyn-syms")


def has_debug_information(module: Path) -> bool:
    return ".debug_" in readelf(module, "--section-headers")


def has_symbols(module: Path) -> bool:
    """Besides those that the loader needs."""
    return ".symtab" in readelf(module, "--section-headers")
