"""What the supervisor has measured, as Prometheus reads it: in both formats."""

import os

import pytest

from rhebok.board.counts import as_bytes
from rhebok.board.histogram import BUCKETS, upper_end
from rhebok.board.layout import CAUSES, CLASSES, HISTOGRAM_AT, HISTOGRAM_WORDS, HISTOGRAMS, METHODS, PARKED_AT

pytest.importorskip("prometheus_client")

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from rhebok.metrics.families import BOUNDS, Writer

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


def board(**words: int) -> bytes:
    """words: w48=3 says that word 48 is 3."""
    return as_bytes(sum(value << (64 * int(name[1:])) for name, value in words.items()))


def at(histogram: str, seconds: float) -> str:
    bucket = next(number for number in range(BUCKETS) if seconds < upper_end(number))
    return f"w{HISTOGRAM_AT + HISTOGRAMS.index(histogram) * HISTOGRAM_WORDS + bucket}"


def found(**words: int) -> dict[str, object]:
    return {
        "ready": True,
        "why": "",
        "version": "0.1.0",
        "pid": os.getpid(),
        "started": 1.5e9,
        "counts": True,
        "listen_drops": 7,
        "listeners": [("http://127.0.0.1:8000", 3, 2048), ('unix:/a"b\\c', None, None)],
        "causes": dict.fromkeys(CAUSES, 2),
        "counted": board(**words),
        "cached": (7000, 3, 2**20),
        "generations": [(1, os.getpid(), "ending"), (2, os.getpid(), "serving")],
        "workers": [
            (os.getpid(), "ready", 1, 4, 7, 1.5, 4096),
            (os.getpid(), "leaving", 1, 4, 1, 30.0, 100),
            (2**22 + 1, "starting", 0, 4, 0, 0.0, 0),
        ],
        "deploys": 3,
        "deploys_failed": 1,
    }


def samples(text: bytes, accept: str = "") -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    read = read_openmetrics if "openmetrics" in accept else read_text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in read(text.decode())
        for sample in family.samples
    }


def value(text: bytes, name: str, accept: str = "", **labels: str) -> float:
    return samples(text, accept)[name, frozenset(labels.items())]


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain;version=0.0.4", OPENMETRICS], ids=str)
def test_both_formats_have_the_same_figures(accept: str) -> None:
    word = METHODS.index("POST") * len(CLASSES) + CLASSES.index("5xx")
    figures_of_board = {f"w{word}": 9, at("total", 0.2): 5, "w51": 6, f"w{PARKED_AT // 8 + 1}": 3}
    text, kind = Writer().write(found(**figures_of_board), accept)
    assert kind.startswith("application/openmetrics-text" if accept is OPENMETRICS else "text/plain")
    figures = {
        ("rhebok_requests_total", ("method", "POST"), ("class", "5xx")): 9,
        ("rhebok_request_duration_seconds_bucket", ("le", "0.1")): 0,
        ("rhebok_request_duration_seconds_bucket", ("le", "0.25")): 5,
        ("rhebok_request_duration_seconds_count",): 5,
        ("rhebok_workers", ("state", "ready")): 1,
        ("rhebok_worker_threads",): 4,
        ("rhebok_worker_busy",): 1,
        ("rhebok_connections",): 8,
        ("rhebok_oldest_request_seconds",): 30,
        ("rhebok_restarts_total", ("cause", "killed")): 2,
        ("rhebok_deploys_total",): 3,
        ("rhebok_deploys_failed_total",): 1,
        ("rhebok_generations", ("phase", "ending")): 1,
        ("rhebok_listen_queue_length", ("listener", "http://127.0.0.1:8000")): 3,
        ("rhebok_listen_queue_limit", ("listener", "http://127.0.0.1:8000")): 2048,
        ("rhebok_listen_drops_total",): 7,
        ("rhebok_cache_bytes",): 7000,
        ("rhebok_cache_responses",): 3,
        ("rhebok_cache_size_bytes",): 2**20,
        ("rhebok_moved_connections_total", ("reason", "waiting")): 6,
        ("rhebok_parked_connections", ("state", "reading_body")): 3,
        ("rhebok_unsent_bytes",): 4196,
        ("rhebok_start_time_seconds",): 1.5e9,
        ("rhebok_ready",): 1,
    }
    assert {key: value(text, key[0], accept, **dict(key[1:])) for key in figures} == figures


def test_without_a_board_there_are_workers_but_no_counters_of_requests() -> None:
    names = {name for name, _ in samples(Writer().write(found() | {"counts": False}, "")[0])}
    assert {"rhebok_workers", "rhebok_connections", "rhebok_oldest_request_seconds"} <= names
    assert not {name for name in names if "request" in name} - {"rhebok_oldest_request_seconds"}


def test_a_queue_of_which_the_kernel_says_nothing_is_left_out() -> None:
    text, _ = Writer().write(found(), "")
    assert b"unix:" not in text


def test_buckets_grow_and_the_last_one_has_everything() -> None:
    words = {at("total", seconds): 1 for seconds in (0.00002, 0.003, 0.04, 0.7, 20.0, 500.0)}
    text, _ = Writer().write(found(**words), "")
    name = "rhebok_request_duration_seconds"
    counts = [value(text, f"{name}_bucket", le=str(float(bound))) for bound in BOUNDS]
    assert counts == sorted(counts)
    assert counts[-1] == 5
    assert value(text, f"{name}_bucket", le="+Inf") == value(text, f"{name}_count") == 6
    assert value(text, f"{name}_sum") == pytest.approx(520.74302, rel=0.03)


def test_requests_that_did_not_wait_are_in_all_three_histograms() -> None:
    text, _ = Writer().write(found(**{at("prompt", 0.003): 4}), "")
    names = ("request_duration", "request_queue", "application")
    assert [value(text, f"rhebok_{name}_seconds_count") for name in names] == [4, 4, 4]


def test_processes_that_are_gone_have_no_memory() -> None:
    text, _ = Writer().write(found(), "")
    assert value(text, "rhebok_memory_bytes", process="worker") > 2**20
    assert value(text, "rhebok_memory_bytes", process="metrics") > 2**20


@pytest.mark.parametrize(
    "accept", ["text/plain; version=x", "application/openmetrics-text; version=", ";,;=", "é"]
)
def test_an_accept_field_that_means_nothing_gets_text(accept: str) -> None:
    text, _ = Writer().write(found(), accept)
    assert b"rhebok_workers" in text
