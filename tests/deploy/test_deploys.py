"""Deploys in a row under load, with every superdaemon: every request gets the answer it must get."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTTIN

import pytest
from integration.gate import Gate
from integration.http_client import Address, Client
from integration.nginx import Nginx
from integration.server import command, free_port
from integration.waiting import until
from integration.wrk import SHIM_SOURCE, Wrk, build_shim

from deploy.clients import CheckingClients
from deploy.conftest import SOAK
from deploy.site import BROKEN, MODULE, Site
from deploy.supervisors import WAYS, WORKERS, Supervised, start
from deploy.totals import Totals

WRK_MODES = [("tcp", True), ("tcp", False), ("unix", True), ("unix", False)]  # closing or not
GOES_ON = r"generation \d+ \(pid \d+\) goes on serving"

# Everything with everything takes a while; each thing once does not.
FORMS = [(way, where) for way in WAYS for where in ("tcp", "unix", "nginx")]
EVERYDAY = [
    ("rhebok", "tcp"),
    ("rhebok", "unix"),
    ("rhebok --max-requests", "nginx"),
    ("rhebok-starter", "unix"),
    ("start_server", "tcp"),
]


def form(way: str, where: str) -> object:
    programs = {"start_server": ["start_server"]}.get(way, []) + (["nginx"] if where == "nginx" else [])
    return pytest.param(way, where, marks=pytest.mark.needs(*programs), id=f"{way}-{where}")


def deploy_again_and_again(running: Supervised, site: Site, clients: CheckingClients, times: int) -> None:
    for _ in range(times):
        version = site.release()
        running.deploy()
        clients.wait_for(version, answers=20)
        if clients.failures:
            return


@contextmanager
def served(way: str, site: Site, where: str) -> Iterator[tuple[Supervised, Address]]:
    """What is deployed, and where its clients go; judged at the end."""
    running = start(way, site, "tcp" if where == "tcp" else "unix")
    nginx = None
    try:
        if where == "nginx":
            nginx = Nginx(site.directory, str(site.directory / "s"))
        yield running, nginx.address if nginx else running.address
        if nginx:
            nginx.judge()
        running.judge()
    finally:
        if nginx:
            nginx.end()
        running.end()
        print(running.log, nginx.log if nginx else "")


@pytest.mark.parametrize(("way", "where"), [form(*each) for each in (FORMS if SOAK else EVERYDAY)])
def test_no_request_fails_in_deploys(way: str, where: str, site: Site, deploys: int, totals: Totals) -> None:
    with served(way, site, where) as (running, address), CheckingClients(address) as clients:
        clients.wait_for(1)
        deploy_again_and_again(running, site, clients, deploys)
    assert clients.versions[site.version] > 0
    for kind in ("close", "kept"):
        totals.add(f"{way}, {where} {kind}", f"{deploys} deploys", f"{clients.kinds[kind]}")


@pytest.mark.needs("wrk", "cc")
@pytest.mark.skipif(not SHIM_SOURCE.exists(), reason="there is no bench/unix_shim.c")
@pytest.mark.parametrize(("bind", "close"), WRK_MODES if SOAK else WRK_MODES[1:3], ids=lambda mode: str(mode))
def test_wrk_sees_no_error_in_deploys(
    site: Site, bind: str, close: bool, deploys: int, totals: Totals
) -> None:
    running = start("rhebok", site, bind, "--kill-old-delay", "0.1", "--max-requests", "5000")
    shim = build_shim(site.directory) if bind == "unix" else None
    done = requests = 0
    try:
        while done < deploys:
            wrk = Wrk(running.address, seconds=20 if SOAK else 2, close=close, shim=shim, path="/?t")
            while wrk.still_runs(0):
                version = site.release()
                running.deploy()
                until(lambda version=version: running.version() == version)
                done += wrk.still_runs(0)
            summary = wrk.summary()
            assert summary.all_good, summary
            requests += summary.requests
        running.judge()
        mode = "close" if close else "kept"
        totals.add(f"wrk on rhebok --max-requests, {bind} {mode}", f"{done} deploys", f"{requests}")
    finally:
        running.end()
        print(running.log)


def test_a_gradual_deploy_fails_no_request(site: Site, bind: str) -> None:
    running = start(
        "rhebok", site, bind, "--spawn-interval", "0.1", "--kill-old-delay", "0", "--signal-on-hup", "USR1"
    )
    try:
        with CheckingClients(running.address) as clients:
            clients.wait_for(1)
            site.release()
            running.deploy()
            running.wait_for("retiring one worker every 0.1 s")
            running.wait_for(r"generation 1 \(pid \d+\) exited with status 0")
            clients.wait_for(2)
        running.judge()
    finally:
        running.end()


def deploy_broken(running: Supervised, site: Site, way: str, generation: int) -> None:
    """Returns when it has been reported."""
    reports = len(running.matches(GOES_ON))
    fifo = site.directory / f"exit-{generation}"
    if way == "exits after ready":
        os.mkfifo(fifo)
    site.release(BROKEN[way])
    running.deploy()
    if way == "exits after ready":
        running.wait_for(rf"generation {generation} \(pid \d+\) is ready")
        fifo.open("wb").close()
    running.wait_for(GOES_ON, reports + 1)


def test_broken_generations_are_reported_and_the_good_one_serves(
    site: Site, deploys: int, totals: Totals
) -> None:
    """Every second generation is broken, in each way in turn."""
    options = ("--preload", "--start-timeout", "1.5", "--kill-old-delay", "0.3")
    running = start("rhebok", site, "tcp", *options)
    ways = list(BROKEN)
    turns = max(len(ways), deploys // 2)
    try:
        with CheckingClients(running.address) as clients:
            for turn in range(turns):
                good = site.version
                deploy_broken(running, site, ways[turn % len(ways)], generation=2 * turn + 2)
                clients.wait_for(good, clients.count(good) + 20)
                deploy_again_and_again(running, site, clients, 1)
        assert not running.matches(r"which nobody asked for")
        assert running.matches(r"exited with status 4 before it was ready")
        assert running.matches(r"exited with status 5 right after it was ready")
        assert running.matches(r"was not ready within 1.5 s")
        assert "threading.py" in running.log, "the one that hung has left no traceback"
        assert running.stop() == 0
        totals.add("rhebok, every second generation broken, tcp", f"{2 * turns} deploys", f"{clients.total}")
    finally:
        running.end()
        print(running.log)


def test_a_request_and_a_download_in_flight_are_finished_by_the_old_generation(
    site: Site, bind: str, gate: Gate
) -> None:
    running = start("rhebok", site, bind, "--kill-old-delay", "0", **gate.variables)
    try:
        with Client(running.address) as asking, Client(running.address, receive_buffer=4096) as loading:
            loading.send(b"GET /download HTTP/1.1\r\nHost: test\r\n\r\n")
            assert loading.response_head()[0] == 200
            asking.send(b"GET /gate?t HTTP/1.1\r\nHost: test\r\n\r\n")
            gate.wait_for_arrival()
            site.release()
            running.deploy()
            running.wait_for("stopping gracefully")
            until(lambda: running.version() == 2)
            assert not running.matches(r"generation 1 \(pid \d+\) exited")
            gate.open()
            response = asking.response()
            assert response.body.startswith(b"1 ")
            assert response.says_close
            body = b"".join(iter(loading.chunk, b""))
            assert body == b"".join(bytes([number % 256]) * 65536 for number in range(256))
        running.wait_for(r"generation 1 \(pid \d+\) exited with status 0")
        running.judge()
    finally:
        running.end()
        print(running.log)


def test_hups_that_come_together_are_one_more_deploy(site: Site, bind: str) -> None:
    running = start("rhebok", site, bind, "--kill-old-delay", "0")
    try:
        with CheckingClients(running.address) as clients:
            site.release()
            for _ in range(20):
                running.deploy()
            clients.wait_for(2)
            running.wait_for(r"\[INFO\] generation 2 \(pid \d+\) serves")
        running.judge()
    finally:
        running.end()


def test_a_moved_symbolic_link_is_the_new_release(tmp_path: Path) -> None:
    for number in (1, 2):
        release = tmp_path / f"release-{number}"
        release.mkdir()
        Site(release).version = number
        source = (release / "deployed.py").read_text()
        (release / "deployed.py").write_text(source.replace("VERSION = 1", f"VERSION = {number}"))
    link = tmp_path / "current"
    link.symlink_to("release-1")
    site = Site(tmp_path)
    (tmp_path / "deployed.py").unlink()
    running = start("rhebok", site, "tcp", "--chdir", str(link))
    try:
        fresh = tmp_path / "fresh-link"
        fresh.symlink_to("release-2")
        fresh.rename(link)
        running.deploy()
        until(lambda: running.version() == 2, lambda: running.log)
        running.judge()
    finally:
        running.end()


def test_all_workers_of_the_new_generation_serve_before_the_old_one_stops(site: Site) -> None:
    running = start("rhebok", site, "tcp", "--kill-old-delay", "0")
    try:
        site.release()
        running.deploy()
        running.wait_for("stopping gracefully")
        before_stopping = running.log.partition("stopping gracefully")[0]
        assert before_stopping.count("is ready") >= 2 * WORKERS
        running.judge()
    finally:
        running.end()


@contextmanager
def grown(site: Site, count: int) -> Iterator[Supervised]:
    """One worker was asked for, TTIN has made it more. What a generation is allowed beyond its own deadline
    is 1 s here, so that the workers that TTIN added need not be as many."""
    code = (
        "from rhebok import cli; from rhebok.superdaemon import supervisor; "
        "supervisor.MARGIN = 1; raise SystemExit(cli.main())"
    )
    port = free_port()
    argv = [sys.executable, "-c", code, MODULE, "--workers", "1", "--bind", f"127.0.0.1:{port}"]
    argv += ["--spawn-interval", "0.4", "--graceful-timeout", "1", "--kill-old-delay", "0"]
    argv += ["--signal-on-hup", "USR1"]
    running = Supervised(argv, site.directory, ("127.0.0.1", port))
    try:
        running.wait_for(r"generation 1 \(pid \d+\) serves")
        for workers in range(2, count + 1):
            running.send(SIGTTIN)
            running.wait_for(f"one worker more: {workers}")
        running.wait_for(r"worker \d+ is ready", count)
        yield running
    finally:
        running.end()
        print(running.log)


def test_a_generation_that_ttin_has_enlarged_gets_the_time_to_retire_all_its_workers(site: Site) -> None:
    with grown(site, 8) as running:
        running.deploy()
        running.wait_for(r"generation 1 \(pid \d+\) (?:exited with status 0|was killed)")
        assert running.matches(r"generation 1 \(pid \d+\) exited with status 0")
        running.judge()


def test_a_generation_that_is_to_have_more_workers_gets_the_time_to_start_them(site: Site) -> None:
    """The supervisor has read the configuration once, when it started."""
    configuration = site.directory / "rhebok.toml"
    configuration.write_text("workers = 1\n")
    port = free_port()
    argv = [*command(), MODULE, "--config", "rhebok.toml", "--bind", f"127.0.0.1:{port}"]
    argv += ["--spawn-interval", "0.4", "--start-timeout", "2", "--kill-old-delay", "0"]
    running = Supervised(argv, site.directory, ("127.0.0.1", port))
    try:
        running.wait_for(r"generation 1 \(pid \d+\) serves")
        configuration.write_text("workers = 9\n")
        running.deploy()
        running.wait_for(rf"generation 2 \(pid \d+\) serves|{GOES_ON}")
        assert not running.matches(GOES_ON)
        running.judge()
    finally:
        running.end()
        print(running.log)
