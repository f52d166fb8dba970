"""What the supervisor has measured, read by Prometheus' own tool."""

import shutil
import subprocess

import pytest

pytest.importorskip("prometheus_client")

from rhebok.metrics.families import Writer
from unit.metrics.test_families import found

pytestmark = pytest.mark.needs("promtool")


def test_promtool_has_nothing_to_say() -> None:
    text, _ = Writer().write(found(), "")
    promtool = shutil.which("promtool")
    assert promtool
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
