"""strace on a running process, as a list of calls. Used by test_system_calls."""

import re
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
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
        return parse(self._output.read_text())

    def wait_for(self, enough: Callable[[list[Call]], bool]) -> list[Call]:
        return until(lambda: calls if enough(calls := self.calls()) else [], self._output.read_text)


class ThreadTraces:
    """What strace has written of each thread so far, by thread id."""

    def __init__(self, outputs: Path) -> None:
        self._outputs = outputs

    def calls(self) -> dict[int, list[Call]]:
        files = self._outputs.parent.glob(f"{self._outputs.name}.*")
        return {int(file.suffix[1:]): parse(file.read_text()) for file in files}

    def wait_for(self, enough: Callable[[dict[int, list[Call]]], bool]) -> dict[int, list[Call]]:
        return until(lambda: calls if enough(calls := self.calls()) else {}, self.calls)


def parse(text: str) -> list[Call]:
    """Calls that have returned."""
    found = (LINE.match(line) for line in text.splitlines())
    return [Call(line[1], line[2], int(line[3]), line[4].strip()) for line in found if line]


@contextmanager
def traced_threads(pids: Iterable[int], directory: Path) -> Iterator[ThreadTraces]:
    """Traces all threads of the processes, and those that they make, while the block runs."""
    outputs = directory / "strace-of"
    pids = list(pids)
    named = [word for pid in pids for word in ("-p", str(pid))]
    process = subprocess.Popen(
        ["strace", "-ff", "-o", str(outputs), "-s", "64", *named],
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    for _ in pids:
        message = process.stderr.readline()
        assert "attached" in message, message
    try:
        yield ThreadTraces(outputs)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_SECONDS)


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
