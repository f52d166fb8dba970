"""What systemd is told, and the sockets that it hands over."""

import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from signal import SIGHUP, SIGTERM

import pytest
from integration.gate import Gate
from integration.processes import state
from integration.server import EXAMPLES, Process, command, free_port, program
from integration.waiting import until

from deploy.fake_systemd import FakeSystemd
from deploy.site import MODULE, Site
from deploy.supervisors import Supervised, start


def test_ready_is_said_when_the_workers_serve_with_the_pid_to_signal(site: Site, tmp_path: Path) -> None:
    with FakeSystemd(tmp_path) as systemd:
        running = start("rhebok", site, "tcp", NOTIFY_SOCKET=systemd.address)
        try:
            ready = systemd.wait_for("READY")
            assert (ready["READY"], ready["MAINPID"]) == ("1", str(running.pid))
            assert ready["STATUS"] == "generation 1 serves"
            running.judge()
        finally:
            running.end()


def test_a_deploy_is_reloading_with_the_time_and_then_ready(site: Site, tmp_path: Path) -> None:
    with FakeSystemd(tmp_path) as systemd:
        running = start("rhebok", site, "tcp", "--kill-old-delay", "0", NOTIFY_SOCKET=systemd.address)
        try:
            before = time.monotonic_ns() // 1000
            running.send(SIGHUP)
            reloading = systemd.wait_for("RELOADING")
            assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
            assert systemd.wait_for("READY", 2)["STATUS"] == "generation 2 serves"
            running.judge()
        finally:
            running.end()
        assert systemd.keys() == ["READY", "RELOADING", "READY", "STOPPING"]


def test_a_failed_deploy_is_ready_again_and_the_status_says_so(site: Site, tmp_path: Path) -> None:
    with FakeSystemd(tmp_path) as systemd:
        running = start("rhebok", site, "tcp", NOTIFY_SOCKET=systemd.address)
        try:
            site.release("import no_such_module")
            running.send(SIGHUP)
            status = systemd.wait_for("READY", 2)["STATUS"]
            assert status == "generation 2 failed, generation 1 serves"
            running.tracebacks = 1
            running.judge()
        finally:
            running.end()


def test_the_watchdog_is_fed_while_a_generation_serves(site: Site, tmp_path: Path) -> None:
    with FakeSystemd(tmp_path) as systemd:
        running = start("rhebok", site, "tcp", NOTIFY_SOCKET=systemd.address, WATCHDOG_USEC="50000")
        try:
            systemd.wait_for("WATCHDOG", 5)
            running.judge()
        finally:
            running.end()


def test_with_a_watchdog_it_sleeps_while_no_generation_serves(site: Site, tmp_path: Path, gate: Gate) -> None:
    """It is not fed then, and must not be waited for either."""
    site.release("from gated import pass_gate; pass_gate()")
    argv = [*command(), MODULE, "--workers", "1", "--bind", "127.0.0.1:0"]
    loading = Process(argv, tmp_path, WATCHDOG_USEC="50000", **gate.variables)
    try:
        gate.wait_for_arrival()
        until(lambda: all(state(loading.pid) == "S" for _ in range(100)))
        gate.open()
        loading.wait_for(r"generation 1 \(pid \d+\) serves")
        assert loading.stop() == 0
    finally:
        loading.end()


def test_the_application_cannot_speak_to_systemd(site: Site, tmp_path: Path) -> None:
    with FakeSystemd(tmp_path) as systemd:
        site.release("assert 'NOTIFY_SOCKET' not in os.environ and 'WATCHDOG_USEC' not in os.environ")
        running = start("rhebok", site, "tcp", NOTIFY_SOCKET=systemd.address, WATCHDOG_USEC="60000000")
        running.end()


def test_under_a_superdaemon_each_generation_says_ready_and_nothing_of_the_service(
    site: Site, tmp_path: Path
) -> None:
    """By MAINPID or STOPPING systemd would take the end of the old generation for that of the service."""
    with FakeSystemd(tmp_path) as systemd:
        running = start("rhebok-starter", site, "tcp", NOTIFY_SOCKET=systemd.address)
        try:
            running.deploy()
            systemd.wait_for("READY", 2)
            running.wait_for(r"generation 1 \(pid \d+\) exited with status 0")
            running.judge()
        finally:
            running.end()
        assert systemd.keys() == ["READY", "READY"]
        assert [set(message) for message in systemd.said] == [{"READY", "STATUS"}] * 2


@pytest.mark.needs("systemd-socket-activate")
def test_sockets_of_systemd_are_adopted_and_kept_over_a_deploy(site: Site) -> None:
    port, path = free_port(), site.directory / "activated"
    listen = [f"--listen=127.0.0.1:{port}", f"--listen={path}", "--fdname=web:admin"]
    argv = [program("systemd-socket-activate"), *listen, *command(), MODULE, "--workers", "1"]
    argv += ["--bind", "unix:never-bound", "--kill-old-delay", "0"]
    running = Supervised(argv, site.directory, ("127.0.0.1", port))
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET /?t HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
        site.release("assert not any(name.startswith('LISTEN_') for name in os.environ)")
        running.deploy()
        until(lambda: running.version() == 2, lambda: running.log)
        assert not (site.directory / "never-bound").exists()
        assert running.stop(SIGTERM) == 0
        assert path.exists(), "the path is systemd's"
    finally:
        running.end()
        print(running.log)


@pytest.mark.parametrize("unit", sorted(EXAMPLES.glob("systemd/*")), ids=lambda unit: unit.name)
@pytest.mark.needs("systemd-analyze")
def test_the_example_units_are_what_systemd_understands(unit: Path, tmp_path: Path) -> None:
    for source in unit.parent.iterdir():
        text = source.read_text().replace("/srv/app/venv/bin/rhebok", "/bin/true")
        (tmp_path / source.name).write_text(text.replace("User=app\n", "").replace("Group=app\n", ""))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / unit.name],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in checked.stderr.splitlines() if str(tmp_path) in line]
    assert not [line for line in complaints if "Unknown" in line or "Failed" in line], checked.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="takes systemd")
def test_the_service_of_the_examples_leaves_the_application_little() -> None:
    """systemd's own measure: from 0 to 10, where 10 is a service with all rights."""
    command = ["systemd-analyze", "security", "--offline=true", str(EXAMPLES / "systemd" / "app.service")]
    result = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"Overall exposure level for app\.service: ([0-9.]+)", result.stdout)
    if found is None:
        pytest.skip(f"systemd-analyze does not run here: {result.stderr}")
    assert float(found[1]) < 4, result.stdout


def test_the_example_units_need_no_new_systemd_and_share_the_socket_with_nginx() -> None:
    """Type=notify-reload is of systemd 253; Debian 12 has 252."""
    service = (EXAMPLES / "systemd/app.service").read_text().splitlines()
    assert "Type=notify" in service
    assert "ExecReload=/bin/kill -HUP $MAINPID" in service
    (path,) = re.findall(r"server unix:(\S+);", (EXAMPLES / "nginx/nginx.conf").read_text())
    assert f"ListenStream={path}" in (EXAMPLES / "systemd/app.socket").read_text().splitlines()
