"""Spans reach their exporter: mended, items 8 (a worker's end) and 13 (opentelemetry-instrument)."""

from collections import Counter
from pathlib import Path
from signal import SIGHUP

import pytest
from integration.conftest import Serve
from integration.http_client import Client
from integration.processes import has_ended
from integration.server import Server, command, program
from integration.waiting import until

from applications.ends import End, each_end, each_way_to_load

pytest.importorskip("opentelemetry.sdk")
pytest.importorskip("opentelemetry.instrumentation.flask")


def exported(directory: Path) -> Counter[str]:
    file = directory / "spans"
    return Counter(file.read_text().splitlines() if file.exists() else [])


@each_way_to_load
@each_end
def test_the_spans_of_a_batch_are_exported_when_the_worker_ends(
    serve_app: Serve, tmp_path: Path, end: End, load: str
) -> None:
    server = serve_app("traced", load, *end.options)
    worker = server.get("/page").text
    end.of(server, [int(worker)])
    spans = exported(tmp_path)
    assert (spans[f"{worker} inner"], spans[f"{worker} GET /page"]) == (1, 1), spans


@each_way_to_load
def test_the_spans_of_all_workers_are_exported_once(serve_app: Serve, tmp_path: Path, load: str) -> None:
    server = serve_app("traced", load, workers=3)
    asked = Counter(f"{server.get('/page').text} inner" for _ in range(30))
    server.stop()
    spans = exported(tmp_path)
    assert Counter({name: count for name, count in spans.items() if name.endswith(" inner")}) == asked


def instrumented(serve_app: Serve, *options: str, workers: int = 2, **variables: str) -> Server:
    wrapper = [program("opentelemetry-instrument"), *command()]
    chosen = {
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": "pages",
    }
    return serve_app("plain_flask", *options, workers=workers, started_as=wrapper, **{**chosen, **variables})


def page_spans(server: Server) -> int:
    return len(server.matches(r'"name": "GET /page"'))


@each_way_to_load
def test_opentelemetry_instrument_yields_the_spans_of_the_workers(serve_app: Serve, load: str) -> None:
    server = instrumented(serve_app, load)
    for _ in range(6):
        assert server.get("/page").status == 200
    server.stop()
    assert page_spans(server) == 6


def test_opentelemetry_instrument_reaches_the_next_generation(serve_app: Serve) -> None:
    server = instrumented(serve_app, "--kill-old-delay", "0", workers=1)
    (old,) = server.workers()
    server.send(SIGHUP)
    until(lambda: has_ended(old))
    with Client(server.address) as client:
        assert client.get("/page").status == 200
    server.stop()
    assert page_spans(server) == 1
