"""The blocks of a page of docs/: files, which begin with `# NAME`, and commands."""

import re
from dataclasses import dataclass
from pathlib import Path

from integration.server import ROOT

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
_NAME = re.compile(r"# (\S+)\n")


@dataclass(frozen=True)
class Block:
    language: str
    name: str | None  # of the file
    text: str


class Page:
    def __init__(self, name: str) -> None:
        self.text = (ROOT / "docs" / name).read_text("utf-8")
        self.blocks = [_block(language, text) for language, text in _BLOCK.findall(self.text)]

    @property
    def files(self) -> dict[str, str]:
        return {block.name: block.text for block in self.blocks if block.name}

    @property
    def commands(self) -> list[str]:
        """Lines of shell, without the scripts that are files."""
        shell = [block.text for block in self.blocks if block.language == "sh" and not block.name]
        return [line.partition("  #")[0].strip() for text in shell for line in text.splitlines()]

    def write(self, name: str, directory: Path, **replaced: str) -> Path:
        """The file below the directory, with each key, a path of a real machine, replaced by its value."""
        text = self.files[name]
        for old, new in replaced.items():
            text = text.replace(old, new)
        path = directory / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path


def _block(language: str, text: str) -> Block:
    found = _NAME.match(text)
    return Block(language, found[1] if found else None, text)
