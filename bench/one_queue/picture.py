"""The distribution of latencies: `python -m bench plot results/NAME.json` writes NAME-latency.png.

One panel for each load and number of connections. The axis of percentiles is logarithmic, so that the slowest
requests, one in a thousand, have as much room as the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.one_queue.outcomes import IDEAL, Latency, fault, from_json, grouped, medians
from bench.one_queue.percentiles import NINES, nines_of
from bench.plot import caption_of

TICKS = (50.0, 90.0, 99.0, 99.9)
OURS, OTHERS = "#c1121f", ("#1d3557", "#2a9d8f", "#e9a227", "#6a4c93", "#8d99ae", "#606c38", "#7f5539")

Groups = dict[tuple[str, int, int], list[Latency]]


def style_of(name: str, names: Sequence[str]) -> dict[str, Any]:
    """Black for the ideal, red for rhebok, dashes for unix sockets and proxies."""
    if name == IDEAL:
        return {"color": "black", "linewidth": 3, "alpha": 0.6}
    if name.startswith("rhebok-"):
        return {"color": OURS, "linewidth": 2, "linestyle": "--" if name.endswith("-unix") else "-"}
    others = [one for one in names if one != IDEAL and not one.startswith("rhebok-")]
    proxied = not name.endswith(("-tcp", "-unix"))
    colour = OTHERS[others.index(name) % len(OTHERS)]
    return {"color": colour, "linewidth": 1.3, "linestyle": ":" if proxied else "-"}


def draw_panel(axis: Any, groups: Groups, count: int, load: int) -> None:
    """All sites with this load and number of connections, and the ideal queue."""
    names = list(dict.fromkeys(name for name, _, _ in groups))
    for (name, connections, of_load), rounds in groups.items():
        if of_load == load and connections in (0, count) and not fault(rounds):
            values = medians(one.curve for one in rounds)
            axis.plot(NINES, values, label=name, **style_of(name, names))
    axis.set_title(f"{count} connections, {load} % load", fontsize=10, loc="left")
    axis.set_xticks([nines_of(percent) for percent in TICKS], [f"{percent:g} %" for percent in TICKS])
    axis.set_xlim(nines_of(TICKS[0]), NINES[-1])
    axis.set_yscale("log")
    axis.grid(color="#dddddd", linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)


def draw(groups: Groups, caption: str, path: Path) -> None:
    """The whole picture: loads beside each other, numbers of connections below each other."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    counts = sorted({count for _, count, _ in groups if count})
    loads = sorted({load for _, count, load in groups if count})
    size = (5.5 * len(loads), 4 * len(counts) + 1.2)
    picture, axes = pyplot.subplots(
        len(counts), len(loads), figsize=size, squeeze=False, sharey=True, layout="constrained"
    )
    for line, count in zip(axes, counts, strict=True):
        for axis, load in zip(line, loads, strict=True):
            draw_panel(axis, groups, count, load)
        line[0].set_ylabel("ms, from when the request was due")
    picture.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside right upper", fontsize=8, frameon=False
    )
    picture.suptitle("Fast requests: latency that this share of them does not exceed")
    picture.supxlabel(caption, fontsize=6, color="#555555", wrap=True)
    picture.savefig(path, dpi=110)
    pyplot.close(picture)


def plot_result(path: Path, result: dict[str, Any]) -> list[Path]:
    """The picture beside a result file; none without latencies."""
    groups = grouped(from_json(result).latencies)
    if not groups:
        return []
    target = path.with_name(f"{path.stem}-latency.png")
    draw(groups, caption_of(result), target)
    return [target]
