"""rhebok status, rhebok ctl and --metrics-bind under the real Perl start_server: the master answers."""

import os
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest

from integration.http_client import Address, Client
from integration.processes import children, has_ended
from integration.server import free_port
from integration.test_start_server import Starter, starter, under_perl
from integration.waiting import until
from rhebok.control.client import ask

pytest.importorskip("prometheus_client")
pytestmark = under_perl


class Site:
    """start_server, and the addresses at which its generations answer."""

    def __init__(self, directory: Path, app: str = "gated") -> None:
        port, self.metrics = free_port(), ("127.0.0.1", free_port())
        self.control = str(directory / "control")
        where = "{}:{}".format(*self.metrics)
        options = ("--metrics-bind", where, "--control", self.control, "--pythonpath", str(directory))
        address: Address = ("127.0.0.1", port)
        self.starter: Starter = starter(
            directory, ["--port", f"127.0.0.1:{port}"], address, *options, app=app
        )

    def get(self, path: str) -> tuple[int, str]:
        """(0, "") while nobody listens."""
        try:
            with Client(self.metrics) as client:
                answer = client.get(path)
        except (ConnectionRefusedError, ConnectionResetError, EOFError):
            return 0, ""
        return answer.status, answer.text

    def metrics_processes(self) -> list[int]:
        """Of all generations."""
        masters = children(self.starter.pid)
        return [pid for master in masters for pid in children(master) if b"metrics" in _title(pid)]


def _title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    running = Site(tmp_path)
    try:
        yield running
        assert "Traceback" not in running.starter.log
    finally:
        running.starter.end()
        print(running.starter.log)


def test_the_master_answers_metrics_and_probes(site: Site) -> None:
    until(lambda: site.get("/readyz") == (200, "ok\n"), lambda: site.starter.log)
    assert site.get("/livez") == (200, "ok\n")
    requests = 'rhebok_requests_total{class="2xx",method="GET"}'
    before = site.get("/metrics")[1]
    assert requests in before
    site.starter.get()
    until(
        lambda: (
            site.get("/metrics")[1].split(requests)[-1].split()[:1] > before.split(requests)[-1].split()[:1]
        )
    )
    assert 'rhebok_workers{state="ready"} 2.0' in site.get("/metrics")[1]
    assert 'rhebok_memory_bytes{process="supervisor"} 0.0' in site.get("/metrics")[1]


def test_after_a_deploy_the_next_generation_answers(site: Site) -> None:
    (first,) = until(site.metrics_processes)
    before = ask(site.control, "status")["pid"]
    site.starter.restart()
    until(lambda: has_ended(first))
    until(lambda: site.get("/readyz")[0] == 200, lambda: site.starter.log)
    (second,) = until(site.metrics_processes)
    assert second != first
    until(lambda: _pid(site.control) not in (None, before))
    assert site.starter.stop(SIGTERM) == 0
    until(lambda: has_ended(second))
    assert not os.path.exists(site.control)


def _pid(control: str) -> int | None:
    try:
        return int(ask(control, "status")["pid"])
    except Exception:  # between two generations
        return None


def test_without_its_metrics_process_a_generation_serves(site: Site) -> None:
    (pid,) = until(site.metrics_processes)
    os.kill(pid, SIGKILL)
    site.starter.wait_for(r"the metrics process \d+ has ended")
    assert site.get("/livez")[0] == 0
    assert site.starter.get().status == 200
    site.starter.restart()
    until(lambda: site.get("/readyz")[0] == 200)


def test_workers_are_told_what_to_do(site: Site) -> None:
    (generation,) = ask(site.control, "status")["generations"]
    assert len(generation["workers"]) == 2
    ask(site.control, "workers", "+1")
    until(lambda: len(ask(site.control, "status")["generations"][0]["workers"]) == 3)
    pid = generation["workers"][0]["pid"]
    ask(site.control, "traceback", str(pid))
    site.starter.wait_for("no thread is in the application")
    ask(site.control, "recycle", str(pid))
    until(
        lambda: pid not in [each["pid"] for each in ask(site.control, "status")["generations"][0]["workers"]]
    )


def test_a_generation_that_begins_again_has_one_metrics_process(tmp_path: Path) -> None:
    (tmp_path / "ticking.py").write_text(
        "import threading\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'']\n"
    )
    site = Site(tmp_path, "ticking:app")
    try:
        assert "each worker loads the application" in site.starter.log
        until(lambda: site.get("/readyz")[0] == 200, lambda: site.starter.log)
        assert len(site.metrics_processes()) == 1
        assert site.starter.stop(SIGTERM) == 0
        assert "Traceback" not in site.starter.log
    finally:
        site.starter.end()
