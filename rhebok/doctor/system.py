"""What the doctor reads of the machine: files below /proc and /sys, and facts about this process. Tests hand
in another root with files of their own.
"""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class System:
    """Reads never raise: what is not there is None."""

    root: Path = Path("/")
    euid: int = field(default_factory=os.geteuid)
    executable: str = sys.executable
    directory: str = field(default_factory=os.getcwd)  # where the command was started

    def text(self, path: str) -> str | None:
        """The content of a file, without white space around it. path: absolute."""
        try:
            return (self.root / path.lstrip("/")).read_text("utf-8", "replace").strip()
        except OSError:
            return None

    def number(self, path: str) -> int | None:
        """A file that holds a whole number."""
        text = self.text(path)
        return int(text) if text is not None and text.lstrip("-").isdigit() else None

    def numbers(self, path: str) -> tuple[int, ...]:
        """A file that holds several."""
        words = (self.text(path) or "").split()
        return tuple(map(int, words)) if all(word.isdigit() for word in words) else ()

    def table(self, path: str) -> dict[str, str]:
        """Lines of `name value` or `name: value`."""
        lines = (self.text(path) or "").splitlines()
        parts = (line.replace(":", " ", 1).split(None, 1) for line in lines)
        return {part[0]: part[1] for part in parts if len(part) == 2}

    def limit(self, name: str, pid: int | str = "self") -> float | None:
        """The soft limit of a process, as /proc/PID/limits calls it; infinity when there is none."""
        for line in (self.text(f"/proc/{pid}/limits") or "").splitlines():
            if line.startswith(f"{name} "):
                word = line[len(name) :].split()[0]
                return float("inf") if word == "unlimited" else float(word)
        return None
