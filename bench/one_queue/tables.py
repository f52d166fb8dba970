"""A run of `python -m bench queue` as tables in Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.cells import FAILED, MISSING, OK, range_of
from bench.one_queue.arrivals import FAST_MS, SLOW_MS
from bench.one_queue.outcomes import (
    IDEAL,
    PLUS_MS,
    TIMES_IDEAL,
    Balance,
    Joiners,
    Latency,
    Outcomes,
    fault,
    grouped,
    median_of,
    medians,
    times_the_limit,
)
from bench.one_queue.percentiles import SHOWN
from bench.tables import unique

Rounds = Sequence[Latency]
LIMITED = (99.0, 99.9)  # the percentiles that are compared with the limit


def header(titles: Iterable[str]) -> list[str]:
    """The head of a table whose first column is the site."""
    names = list(titles)
    return [f"| | {' | '.join(names)} |", "|---|" + "--:|" * len(names)]


def row(name: str, fields: Iterable[str]) -> str:
    """One line of a table."""
    return f"| {name} | {' | '.join(fields)} |"


# ---- latency ----


def milliseconds(value: float) -> str:
    """Three digits, as far as they say something."""
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.1f}"


def latency_line(rounds: Rounds, ideals: Rounds) -> str:
    """The medians of one site."""
    name = rounds[0].site
    if bad := fault(rounds):
        return row(name, [bad.status.upper(), *["-"] * (2 * len(SHOWN) + len(LIMITED) - 1)])
    fast, every = medians(one.fast for one in rounds), medians(one.every for one in rounds)
    limits = ["-"] * len(LIMITED)
    if name != IDEAL and ideals:
        limits = [f"{times_the_limit(rounds, ideals, percent):.2f}" for percent in LIMITED]
    return row(name, [*map(milliseconds, fast), *limits, *map(milliseconds, every)])


def latency_table(groups: dict[tuple[str, int, int], list[Latency]], count: int, load: int) -> list[str]:
    """One load and number of connections: the ideal queue first."""
    ideals = groups.get((IDEAL, 0, load), [])
    of_load = [rounds for group, rounds in groups.items() if group[1:] == (count, load)]
    percents = [f"{percent:g} %" for percent in SHOWN]
    limits = [f"{percent:g} % ÷ limit" for percent in LIMITED]
    titles = [f"fast {percents[0]}", *percents[1:], *limits, f"all {percents[0]}", *percents[1:]]
    lines = [latency_line(rounds, ideals) for rounds in ([ideals] if ideals else []) + of_load]
    return [f"{count} connections, {load} % load:", "", *header(titles), *lines, ""]


def latency_tables(found: Sequence[Latency]) -> list[str]:
    """All loads and numbers of connections."""
    groups = grouped(found)
    places = unique_pairs((one.connections, one.load) for one in found if one.site != IDEAL)
    lines = [
        "### Latency",
        "",
        f"Since a request was due, ms; medians of the rounds. Fast requests sleep {FAST_MS} ms, one in 100 "
        f"sleeps {SLOW_MS} ms. The limit is {TIMES_IDEAL:g} times the ideal queue's plus {PLUS_MS:g} ms.",
        "",
    ]
    return [*lines, *(line for count, load in places for line in latency_table(groups, count, load))]


def unique_pairs(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Each once, in order of appearance."""
    return list(dict.fromkeys(pairs))


# ---- joiners and balance ----


def joiners_table(found: Sequence[Joiners]) -> list[str]:
    """Requests per second and the share of what is possible."""
    lines = ["### Slow joiners", "", *header(["requests/s", "share of the possible", "range of the share"])]
    for name, rounds in grouped(found).items():
        if bad := fault(rounds):
            lines.append(row(name, [bad.status.upper(), "-", "-"]))
            continue
        share = range_of([one.share for one in rounds])
        per_second = median_of(rounds, lambda one: one.per_second)
        between = f"{share.least:.2f} to {share.most:.2f}"
        lines.append(row(name, [f"{per_second:.0f}", f"{share.median:.2f}", between]))
    return [*lines, ""]


def balance_field(rounds: Sequence[Balance]) -> str:
    """The median and the worst round."""
    if not rounds:
        return "-"
    if bad := fault(rounds):
        return bad.status.upper()
    fullest = range_of([one.fullest for one in rounds])
    return f"{fullest.median:.2f} ({fullest.most:.2f})"


def balance_table(found: Sequence[Balance]) -> list[str]:
    """The fullest worker over the mean, for each number of connections and way of joining."""
    groups = grouped(found)
    columns = list(dict.fromkeys((one.connections, one.way) for one in found))
    titles = [f"{count} {way}" for count, way in columns]
    about = (
        "Connections of the fullest worker over the mean: median (worst round). 1 is even, 4 is all on one."
    )
    lines = ["### Balance", "", about, "", *header(titles)]
    for name in unique(one.site for one in found):
        lines.append(row(name, [balance_field(groups.get((name, *column), [])) for column in columns]))
    return [*lines, ""]


# ---- the report ----


def complaints(found: Outcomes) -> list[str]:
    """What is missing or failed, each once, with the reason."""
    missing = unique(f"- {one.site}: MISSING: {one.reason}" for one in found.all if one.status == MISSING)
    failed = unique(f"- {one.group}: FAILED: {one.reason}" for one in found.all if one.status == FAILED)
    return ["### Missing and failed", "", *missing, *failed, ""] if missing or failed else []


def render(found: Outcomes, head: Sequence[str] = ()) -> str:
    """The whole report."""
    lines = [*head, *([""] if head else [])]
    if found.latencies:
        lines += latency_tables(found.latencies)
    if found.joiners:
        lines += joiners_table(found.joiners)
    if found.balances:
        lines += balance_table(found.balances)
    return "\n".join([*lines, *complaints(found)])


def failed(found: Outcomes) -> bool:
    """Whether something that ran was wrong."""
    return any(one.status not in (OK, MISSING) for one in found.all)
