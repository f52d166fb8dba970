"""The test's end of shim.c: arms the calls of a running server, and reads what became of it."""

import errno
import mmap
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path

HERE = Path(__file__).parent
CALLS = re.findall(r"CALL\((\w+)\)", (HERE / "calls.h").read_text())

MEMORY = ("malloc", "calloc", "realloc")

_HEAD = struct.Struct("2i")
_ORDER = struct.Struct("7i")  # of struct fault: what follows `armed`
_COUNTS = struct.Struct("2i")
_FAULT = struct.Struct("10i")
_FAULTS_AT = _HEAD.size + 4 * len(CALLS)
SIZE = _FAULTS_AT + _FAULT.size * len(CALLS)

ALWAYS = 1 << 30


class Kind(IntFlag):
    """enum kind of rows.h."""

    ANY = 0
    LISTENER = 1
    CONNECTION = 2
    DATAGRAM = 4
    TEMPORARY = 8
    PLAIN = 16
    PIPE = 32
    OTHER = 64


@dataclass(frozen=True)
class Fault:
    """A call, and what becomes of it."""

    call: str
    error: int = 0  # errno
    at_most: int = 0  # bytes that it moves
    kind: Kind = Kind.ANY
    ours: bool = False  # only where rhebok's C makes it
    times: int = 1

    def __str__(self) -> str:
        what = errno.errorcode[self.error] if self.error else f"{self.at_most}-byte"
        where = f"-{self.kind.name.lower()}" if self.kind and self.kind.name else ""
        return f"{self.call}{where}-{what}"


class Control:
    """The table, mapped."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(SIZE))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), SIZE)
        self.variables = {"RHEBOK_FAULTS": str(path)}

    def watch(self, pid: int) -> None:
        """Counts this process's calls from now on."""
        _HEAD.pack_into(self._memory, 0, pid, 0)

    def calls(self, name: str | None = None) -> int:
        """Calls of the watched process so far, those for memory apart."""
        counts = dict(zip(CALLS, struct.unpack_from(f"{len(CALLS)}i", self._memory, _HEAD.size), strict=True))
        return counts[name] if name else sum(counts[call] for call in CALLS if call not in MEMORY)

    def arm(self, fault: Fault, *, pid: int = 0, skip: int = 0) -> None:
        at = self._at(fault.call)
        self.disarm(fault)
        _COUNTS.pack_into(self._memory, at + 32, 0, 0)
        _ORDER.pack_into(
            self._memory, at + 4, pid, fault.error, fault.at_most, fault.kind, fault.ours, skip, fault.times
        )
        struct.pack_into("i", self._memory, at, 1)

    def disarm(self, fault: Fault) -> None:
        struct.pack_into("i", self._memory, self._at(fault.call), 0)

    @contextmanager
    def armed(self, fault: Fault, *, pid: int = 0, skip: int = 0) -> Iterator[None]:
        self.arm(fault, pid=pid, skip=skip)
        try:
            yield
        finally:
            self.disarm(fault)

    def matched(self, fault: Fault) -> int:
        """Calls that the fault meant since it was armed, those that it let through included."""
        return self._counts(fault)[0]

    def struck(self, fault: Fault) -> int:
        """Calls that it made fail."""
        return self._counts(fault)[1]

    def _counts(self, fault: Fault) -> tuple[int, int]:
        matched, struck = _COUNTS.unpack_from(self._memory, self._at(fault.call) + 32)
        return matched, struck

    @staticmethod
    def _at(call: str) -> int:
        return _FAULTS_AT + _FAULT.size * CALLS.index(call)
