"""A picture of examples/observability/rhebok-dashboard.json without Grafana: what its expressions give in a
real Prometheus, drawn by matplotlib in the dashboard's layout.

    python -m bench.dashboard http://127.0.0.1:9090 600 docs/dashboard.png

draws the last 600 seconds. `$__rate_interval` is 60 s.
"""

from __future__ import annotations

import json
import math
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

DASHBOARD = Path(__file__).parent.parent / "examples" / "observability" / "rhebok-dashboard.json"
VARIABLES = {"$job": "rhebok", "$instance": ".*", "$__rate_interval": "60s"}
STEPS = 200
COLUMNS = 24  # of a dashboard
UNITS = {"s": (1.0, "s"), "Bps": (1e6, "MB/s"), "bytes": (2**20, "MiB"), "percentunit": (0.01, "%")}
CAPTION = "Drawn by bench/dashboard.py from the expressions of rhebok-dashboard.json, without Grafana."

Series = tuple[str, list[float], list[float]]


def series(prometheus: str, target: dict[str, Any], seconds: float, scale: float) -> list[Series]:
    """The lines of one expression: name, minutes before now, values."""
    expression, now = target["expr"], time.time()
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    asked = {"query": expression, "start": now - seconds, "end": now, "step": max(1.0, seconds / STEPS)}
    url = f"{prometheus}/api/v1/query_range?{urllib.parse.urlencode(asked)}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        found = json.load(answer)["data"]["result"]
    return [
        (
            _name(target, each["metric"]),
            [(float(at) - now) / 60 for at, _ in each["values"]],
            [float(value) / scale for _, value in each["values"]],
        )
        for each in found
    ]


def _name(target: dict[str, Any], labels: dict[str, str]) -> str:
    name = str(target.get("legendFormat", ""))
    for label, value in labels.items():
        name = name.replace("{{" + label + "}}", value)
    return name


def draw_lines(axes: Any, panel: dict[str, Any], lines: list[Series], unit: str) -> None:
    for name, minutes, values in lines:
        axes.plot(minutes, values, label=name, linewidth=1)
    axes.set_title(panel["title"] + (f" ({unit})" if unit else ""), fontsize=8, loc="left", pad=3)
    axes.tick_params(labelsize=6)
    axes.grid(alpha=0.3)
    axes.set_ylim(bottom=0)
    if lines:
        axes.legend(fontsize=5, loc="upper left", ncols=2, framealpha=0.6)


def draw_number(axes: Any, panel: dict[str, Any], lines: list[Series], unit: str) -> None:
    """The last value."""
    last = [value for _, _, values in lines for value in values[-1:] if not math.isnan(value)]
    axes.set_title(panel["title"], fontsize=8, loc="left", pad=3)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(
        0.5, 0.45, f"{last[0]:.3g} {unit}" if last else "no data", fontsize=13, ha="center", va="center"
    )


def draw(prometheus: str, seconds: float, out: Path) -> None:
    from matplotlib import pyplot

    panels = [each for each in json.loads(DASHBOARD.read_text())["panels"] if each.get("targets")]
    rows = max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in panels)
    figure = pyplot.figure(figsize=(11, rows * 0.27), layout="constrained")
    grid = figure.add_gridspec(rows, COLUMNS)
    for panel in panels:
        at = panel["gridPos"]
        axes = figure.add_subplot(grid[at["y"] : at["y"] + at["h"], at["x"] : at["x"] + at["w"]])
        scale, unit = UNITS.get(panel["fieldConfig"]["defaults"].get("unit", ""), (1.0, ""))
        lines = [line for target in panel["targets"] for line in series(prometheus, target, seconds, scale)]
        (draw_number if panel["type"] == "stat" else draw_lines)(axes, panel, lines, unit)
    figure.supxlabel(f"minutes. {CAPTION}", fontsize=7)
    figure.savefig(out, dpi=80)


if __name__ == "__main__":
    draw(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
