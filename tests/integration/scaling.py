"""What docs/SCALING.md and the autoscaler of examples/kubernetes ask Prometheus."""

import re

import pytest

from integration.server import EXAMPLES, ROOT

# What prometheus-adapter writes there, for a Prometheus that has neither namespaces nor pods.
TEMPLATES = {"<<.GroupBy>>": "instance", "<<.LabelMatchers>>": 'job="rhebok"'}


def expressions() -> set[str]:
    return _of_the_adapter() | _of_the_page()


def _of_the_adapter() -> set[str]:
    yaml = pytest.importorskip("yaml")
    rules = yaml.safe_load((EXAMPLES / "kubernetes" / "adapter" / "rules.yaml").read_text())["rules"][
        "custom"
    ]
    assert rules
    return {_filled(rule["metricsQuery"]) for rule in rules}


def _filled(query: str) -> str:
    for template, value in TEMPLATES.items():
        query = query.replace(template, value)
    assert "<<" not in query
    return query


def _of_the_page() -> set[str]:
    """In its tables."""
    lines = (ROOT / "docs" / "SCALING.md").read_text().splitlines()
    table = "\n".join(line for line in lines if line.startswith("|"))
    found = {code for code in re.findall(r"`([^`]+)`", table) if "rhebok_" in code}
    assert len(found) >= 4
    return found
