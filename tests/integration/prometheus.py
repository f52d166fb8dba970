"""A real Prometheus with examples/observability/prometheus.yml, in a directory of its own."""

import json
import math
import shutil
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from integration.http_client import Address
from integration.server import EXAMPLES, Process, free_port, program
from integration.waiting import until

OBSERVABILITY = EXAMPLES / "observability"
RULES = "rhebok-rules.yml"


class Prometheus(Process):
    """The example's configuration, with the target's address, and one second instead of 15."""

    def __init__(self, directory: Path, target: Address) -> None:
        home = directory / "prometheus"
        home.mkdir()
        shutil.copy(OBSERVABILITY / RULES, home)
        text = (OBSERVABILITY / "prometheus.yml").read_text()
        text = replace(text, "127.0.0.1:9464", "{}:{}".format(*target), 2)
        text = replace(text, "_interval: 15s", "_interval: 1s", 2)
        (home / "prometheus.yml").write_text(text)
        self.address = f"127.0.0.1:{free_port()}"
        options = (
            f"--config.file={home}/prometheus.yml",
            f"--storage.tsdb.path={home}/data",
            f"--web.listen-address={self.address}",
            "--log.level=warn",
        )
        super().__init__([program("prometheus"), *options], directory, GOMAXPROCS="1")
        with self.starting():
            until(self._is_ready, lambda: self.log)

    def _is_ready(self) -> bool:
        assert not self.ended, self.log
        try:
            return self._get("/-/ready") is not None
        except (OSError, urllib.error.URLError):
            return False

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=30) as answer:
            return bytes(answer.read())

    def api(self, name: str, **parameters: str) -> Any:
        """The data of an answer of its API."""
        answer = json.loads(self._get(f"/api/v1/{name}?{urllib.parse.urlencode(parameters)}"))
        assert answer["status"] == "success", answer
        return answer["data"]

    def values(self, expression: str) -> list[float]:
        """Of all series; what is no number (a quantile of nothing) is left out."""
        found = self.api("query", query=expression)["result"]
        return [value for each in found if not math.isnan(value := float(each["value"][1]))]


def replace(text: str, old: str, new: str, count: int) -> str:
    """Replaces what must be there so often, so that a change of the example is noticed."""
    assert text.count(old) == count, (old, text.count(old))
    return text.replace(old, new)
