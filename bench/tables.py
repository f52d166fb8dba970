"""A run as text: tables in Markdown for the terminal, for README files and for results/.

Pure: it takes cells and returns lines. Called by bench/run.py and `python -m bench table RESULT.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bench.cells import FAILED, MISSING, NONE, OK, Cell, Key, Summary, key, ratios, summaries

TITLES = {
    "tcp-close": "TCP close",
    "tcp-keepalive": "TCP kept alive",
    "unix-close": "unix close",
    "unix-keepalive": "unix kept alive",
}
BASE = "floor"
SUBJECT = "rhebok"
BARE = "bare"

Show = Callable[[Summary], str]


def unique(values: Iterable[str]) -> list[str]:
    """Each once, in order of appearance."""
    return list(dict.fromkeys(values))


def cell_text(summary: Summary | None, show: Show) -> str:
    """One field of a table."""
    if summary is None or summary.status == NONE:
        return "-"
    return show(summary) if summary.status == OK else summary.status.upper()


def table(found: Sequence[Summary], corner: str, show: Show) -> list[str]:
    """A table: a row for each server, a column for each mode."""
    by_key = {key(summary): summary for summary in found}
    modes = unique(summary.mode for summary in found)
    workload = found[0].workload
    titles = " | ".join(TITLES[mode] for mode in modes)
    lines = [f"| {corner} | {titles} |", "|---|" + "--:|" * len(modes)]
    for server in unique(summary.server for summary in found):
        fields = [cell_text(by_key.get((server, workload, mode)), show) for mode in modes]
        lines.append(f"| {server} | " + " | ".join(fields) + " |")
    return lines


def cpu_text(to_base: dict[Key, float]) -> Show:
    """Microseconds of CPU with user and system, the range, and the ratio to the floor."""

    def show(summary: Summary) -> str:
        cpu = summary.cpu
        ratio = to_base.get(key(summary))
        times = f" **{ratio:.2f}x**" if ratio is not None else ""
        halves = f"({summary.user.median:.1f}+{summary.system.median:.1f})"
        return f"{cpu.median:.1f} {halves} [{cpu.least:.1f}-{cpu.most:.1f}]{times}"

    return show


def speed_text(summary: Summary) -> str:
    """Requests per second and the latencies."""
    return f"{summary.per_second.median:,.0f}/s, {summary.p50.median:.0f} / {summary.p99.median:.0f} µs"


def ratio_text(ratio: dict[Key, float]) -> Show:
    """The server's CPU as a multiple of the subject's."""
    return lambda summary: f"{ratio[key(summary)]:.2f}x" if key(summary) in ratio else "-"


def share_text(to_server: dict[Key, float]) -> Show:
    """The share of a server's total that is not the application."""

    def show(summary: Summary) -> str:
        times_bare = to_server.get(key(summary))
        return f"{100 * (1 - 1 / times_bare):.1f} %" if times_bare else "-"

    return show


def workload_tables(cells: Sequence[Cell], found: Sequence[Summary]) -> list[str]:
    """Everything about one workload."""
    served = [summary for summary in found if summary.server != BARE]
    floor = [summary for summary in found if summary.server == BASE]
    lines = [f"### {found[0].workload}", ""]
    title = "Server CPU, µs per request: median (user+system) [range], ratio to the floor."
    lines += titled(title, found, cpu_text(ratios(cells, BASE)))
    lines += titled("Requests per second, latency p50 / p99.", served, speed_text)
    if against := ratios(cells, SUBJECT):
        lines += titled(f"Server CPU as a multiple of {SUBJECT}'s.", served, ratio_text(against))
    over_bare = ratios(cells, BARE)
    if over_bare and all(summary.status in (NONE, MISSING) for summary in floor):
        lines += titled("The server's own share of the total.", served, share_text(over_bare))
    return lines


def titled(title: str, found: Sequence[Summary], show: Show) -> list[str]:
    """A table under a line of text; no lines when there is nothing to show."""
    return [title, "", *table(found, "server", show), ""] if found else []


def complaints(found: Sequence[Summary]) -> list[str]:
    """The missing servers and the failed cells, each once, with the reason."""
    missing = unique(f"- {s.server}: MISSING: {s.reason}" for s in found if s.status == MISSING)
    spoilt = [s for s in found if s.status == FAILED]
    failed = [f"- {s.server}, {s.workload}, {s.mode}: FAILED: {s.reason}" for s in spoilt]
    return ["### Missing and failed", "", *missing, *failed, ""] if missing or failed else []


def render(cells: Sequence[Cell], head: Sequence[str] = ()) -> str:
    """The whole report."""
    found = summaries(cells)
    lines = [*head, *([""] if head else [])]
    for workload in unique(summary.workload for summary in found):
        lines += workload_tables(
            [cell for cell in cells if cell.workload == workload],
            [summary for summary in found if summary.workload == workload],
        )
    return "\n".join([*lines, *complaints(found)])
