"""`python -m bench queue --quick` measures a real server, directly and behind real proxies."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from integration.server import ROOT

pytestmark = pytest.mark.skipif(not (ROOT / "bench").exists(), reason="there is no bench")


def measured(directory: Path, site: str, parts: str) -> dict[str, list[dict[str, object]]]:
    """The results of a quick run, which ended well."""
    out = directory / "out.json"
    command = [sys.executable, "-m", "bench", "queue", "--quick", "--sites", site, "--parts", parts]
    done = subprocess.run(
        [*command, "--out", str(out)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, list[dict[str, object]]] = json.loads(out.read_text())["queue"]
    assert all(one["status"] == "ok" for part in found.values() for one in part), found
    return found


@pytest.mark.parametrize("site", ["rhebok-tcp", "rhebok-unix"])
def test_a_quick_run_measures_latency_joiners_and_balance(tmp_path: Path, site: str) -> None:
    found = measured(tmp_path, site, "all")
    assert [one["site"] for one in found["latencies"]] == ["ideal", site]
    assert all(one["requests"] for one in found["latencies"])
    assert [one["site"] for one in found["joiners"]] == [site]
    assert len(found["balances"]) == 4


@pytest.mark.parametrize(
    "site",
    [
        pytest.param("nginx-keepalive", marks=pytest.mark.needs("nginx")),
        pytest.param("nginx", marks=pytest.mark.needs("nginx")),
        pytest.param("haproxy", marks=pytest.mark.needs("haproxy")),
    ],
)
def test_a_quick_run_measures_a_server_behind_a_proxy(tmp_path: Path, site: str) -> None:
    assert [one["site"] for one in measured(tmp_path, site, "latency")["latencies"]] == ["ideal", site]
