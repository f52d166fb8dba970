"""examples/observability: checked by promtool, and asked of a real Prometheus that scrapes a real server."""

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from signal import SIGHUP
from typing import Any

import pytest

from integration import scaling
from integration.conftest import Serve
from integration.prometheus import OBSERVABILITY, RULES, Prometheus
from integration.server import ROOT, Server, program
from integration.waiting import until

pytest.importorskip("prometheus_client")

DASHBOARD = json.loads((OBSERVABILITY / "rhebok-dashboard.json").read_text())


def promtool(*words: str) -> None:
    argv = [program("promtool"), *words]
    checked = subprocess.run(argv, cwd=OBSERVABILITY, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def expressions(part: Any = DASHBOARD) -> Iterator[str]:
    """All of the dashboard, wherever they are."""
    if isinstance(part, dict):
        yield from (value for key, value in part.items() if key == "expr")
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from expressions(each)


def as_grafana_asks(expression: str) -> str:
    for variable, value in (("$job", "rhebok"), ("$instance", ".*"), ("$__rate_interval", "20s")):
        expression = expression.replace(variable, value)
    assert "$" not in expression
    return expression


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve("gated", "--metrics-bind", "127.0.0.1:0", "--kill-old-delay", "0", workers=2)


@pytest.fixture
def prometheus(server: Server, tmp_path: Path) -> Iterator[Prometheus]:
    host, port = server.wait_for(r"metrics and probes at http://(\S+):(\d+),")[0]
    process = Prometheus(tmp_path, (host, int(port)))
    try:
        yield process
        assert process.stop() == 0, process.log
        assert "level=error" not in process.log
    finally:
        process.end()


@pytest.mark.needs("promtool")
def test_promtool_accepts_the_configuration() -> None:
    promtool("check", "config", "prometheus.yml")


@pytest.mark.needs("promtool")
def test_alerts_are_raised_by_what_they_are_for_and_by_nothing_else() -> None:
    promtool("test", "rules", "rhebok-rules-test.yml")


def documented() -> set[str]:
    return set(re.findall(r"`(rhebok_\w+)", (ROOT / "docs" / "OPERATIONS.md").read_text()))


def test_every_metric_of_dashboard_alerts_and_scaling_is_in_the_docs() -> None:
    text = " ".join([*expressions(), *scaling.expressions(), (OBSERVABILITY / RULES).read_text()])
    named = {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"rhebok_\w+", text)}
    assert named <= documented()


def test_the_docs_have_exactly_the_metrics_that_there_are(server: Server) -> None:
    (address,) = server.wait_for(r"metrics and probes at (\S+),")
    with urllib.request.urlopen(f"{address}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    assert set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) == documented()


@pytest.mark.needs("prometheus")
def test_every_expression_of_dashboard_and_scaling_returns_data(
    server: Server, prometheus: Prometheus
) -> None:
    until(lambda: prometheus.values('up{job="rhebok"}') == [1.0], lambda: prometheus.log)
    server.send(SIGHUP)
    wanting = {as_grafana_asks(each) for each in expressions()} | scaling.expressions()
    assert len(wanting) > 20

    def all_have_data() -> bool:
        assert server.get("/").status == 200
        wanting.difference_update([each for each in wanting if prometheus.values(each)])
        return not wanting

    until(all_have_data, lambda: wanting)


@pytest.mark.needs("prometheus")
def test_every_alert_can_be_evaluated_and_none_is_raised(server: Server, prometheus: Prometheus) -> None:
    def evaluated() -> list[dict[str, Any]]:
        assert server.get("/").status == 200
        rules = [rule for group in prometheus.api("rules")["groups"] for rule in group["rules"]]
        return rules if prometheus.values("up") and all(rule["health"] != "unknown" for rule in rules) else []

    rules = until(evaluated, lambda: prometheus.log)
    assert len(rules) >= 10
    assert {rule["health"] for rule in rules} == {"ok"}
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []


@pytest.mark.needs("prometheus")
def test_prometheus_reads_the_same_numbers(server: Server, prometheus: Prometheus) -> None:
    """It asks for OpenMetrics, so that format is what it has read."""
    for _ in range(7):
        server.get("/")
    until(lambda: prometheus.values('rhebok_requests_total{method="GET",class="2xx"}') == [7.0])
    assert prometheus.values("rhebok_request_duration_seconds_count") == [7.0]
    assert prometheus.values('rhebok_request_duration_seconds_bucket{le="60.0"}') == [7.0]
    assert prometheus.values("scrape_samples_scraped")[0] > 100
