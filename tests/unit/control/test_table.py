"""What `rhebok status` shows."""

from typing import Any

import pytest

from rhebok.control.table import HEADS, age, duration, render, size

SLOW = {"line": "GET /slow", "seconds": 3.2, "client": "192.0.2.7"}


def requests(number: int, errors: int = 0) -> dict[str, Any]:
    return {"requests": {"GET": {"2xx": number, "5xx": errors}}, "total_times": {"17": number + errors}}


def worker(pid: int, number: int = 10, **changes: Any) -> dict[str, Any]:
    return {
        "pid": pid, "state": "idle", "age": 100.0, "busy_threads": 0, "threads": 1, "connections": 3,
        "request": None, "memory": 2**20, **requests(number), **changes,
    }  # fmt: skip


def answer(*workers: dict[str, Any], number: int = 20, errors: int = 2) -> dict[str, Any]:
    generation = {"number": 4, "pid": 9, "state": "serving", "memory": None, "workers": list(workers)}
    return {
        "version": "1.0", "pid": 5, "uptime": 200.0, "memory": 1, "deploys": 3, "failed_deploys": 1,
        "listeners": [
            {"name": "http://127.0.0.1:80", "queue": 7},
            {"name": "unix:/x", "queue": None},
        ],
        "counts": True, "listen_drops": 5,
        "replaced_workers": {"killed": 2, "memory": 0}, "generations": [generation],
        "accepted": 8, "bytes_in": 100, "bytes_out": 5000, **requests(number, errors),
    }  # fmt: skip


def shown(now: dict[str, Any], before: dict[str, Any] | None = None, width: int = 200) -> str:
    return "\n".join(render(now, before, 2.0, width, coloured=False))


def test_the_server_is_shown_above_its_workers() -> None:
    text = shown(answer(worker(11)))
    assert "rhebok 1.0, pid 5, up 3m20s, http://127.0.0.1:80 (7 waiting), unix:/x (? waiting)" in text
    assert "22 requests (20 2xx, 2 5xx), 0.1/s" in text
    assert "3 deploys (1 failed); workers replaced: killed 2; 5 connections dropped by the kernel" in text


def test_a_worker_is_a_row() -> None:
    *_, heads, row = shown(answer(worker(11))).splitlines()
    assert tuple(heads.split()) == HEADS
    assert row.split() == ["4", "11", "idle", "1m40s", "1.0M", "3", "10", "0.1", "17us", "17us"]


def test_the_current_request_is_shown_with_its_time() -> None:
    busy = worker(11, state="busy", threads=4, busy_threads=2, request=SLOW)
    row = shown(answer(busy)).splitlines()[-1]
    assert "busy 2/4" in row
    assert row.endswith("3.20s GET /slow (192.0.2.7)")


def test_without_a_board_nothing_is_said_of_counters() -> None:
    text = shown(answer(worker(11, total_times={})) | {"counts": False})
    assert "requests are not counted (--no-board)" in text
    assert text.splitlines()[-1].split() == ["4", "11", "idle", "1m40s", "1.0M", "3", "-", "-", "-", "-"]


def test_rates_and_times_are_those_since_the_last_look() -> None:
    before, now = answer(worker(11, 10), number=20), answer(worker(11, 30), number=60)
    lines = shown(now, before).splitlines()
    assert "20.0/s" in lines[1]
    assert lines[-1].split()[7] == "10.0"


def test_lines_are_cut_at_the_width_of_the_terminal() -> None:
    assert max(map(len, shown(answer(worker(11)), width=40).splitlines())) == 40


def test_a_slow_request_is_red_where_colours_are_wanted() -> None:
    slow = worker(11, state="busy", request=SLOW)
    assert render(answer(slow), None, 0, 200, coloured=True)[-1].startswith("\x1b[31m")
    assert "\x1b" not in shown(answer(slow))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (duration(None), "-"), (duration(0.00012), "120us"), (duration(0.0042), "4.2ms"),
        (duration(1.35), "1.35s"),
        (age(42), "42s"), (age(185), "3m05s"), (age(25920), "7h12m"), (age(356400), "4d03h"),
        (size(512), "512B"), (size(3482), "3.4K"), (size(7 * 2**30), "7.0G"), (size(3 * 2**40), "3.0T"),
    ],
)  # fmt: skip
def test_numbers_are_short(text: str, expected: str) -> None:
    assert text == expected
