"""The answer of a server to `status`, as text for a terminal: ASCII only, colours where they are wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rhebok.board.histogram import difference, percentile

Answer = Mapping[str, Any]

HEADS = ("GEN", "PID", "STATE", "AGE", "MEMORY", "CONN", "REQUESTS", "R/S", "P50", "P99", "REQUEST")
_LEFT = (2, 10)  # columns
_SLOW = 1.0  # seconds from which a request is shown in red
_PLAIN, _BOLD, _RED, _YELLOW, _GREEN, _DIM = "", "1", "31", "33", "32", "2"
_OF_STATE = {"busy": _YELLOW, "idle": _GREEN, "starting": _DIM, "leaving": _DIM}


def render(now: Answer, before: Answer | None, seconds: float, width: int, coloured: bool) -> list[str]:
    """The lines. before: the answer of so many seconds ago, for rates and times since then; None: since the
    start of each worker."""
    earlier = _workers_by_pid(before) if before else {}
    rows: list[tuple[str, ...]] = [HEADS]
    colours = [_BOLD]
    for generation in now["generations"]:
        for worker in generation["workers"]:
            rows.append(_row(generation, worker, earlier.get(worker["pid"]), seconds, now["counts"]))
            colours.append(_colour(worker))
    lines = [_cut(line, width) for line in (*_head(now, before, seconds), "")]
    for line, colour in zip(_aligned(rows), colours, strict=True):
        lines.append(_coloured(_cut(line, width), colour if coloured else _PLAIN))
    return lines


def _head(now: Answer, before: Answer | None, seconds: float) -> list[str]:
    replaced = ", ".join(f"{cause} {number}" for cause, number in now["replaced_workers"].items() if number)
    waiting = ", ".join(map(_listener, now["listeners"]))
    failed = f" ({now['failed_deploys']} failed)" if now["failed_deploys"] else ""
    dropped = f"; {now['listen_drops']} connections dropped by the kernel" if now["listen_drops"] else ""
    lines = [
        f"rhebok {now['version']}, pid {now['pid']}, up {age(now['uptime'])}, {waiting}",
        _counted(now, before, seconds) if now["counts"] else "requests are not counted (--no-board)",
        f"{now['deploys']} deploys{failed}; workers replaced: {replaced or 'none'}{dropped}",
    ]
    return [*lines, *_cache(now)]


def _cache(now: Answer) -> list[str]:
    """Of a server that has one."""
    cache, cached = now.get("cache", {}), now.get("cached", {})
    if not cached.get("size"):
        return []
    events = ", ".join(f"{number} {name}" for name, number in cache.items())
    kept = f"{cached['records']} kept ({size(cached['bytes'])} of {size(cached['size'])})"
    return [f"cache: {kept}, {events}"]


def _listener(listener: Answer) -> str:
    return f"{listener['name']} ({_or_unknown(listener['queue'])} waiting)"


def _counted(now: Answer, before: Answer | None, seconds: float) -> str:
    requests, times = _count(now), _times(now, before)
    rate = _rate(now, before, seconds, now["uptime"])
    classes = ", ".join(f"{number} {name}" for name, number in _by_class(now).items() if number)
    return (
        f"{requests} requests{f' ({classes})' if classes else ''}, "
        f"{rate:.1f}/s, p50 {duration(percentile(times, 0.5))}, p99 {duration(percentile(times, 0.99))}, "
        f"{size(now['bytes_in'])} in, {size(now['bytes_out'])} out, {now['accepted']} connections"
    )


def _row(
    generation: Answer, worker: Answer, before: Answer | None, seconds: float, counts: bool
) -> tuple[str, ...]:
    times, request = _times(worker, before), worker["request"]
    return (
        str(generation["number"]),
        str(worker["pid"]),
        _state(generation, worker),
        age(worker["age"]),
        "-" if worker["memory"] is None else size(worker["memory"]),
        str(worker["connections"]),
        str(_count(worker)) if counts else "-",
        f"{_rate(worker, before, seconds, worker['age']):.1f}" if counts else "-",
        duration(percentile(times, 0.5)),
        duration(percentile(times, 0.99)),
        _request(request) if request else "",
    )


def _request(request: Answer) -> str:
    client = f" ({request['client']})" if request["client"] else ""
    return f"{duration(request['seconds'])} {request['line']}{client}"


def _rate(now: Answer, before: Answer | None, seconds: float, age: float) -> float:
    """Requests per second, since `before` or in all of its life."""
    if before is None or seconds <= 0:
        return _count(now) / max(age, 0.001)
    return (_count(now) - _count(before)) / seconds


def _state(generation: Answer, worker: Answer) -> str:
    state = "ending" if generation["state"] == "ending" and worker["state"] == "idle" else worker["state"]
    many = worker["threads"] > 1 and worker["state"] == "busy"
    return f"{state} {worker['busy_threads']}/{worker['threads']}" if many else str(state)


def _colour(worker: Answer) -> str:
    if worker["request"] and worker["request"]["seconds"] >= _SLOW:
        return _RED
    return _OF_STATE.get(worker["state"], _PLAIN)


def _workers_by_pid(answer: Answer) -> dict[int, Answer]:
    return {worker["pid"]: worker for each in answer["generations"] for worker in each["workers"]}


def _count(answer: Answer | None) -> int:
    return sum(_by_class(answer).values()) if answer else 0


def _by_class(answer: Answer) -> dict[str, int]:
    found: dict[str, int] = {}
    for classes in answer["requests"].values():
        for name, number in classes.items():
            found[name] = found.get(name, 0) + number
    return found


def _times(now: Answer, before: Answer | None) -> dict[int, int]:
    """The counts by bucket; JSON has made text of the numbers of the buckets."""
    counts = {int(bucket): count for bucket, count in now["total_times"].items()}
    if before is None:
        return counts
    return difference(counts, {int(bucket): count for bucket, count in before["total_times"].items()})


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if column in _LEFT else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: max(0, width - 1)] + ">"


def _coloured(line: str, colour: str) -> str:
    return f"\x1b[{colour}m{line}\x1b[0m" if colour else line


def _or_unknown(number: int | None) -> str:
    return "?" if number is None else str(number)


def duration(seconds: float | None) -> str:
    """As 120us, 4.2ms, 1.35s; "-" for None."""
    if seconds is None:
        return "-"
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f}us"
    return f"{seconds * 1e3:.1f}ms" if seconds < 1 else f"{seconds:.2f}s"


def age(seconds: float) -> str:
    """As 42s, 3m05s, 7h12m, 4d03h."""
    whole = int(seconds)
    for unit, below, name, name_below in ((86400, 3600, "d", "h"), (3600, 60, "h", "m"), (60, 1, "m", "s")):
        if whole >= unit:
            return f"{whole // unit}{name}{whole % unit // below:02d}{name_below}"
    return f"{whole}s"


def size(count: int) -> str:
    """As 512B, 3.4K, 1.2M, 7.0G."""
    value = float(count)
    for unit in ("B", "K", "M", "G"):
        if value < 1024:
            return f"{value:.0f}{unit}" if unit == "B" else f"{value:.1f}{unit}"
        value /= 1024
    return f"{value:.1f}T"
