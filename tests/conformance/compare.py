"""Runs the cases against several servers and prints a Markdown table, for docs/HTTP.md:

    python tests/conformance/compare.py [--server NAME ...] [--failures]

A server passes a case when it does so over both transports and in all modes; otherwise the worst kind counts.
gunicorn has no limit for bodies, so it cannot pass all of body_size. What OWN holds is left out."""

from __future__ import annotations

import argparse
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import cases
import servers
import wire
from verdict import Kind, kind, problems

PATIENCE_SECONDS = 2.0
CONNECTIONS = 32

KINDS = list(Kind)

# About what an environ is made of where the standards leave it to the server, and what only this server has.
OWN = {"forwarded", "static_paths", "static_reading"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the conformance cases against several servers.")
    parser.add_argument("--server", action="append", choices=sorted(servers.SERVERS))
    parser.add_argument("--failures", action="store_true", help="list each failed case below the tables")
    options = parser.parse_args()
    names = options.server or list(servers.SERVERS)
    loaded = [case for case in cases.load() if case.file not in OWN]
    results = {name: measure(servers.SERVERS[name], loaded) for name in names}
    titles = {name: f"{name} {servers.SERVERS[name].version()}" for name in names}
    print(kinds_table(titles, results))
    print(files_table(titles, results, loaded))
    if options.failures:
        print(failures(titles, results))


Result = dict[str, tuple[Kind, str]]  # by the id of the case: the worst kind, and the first problem


def measure(server: servers.Server, loaded: list[cases.Case]) -> Result:
    result: Result = {}
    for transport in servers.TRANSPORTS:
        with servers.running(server, transport) as address, ThreadPoolExecutor(CONNECTIONS) as pool:
            for case, found in zip(loaded, pool.map(lambda case: _worst(case, address), loaded), strict=True):
                before = result.get(case.id, (Kind.PASS, ""))
                result[case.id] = max(before, found, key=lambda one: KINDS.index(one[0]))
    return result


def _worst(case: cases.Case, address: str) -> tuple[Kind, str]:
    found = []
    for mode in wire.MODES:
        try:
            exchange = wire.run(case, address, mode, PATIENCE_SECONDS)
        except OSError as error:
            exchange = wire.Exchange(mode, 0, torn=str(error))
        first = next(iter(problems(case, exchange)), "")
        found.append((kind(case, exchange), f"{mode}: {first}" if first else ""))
    return max(found, key=lambda one: KINDS.index(one[0]))


def kinds_table(titles: dict[str, str], results: dict[str, Result]) -> str:
    counts = {name: Counter(kind for kind, _ in result.values()) for name, result in results.items()}
    rows = [[kind.value, *(str(counts[name][kind]) for name in results)] for kind in KINDS]
    total = ["all", *(str(len(result)) for result in results.values())]
    return _table(["what came of a case", *titles.values()], [*rows, total])


def files_table(titles: dict[str, str], results: dict[str, Result], loaded: list[cases.Case]) -> str:
    rows = []
    for file in dict.fromkeys(case.file for case in loaded):
        ids = [case.id for case in loaded if case.file == file]
        passed = [sum(result[id][0] is Kind.PASS for id in ids) for result in results.values()]
        rows.append([file, str(len(ids)), *map(str, passed)])
    return _table(["passed, by file", "cases", *titles.values()], rows)


def failures(titles: dict[str, str], results: dict[str, Result]) -> str:
    rows = [
        [titles[name], id, kind.value, problem]
        for name, result in results.items()
        for id, (kind, problem) in result.items()
        if kind is not Kind.PASS
    ]
    return _table(["server", "case", "kind", "first problem"], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    align = ["---", *("--:" if row.isdigit() else "---" for row in (rows[0][1:] if rows else []))]
    lines = [head, align, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    main()
