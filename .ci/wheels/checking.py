"""What every wheel must be: small, portable by auditwheel's judgement, and one that an index takes."""

import re
import subprocess
import sys
from pathlib import Path

from targets import Target

MOST_BYTES = 1_500_000


def check(wheel: Path, target: Target) -> None:
    """Ends the program with the reason when it is not."""
    size = wheel.stat().st_size
    if size > MOST_BYTES:
        raise SystemExit(f"{wheel.name}: {size} bytes, which is more than {MOST_BYTES}")
    shown = _say("auditwheel", "show", wheel)
    found = re.findall(r'consistent with\s+the\s+following\s+platform\s+tag:\s+"(\w+)"', shown)
    if found != [target.platform.audited]:
        raise SystemExit(f"{wheel.name}: auditwheel finds {found}, not {target.platform.audited}\n{shown}")
    _say("twine", "check", "--strict", wheel)


def _say(module: str, *words: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise SystemExit(f"{module} {' '.join(map(str, words))}:\n{done.stdout}")
    return done.stdout
