"""strace on a running process, as a list of calls. Used by test_system_calls."""

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integration.waiting import DEADLINE_SECONDS, until

LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)(.*)$")
FIRST_ARGUMENT = re.compile(r"-?\d+")


@dataclass(frozen=True)
class Call:
    name: str
    arguments: str
    result: int
    rest: str  # the name of the error, when there is one

    @property
    def fd(self) -> int:
        """The first argument of the calls that begin with a descriptor."""
        found = FIRST_ARGUMENT.match(self.arguments)
        return int(found.group()) if found else -1


class Trace:
    """What strace has written so far: it lags behind what a client sees."""

    def __init__(self, output: Path) -> None:
        self._output = output

    def calls(self) -> list[Call]:
        found = (LINE.match(line) for line in self._output.read_text().splitlines())
        return [Call(line[1], line[2], int(line[3]), line[4].strip()) for line in found if line]

    def wait_for(self, enough: Callable[[list[Call]], bool]) -> list[Call]:
        return until(lambda: calls if enough(calls := self.calls()) else [], self._output.read_text)


@contextmanager
def traced(pid: int, directory: Path) -> Iterator[Trace]:
    """Traces while the block runs."""
    output = directory / f"strace.{pid}"
    process = subprocess.Popen(
        ["strace", "-o", str(output), "-s", "64", "-p", str(pid)],
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    message = process.stderr.readline()
    assert "attached" in message, message
    try:
        yield Trace(output)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_SECONDS)
