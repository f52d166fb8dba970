"""Instructions per hello request: `python -m bench instructions`, by callgrind, in user space.

The server runs twice under valgrind, once for N requests and once for 2N. The difference divided by N
does not include the start, and is the same on every machine with the same binaries. So it shows a
regression of half a microsecond, which is below the noise of a time measurement. --check compares with
bench/instructions.json and fails beyond its tolerance (CI calls it); --update writes that file. On a busy
machine the work that the server does once a second adds to the figure. So a figure that is too high is
measured again: noise only adds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from bench.client import check_answer
from bench.commands import Launch
from bench.paths import INSTRUCTIONS
from bench.process import Address, ServerFailedError, answers, connect, free_port, running, tail
from bench.run import environment
from bench.servers import BY_NAME, CLOSING, missing
from bench.servers import Server as Row
from bench.workloads import BY_NAME as WORKLOADS

MODES = ("tcp-close", "tcp-keepalive")
WORKLOAD = WORKLOADS["hello"]
START_SECONDS = 120.0  # under valgrind
STOP_SECONDS = 60.0
TOLERANCE = 0.03
ATTEMPTS = 3


def parse_total(text: str) -> int:
    """The instructions that a callgrind file counts."""
    for line in text.splitlines():
        if line.startswith("totals:"):
            return int(line.split()[1])
    return 0


def difference(once: list[int], twice: list[int], requests: int) -> float | None:
    """Instructions per request when `once` was for N of them and `twice` for 2N, by process.

    None if one run had one process more: a worker that was replaced, or killed before it could write its
    file, as happens under valgrind on a busy machine. Its start would be counted as work.
    """
    if len(once) != len(twice):
        return None
    return (sum(twice) - sum(once)) / requests


def ask(address: Address, requests: int, close: bool) -> None:
    """Sends that many requests, one after the other, so that each run takes the same path."""
    if close:
        for _ in range(requests):
            with connect(address) as connection:
                check_answer(connection, WORKLOAD, close)
        return
    with connect(address) as connection:
        for _ in range(requests):
            check_answer(connection, WORKLOAD, close)


def count(row: Row, mode: str, requests: int) -> list[int]:
    """The instructions of each process of the tree, from start to end, with that many requests."""
    with tempfile.TemporaryDirectory(prefix="rhebok-bench-") as name:
        scratch, close = Path(name), mode in CLOSING
        address: Address = ("127.0.0.1", free_port())
        command = row.command(Launch(address, WORKLOAD, not close, scratch))
        output = f"--callgrind-out-file={name}/out.%p"
        command = ["valgrind", "--tool=callgrind", "--trace-children=yes", output, *command]
        environ = environment(scratch) | {"PYTHONHASHSEED": "0"}
        with running(command, address, scratch / "log", environ, START_SECONDS) as server:
            answers(address, START_SECONDS)
            ask(address, requests, close)
            if not server.ask_to_stop(STOP_SECONDS):
                raise ServerFailedError(f"it did not stop on SIGTERM:\n{tail(server.log)}")
        totals = [parse_total(path.read_text()) for path in scratch.glob("out.*")]
    if not sum(totals):
        raise ServerFailedError("callgrind counted nothing")
    return [total for total in totals if total]


def per_request(row: Row, mode: str, requests: int) -> float:
    """Instructions of one request."""
    for _ in range(ATTEMPTS):
        figure = difference(count(row, mode, requests), count(row, mode, 2 * requests), requests)
        if figure is not None:
            return figure
    raise ServerFailedError(f"{ATTEMPTS} times the two runs had different numbers of processes")


def interpreter() -> str:
    """The figures depend on the interpreter; each minor version has its own."""
    return f"cpython-{sys.version_info.major}.{sys.version_info.minor}"


def verdict(mode: str, figure: float, committed: float | None, tolerance: float) -> tuple[bool, str]:
    """Whether the figure passes, and a line of text about it."""
    if committed is None:
        return False, f"{mode}: {figure:.0f}, and nothing is committed for {interpreter()} (--update)"
    change = figure / committed - 1
    text = f"{mode}: {figure:.0f} instructions, committed {committed:.0f} ({change:+.1%} of {tolerance:.0%})"
    if change > tolerance:
        return False, f"{text}: REGRESSION"
    return True, f"{text}: better, commit it (--update)" if change < -tolerance else text


def load() -> dict[str, dict[str, float]]:
    """The committed figures by interpreter and mode."""
    if not INSTRUCTIONS.exists():
        return {}
    figures: dict[str, dict[str, float]] = json.loads(INSTRUCTIONS.read_text())
    return figures


def update(figures: dict[str, float]) -> None:
    """Writes the figures of this interpreter; those of other interpreters stay."""
    known = load()
    known[interpreter()] = {mode: round(figure) for mode, figure in figures.items()}
    INSTRUCTIONS.write_text(json.dumps(known, indent=2) + "\n")


def check(row: Row, modes: list[str], requests: int) -> int:
    """Compares with the committed figures. Returns 1 if a figure is beyond the tolerance or not committed."""
    committed = load().get(interpreter(), {})
    failed = 0
    for mode in modes:
        for _ in range(ATTEMPTS):
            passed, text = verdict(mode, per_request(row, mode, requests), committed.get(mode), TOLERANCE)
            print(text, flush=True)
            if passed or mode not in committed:
                break
        failed += not passed
    return 1 if failed else 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(prog="python -m bench instructions", description=__doc__)
    parser.add_argument("--server", default="rhebok", choices=list(BY_NAME))
    parser.add_argument("--requests", type=int, default=2000, help="N of the N and 2N")
    parser.add_argument("--check", action="store_true", help="compare with bench/instructions.json")
    parser.add_argument("--update", action="store_true", help="write bench/instructions.json")
    options = parser.parse_args(arguments)
    if (options.check or options.update) and options.server != "rhebok":
        parser.error("--check and --update are for rhebok, whose figures are committed")
    return options


def main(arguments: list[str]) -> int:
    """Measures; then prints, compares or writes."""
    options = parse(arguments)
    row = BY_NAME[options.server]
    if absent := missing(row):
        print(f"{row.name}: {absent}", file=sys.stderr)
        return 2
    modes = [mode for mode in MODES if mode in row.modes]
    try:
        if options.check:
            return check(row, modes, options.requests)
        figures = {mode: per_request(row, mode, options.requests) for mode in modes}
    except ServerFailedError as error:
        print(f"{row.name}: {error}", file=sys.stderr)
        return 2
    if options.update:
        update(figures)
    for mode, figure in figures.items():
        print(f"{row.name} {mode}: {figure:.0f} instructions per request")
    return 0
