"""examples/kubernetes: valid for the schemas of Kubernetes, true of each other and of Rhebok."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from integration.server import EXAMPLES, ROOT, command, environment

yaml = pytest.importorskip("yaml")
validator = pytest.importorskip("kubernetes_validate")

DIRECTORY = EXAMPLES / "kubernetes"
FILES = sorted(DIRECTORY.glob("*.yaml"))
LABELS = {"app.kubernetes.io/name": "guestbook"}

OLDEST = "1.27"  # what the example is for, up to the newest that the package knows


def read(name: str) -> Any:
    return yaml.safe_load((DIRECTORY / name).read_text())


@pytest.fixture
def deployment() -> Any:
    return read("deployment.yaml")["spec"]


@pytest.fixture
def pod(deployment: Any) -> Any:
    return deployment["template"]["spec"]


@pytest.fixture
def container(pod: Any) -> Any:
    (only,) = pod["containers"]
    return only


def option(container: Any, name: str) -> str:
    (value,) = (word.partition("=")[2] for word in container["args"] if word.startswith(f"--{name}="))
    return str(value)


# ---- schemas ----


@pytest.mark.parametrize("version", [OLDEST, validator.latest_version()])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_file_is_valid(file: Path, version: str) -> None:
    for document in yaml.safe_load_all(file.read_text()):
        validator.validate(document, version, strict=True)


def test_a_word_that_is_not_of_kubernetes_is_found(deployment: Any) -> None:
    wrong = {**read("deployment.yaml"), "spec": {**deployment, "replcas": 3}}
    with pytest.raises(validator.ValidationError):
        validator.validate(wrong, OLDEST, strict=True)


# ---- the files and each other ----


def test_all_speak_of_the_same_pods(deployment: Any) -> None:
    assert deployment["template"]["metadata"]["labels"] == LABELS
    assert deployment["selector"]["matchLabels"] == LABELS
    assert read("service.yaml")["spec"]["selector"] == LABELS
    assert read("disruption-budget.yaml")["spec"]["selector"]["matchLabels"] == LABELS
    target = read("autoscaler.yaml")["spec"]["scaleTargetRef"]
    whole = read("deployment.yaml")
    assert target == {
        "apiVersion": whole["apiVersion"],
        "kind": whole["kind"],
        "name": whole["metadata"]["name"],
    }


def test_ports_are_those_of_rhebok(deployment: Any, container: Any) -> None:
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    assert option(container, "bind").rpartition(":")[2] == ports["http"]
    assert option(container, "metrics-bind").rpartition(":")[2] == ports["metrics"]
    assert deployment["template"]["metadata"]["annotations"]["prometheus.io/port"] == ports["metrics"]
    assert {port["targetPort"] for port in read("service.yaml")["spec"]["ports"]} == {"http"}


def test_probes_ask_the_supervisor(container: Any) -> None:
    for probe, path in (("readinessProbe", "/readyz"), ("livenessProbe", "/livez")):
        assert container[probe]["httpGet"] == {"path": path, "port": "metrics"}


def test_an_autoscaler_decides_alone_and_by_metrics_that_the_adapter_makes(deployment: Any) -> None:
    assert "replicas" not in deployment
    wanted = {metric["pods"]["metric"]["name"] for metric in read("autoscaler.yaml")["spec"]["metrics"]}
    assert wanted == {rule["name"]["as"] for rule in read("adapter/rules.yaml")["rules"]["custom"]}


def test_the_adapter_asks_for_metrics_of_rhebok() -> None:
    known = set(re.findall(r"`(rhebok_\w+)", (ROOT / "docs" / "OPERATIONS.md").read_text()))
    for rule in read("adapter/rules.yaml")["rules"]["custom"]:
        used = set(re.findall(r"rhebok_\w+", rule["seriesQuery"] + rule["metricsQuery"]))
        assert used
        assert used <= known


# ---- times ----


def test_a_pod_has_the_time_to_stop(pod: Any, container: Any) -> None:
    needed = float(option(container, "pre-stop-delay")) + float(option(container, "graceful-timeout")) + 5
    assert pod["terminationGracePeriodSeconds"] > needed


def test_a_pod_accepts_until_the_probe_has_noticed(container: Any) -> None:
    probe = container["readinessProbe"]
    noticed = probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"]
    assert float(option(container, "pre-stop-delay")) > noticed


# ---- Rhebok ----


def test_rhebok_takes_the_arguments(container: Any) -> None:
    first, *options, application = container["args"]
    assert (first, application) == ("rhebok", "flask_app")
    argv = [*command(), *options, "--check-config", "--chdir", str(EXAMPLES), "hello:application"]
    checked = subprocess.run(argv, env=environment(), capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
