"""The command line: `python -m bench` measures; COMMANDS has the other commands.

Everything else is in the modules imported here; bench/README.md explains the figures.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bench import (
    crowd,
    install,
    instructions,
    machine,
    memory,
    plot,
    run,
    tables,
    threads,
    turns,
    uploads,
    workloads,
    wrk,
)
from bench.cells import from_json
from bench.one_queue import command as one_queue
from bench.one_queue import outcomes, picture
from bench.one_queue import tables as queue_tables
from bench.process import exit_on_signals
from bench.servers import BY_NAME, MODES


def chosen_from(known: Iterable[str]) -> Callable[[str], str]:
    """An argparse type: a comma list of known names, or `all`."""
    names = list(known)

    def check(text: str) -> str:
        unknown = [name for name in text.split(",") if name not in names]
        if text != "all" and unknown:
            known_names = ", ".join(names)
            raise argparse.ArgumentTypeError(f"no such name: {', '.join(unknown)}; there are {known_names}")
        return text

    return check


def build_parser() -> argparse.ArgumentParser:
    """The flags of a run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=run.__doc__)
    add = parser.add_argument
    loads = workloads.BY_NAME
    add("--servers", type=chosen_from(BY_NAME), default="all", help="comma list: " + ", ".join(BY_NAME))
    add("--workloads", type=chosen_from(loads), default="hello", help=", ".join(loads))
    add("--modes", type=chosen_from(MODES), default="all", help=", ".join(MODES))
    add("--also", action="append", default=[], metavar="NAME=EXECUTABLE", help="another build of rhebok")
    add("--rounds", type=int, default=3)
    add("--duration", type=int, default=4, help="seconds of wrk a round (whole ones)")
    add("--connections", type=int, default=32)
    add("--server-cpu", type=int, default=0)
    add("--client-cpu", type=int, default=1)
    add("--out", default="", help="write results/OUT.json, or this path when it ends in .json")
    return parser


def pick(text: str, known: Sequence[str]) -> list[str]:
    """The names of a comma list."""
    return list(known) if text == "all" else text.split(",")


def measure(arguments: Sequence[str]) -> int:
    """Measures: the default command."""
    values = build_parser().parse_args(arguments)
    plan = run.Plan(
        servers=run.rows(values.servers, values.also),
        workloads=[workloads.BY_NAME[name] for name in pick(values.workloads, list(workloads.BY_NAME))],
        modes=pick(values.modes, MODES),
        rounds=values.rounds,
        load=wrk.Load(values.duration, values.connections, values.client_cpu),
        server_cpu=values.server_cpu,
    )
    return run.execute(plan, values)


def show_table(arguments: Sequence[str]) -> int:
    """Prints the tables of a result file."""
    result = json.loads(Path(arguments[0]).read_text())
    if "queue" in result:
        print(queue_tables.render(outcomes.from_json(result), machine.heading(result)))
        return 0
    print(tables.render(from_json(result["cells"]), machine.heading(result)))
    return 0


def draw(arguments: Sequence[str]) -> int:
    """Draws the pictures of result files, of whichever kind each is."""
    return plot.main(arguments, {"queue": picture.plot_result})


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "run": measure,
    "install": install.main,
    "memory": memory.main,
    "crowd": crowd.main,
    "uploads": uploads.main,
    "threads": threads.main,
    "turns": turns.main,
    "instructions": instructions.main,
    "plot": draw,
    "queue": one_queue.main,
    "table": show_table,
}


def main(arguments: list[str]) -> int:
    """The first word is a command; without a command it measures."""
    exit_on_signals()
    if arguments and arguments[0] in COMMANDS:
        return COMMANDS[arguments[0]](arguments[1:])
    return measure(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
