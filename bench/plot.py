"""Pictures of a result: `python -m bench plot results/NAME.json` writes NAME-WORKLOAD-*.png beside it.

Bars in the style of the original author's blog, TCP next to unix for each server: requests per second, and
server CPU per request, which is the more reliable figure. Without keep-alive above, with keep-alive below.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.cells import OK, Summary, from_json, summaries
from bench.machine import heading
from bench.tables import BARE, unique

PANELS = (("without keep-alive", "close"), ("kept alive", "keepalive"))
TRANSPORTS = (("tcp", "TCP", "#9db4c0"), ("unix", "unix socket", "#c1121f"))
BAR_HEIGHT = 0.38

Value = Callable[[Summary], float]
Plotter = Callable[[Path, dict[str, Any]], list[Path]]
FIGURES: dict[str, tuple[str, bool, Value]] = {
    "cpu": ("server CPU, µs per request (less is better)", False, lambda summary: summary.cpu.median),
    "rps": ("requests per second (more is better)", True, lambda summary: summary.per_second.median),
}


def order(found: Sequence[Summary], most_first: bool, value: Value) -> list[str]:
    """The servers that have a figure, sorted by their best figure."""
    pick = max if most_first else min
    servers = unique(summary.server for summary in found)
    best = {name: pick(value(summary) for summary in found if summary.server == name) for name in servers}
    return sorted(servers, key=lambda name: best[name], reverse=most_first)


def number_text(value: float) -> str:
    """A bar's figure."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}"


def draw_bars(axis: Any, servers: Sequence[str], values: dict[str, float], index: int) -> None:
    """One transport's bars, each with its figure."""
    label, colour = TRANSPORTS[index][1:]
    rows = [(number, values[name]) for number, name in enumerate(servers) if name in values]
    places = [number + (index - 0.5) * BAR_HEIGHT for number, _ in rows]
    bars = axis.barh(places, [value for _, value in rows], BAR_HEIGHT, label=label, color=colour)
    axis.bar_label(bars, fmt=number_text, padding=3, fontsize=8)


def draw_panel(axis: Any, found: Sequence[Summary], title: str, figure: str) -> None:
    """One panel: a row for each server, with its two bars."""
    _, most_first, value = FIGURES[figure]
    servers = order(found, most_first, value)
    for index, (transport, _, _) in enumerate(TRANSPORTS):
        values = {summary.server: value(summary) for summary in found if summary.mode.startswith(transport)}
        draw_bars(axis, servers, values, index)
    axis.set_title(title, fontsize=10, loc="left")
    axis.set_yticks(range(len(servers)), servers)
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.spines[["top", "right"]].set_visible(False)


def draw(found: Sequence[Summary], figure: str, title: str, caption: str, path: Path) -> None:
    """One picture with a panel for each way of connecting."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    panels = [(name, [s for s in found if s.mode.endswith(end)]) for name, end in PANELS]
    panels = [(name, some) for name, some in panels if some]
    heights = [len(unique(summary.server for summary in some)) + 1 for _, some in panels]
    picture, axes = pyplot.subplots(
        len(panels),
        1,
        figsize=(9, 0.45 * sum(heights) + 1.6),
        height_ratios=heights,
        squeeze=False,
        layout="constrained",
    )
    for axis, (name, some) in zip(axes[:, 0], panels, strict=True):
        draw_panel(axis, some, name, figure)
    axes[-1, 0].set_xlabel(FIGURES[figure][0])
    axes[0, 0].legend(loc="lower right" if FIGURES[figure][1] else "upper right", frameon=False)
    picture.suptitle(title)
    picture.supxlabel(caption, fontsize=6, color="#555555", wrap=True)
    picture.savefig(path, dpi=130)
    pyplot.close(picture)


def caption_of(result: dict[str, Any], width: int = 170) -> str:
    """Machine, versions, commit and date in small print."""
    return "\n".join(part for line in heading(result) for part in textwrap.wrap(line, width))


def plot_result(path: Path, result: dict[str, Any]) -> list[Path]:
    """All pictures of one result file."""
    found = [s for s in summaries(from_json(result["cells"])) if s.status == OK and s.server != BARE]
    written = []
    for workload in unique(summary.workload for summary in found):
        some = [summary for summary in found if summary.workload == workload]
        for figure in FIGURES:
            target = path.with_name(f"{path.stem}-{workload}-{figure}.png")
            draw(some, figure, f"{workload}: one worker", caption_of(result), target)
            written.append(target)
    return written


def main(arguments: Sequence[str], kinds: dict[str, Plotter]) -> int:
    """Draws the pictures of each result file. `kinds`: who draws a file that has this key."""
    if not arguments:
        print("usage: python -m bench plot RESULT.json ...", file=sys.stderr)
        return 2
    for name in arguments:
        path = Path(name)
        result = json.loads(path.read_text())
        plotter = next((kinds[key] for key in kinds if key in result), plot_result)
        for written in plotter(path, result):
            print(written)
    return 0
