"""prometheus_client's multiprocess mode: no gauge of a dead process stays: mended, item 19."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGKILL, SIGTERM, Signals

import pytest
from integration.conftest import Serve
from integration.processes import has_ended
from integration.server import Server
from integration.waiting import until

from applications.ends import each_way_to_load

pytest.importorskip("prometheus_client")

SOON = ("--kill-old-delay", "0")
CHILD_EXIT = """
def child_exit(server, worker):
    from prometheus_client import multiprocess
    multiprocess.mark_process_dead(worker.pid)
"""


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    directory = tmp_path / "prometheus"
    directory.mkdir()
    return directory


Forget = tuple[str, str]


@pytest.fixture(params=["--on-child-reap", "child_exit"])
def forget(request: pytest.FixtureRequest, tmp_path: Path) -> Forget:
    """The option by which the dead are forgotten: our hook, or gunicorn's in a file."""
    if request.param == "--on-child-reap":
        return request.param, "metrics:reaped"
    (tmp_path / "forget.py").write_text(CHILD_EXIT)
    return "-c", "forget.py"


def serve_metrics(serve_app: Serve, shared: Path, *options: str, workers: int = 2) -> Server:
    server = serve_app("metrics", *SOON, *options, workers=workers, PROMETHEUS_MULTIPROC_DIR=str(shared))
    asked: set[str] = set()
    with ThreadPoolExecutor(8) as pool:  # many at once: a single client may always find the same worker

        def ask_many() -> bool:
            asked.update(pool.map(lambda _number: server.get("/").text, range(32)))
            return len(asked) >= workers

        until(ask_many)
    return server


def live_gauges(shared: Path) -> set[int]:
    """The processes that have one."""
    return {int(re.findall(r"_(\d+)\.db", file.name)[0]) for file in shared.glob("gauge_live*.db")}


@each_way_to_load
@pytest.mark.parametrize("number", [SIGTERM, SIGINT], ids=lambda number: number.name)
def test_no_live_gauge_stays_behind_after_the_stop(
    serve_app: Serve, shared: Path, forget: Forget, load: str, number: Signals
) -> None:
    server = serve_metrics(serve_app, shared, *forget, load)
    assert live_gauges(shared) >= set(server.workers())
    assert server.stop(number) == 0
    assert live_gauges(shared) == set()
    assert list(shared.glob("counter_*.db"))


@each_way_to_load
def test_after_a_deploy_only_living_processes_have_a_live_gauge(
    serve_app: Serve, shared: Path, forget: Forget, load: str
) -> None:
    server = serve_metrics(serve_app, shared, *forget, load)
    old = {server.master, *server.workers()}
    server.send(SIGHUP)
    server.wait_for(r"generation 1 \(pid \d+\) exited")
    until(lambda: not live_gauges(shared) & old, lambda: f"{live_gauges(shared)} {old}\n{server.log}")
    server.get("/")
    assert not [pid for pid in live_gauges(shared) if has_ended(pid)]


@each_way_to_load
def test_the_gauge_of_a_killed_master_goes(serve_app: Serve, shared: Path, forget: Forget, load: str) -> None:
    server = serve_metrics(serve_app, shared, *forget, load)
    killed = server.master
    # With --no-preload a master has one only if our hook has made it import the application.
    assert (killed in live_gauges(shared)) == (load == "--preload" or "metrics:reaped" in forget)
    os.kill(killed, SIGKILL)
    server.wait_for(r"generation 2 \(pid \d+\) serves")
    until(lambda: killed not in live_gauges(shared), lambda: f"{live_gauges(shared)}\n{server.log}")


def test_the_counter_keeps_what_dead_workers_counted(serve_app: Serve, shared: Path, forget: Forget) -> None:
    server = serve_metrics(serve_app, shared, *forget, "--max-requests", "1", workers=1)
    asked = {server.get("/").text}
    until(lambda: asked.add(server.get("/").text) or len(asked) > 1)
    counted = re.findall(r"^served_total (\S+)$", server.get("/metrics").text, re.MULTILINE)
    assert float(counted[0]) >= 2


def test_a_hook_that_raises_at_the_end_of_a_generation_changes_nothing(
    serve_app: Serve, tmp_path: Path
) -> None:
    (tmp_path / "raising.py").write_text("def reaped(pid, status):\n    raise ValueError(f'reaped {pid}')\n")
    server = serve_app("last_work", "--on-child-reap", "raising:reaped", "--kill-old-delay", "0")
    old = server.master
    server.send(SIGHUP)
    server.wait_for(rf"generation 1 \(pid {old}\) exited")
    assert server.get("/").status == 200
    assert server.stop() == 0
    server.tracebacks = server.log.count("Traceback")
    assert server.matches(rf"reaped {old}"), "also for the generation's master"
