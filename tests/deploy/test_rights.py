"""What the processes of a user may and can do: mended, items 7 and 9."""

import ast
import os
import resource
import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from signal import SIGHUP

import pytest
from integration.conftest import Serve
from integration.http_client import Client
from integration.metrics import listening
from integration.server import Process, command
from integration.waiting import until

from deploy.identities import STRANGER, as_root, open_to_all
from deploy.site import MODULE, Site
from deploy.supervisors import start

RIGHTS = """
import json
def rights():
    status = open("/proc/self/status").read()
    line = lambda name: status.split(name + ":")[1].splitlines()[0].split()
    names = ("Uid", "Gid", "Groups", "NoNewPrivs", "CapEff", "CapPrm")
    return {name: line(name) for name in names}
def application(environ, start_response):
    start_response("200 OK", [])
    return [json.dumps(rights()).encode()]
"""


@as_root
@pytest.mark.parametrize("user", [str(STRANGER), "nobody"])
def test_a_worker_of_a_user_has_nothing_of_roots_and_gets_no_new_rights(
    serve: Serve, tmp_path: Path, user: str
) -> None:
    open_to_all(tmp_path)
    (tmp_path / "rights.py").write_text(RIGHTS)
    server = serve("rights", "--user", user, bind="unix:s")
    with Client(server.address) as client:
        rights = client.get("/").json()
    assert "0" not in rights["Uid"] + rights["Gid"] + rights["Groups"], rights
    assert int(rights["CapEff"][0], 16) == int(rights["CapPrm"][0], 16) == 0, rights
    assert rights["NoNewPrivs"] == ["1"], rights
    master = Path(f"/proc/{server.master}/status").read_text()
    assert "NoNewPrivs:\t1" in master


@as_root
@pytest.mark.skipif(not shutil.which("setpriv"), reason="takes setpriv")
def test_capabilities_that_the_securebits_keep_are_dropped(tmp_path: Path) -> None:
    open_to_all(tmp_path)
    (tmp_path / "rights.py").write_text(RIGHTS + "print(rights())")
    argv = ["setpriv", "--securebits=+no_setuid_fixup", *command(), "--check-config", "--user", str(STRANGER)]
    done = subprocess.run(
        [*argv, "rights"], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True
    )
    rights = ast.literal_eval(done.stdout.splitlines()[0])
    assert int(rights["CapEff"][0], 16) == int(rights["CapPrm"][0], 16) == 0, rights


@as_root
def test_the_check_runs_no_code_of_the_user_as_root(tmp_path: Path) -> None:
    open_to_all(tmp_path)
    (tmp_path / "rights.py").write_text(RIGHTS + "print(rights())")
    argv = [*command(), "--check-config", "--user", str(STRANGER), "rights"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True)
    rights = ast.literal_eval(done.stdout.splitlines()[0])
    assert "0" not in rights["Uid"] + rights["Gid"] + rights["Groups"], rights
    assert rights["NoNewPrivs"] == ["1"], rights


@as_root
def test_without_a_passwd_entry_the_deploy_and_the_stop_work_too(serve: Serve, tmp_path: Path) -> None:
    open_to_all(tmp_path)
    (tmp_path / "rights.py").write_text(RIGHTS)
    server = serve("rights", "--user", str(STRANGER), "--kill-old-delay", "0")
    server.send(SIGHUP)
    server.wait_for(r"generation 1 \(pid \d+\) exited with status 0")
    assert server.get("/").json()["Uid"] == [str(STRANGER)] * 4
    assert server.stop() == 0


@as_root
def test_hup_to_a_generation_of_a_user_deploys_although_it_cannot_signal_root(
    serve: Serve, tmp_path: Path
) -> None:
    open_to_all(tmp_path)
    (tmp_path / "rights.py").write_text(RIGHTS)
    server = serve("rights", "--user", str(STRANGER), "--kill-old-delay", "0")
    os.kill(server.master, SIGHUP)
    server.wait_for(r"generation 1 \(pid \d+\) exited with status 0")
    assert server.matches(rf"HUP passed on to the supervisor, pid {server.pid}")
    assert server.get("/").json()["Uid"] == [str(STRANGER)] * 4
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("options", "mode"),
    [
        (("--umask", "027"), 0o750),
        (("--umask", "077"), 0o700),
        (("--umask", "0"), 0o777),
        (("--umask", "077", "--socket-mode", "0660"), 0o660),
        (("--socket-mode", "0777"), 0o777),
    ],
)
def test_the_umask_is_that_of_unix_sockets_and_socket_mode_overrides(
    serve: Serve, tmp_path: Path, options: tuple[str, ...], mode: int
) -> None:
    serve("gated", *options, bind="unix:s")
    assert (tmp_path / "s").stat().st_mode & 0o777 == mode


@as_root
def test_threads_that_a_deploy_cannot_make_change_nothing(site: Site, tmp_path: Path) -> None:
    """ulimit -u (item 9): the processes of the next generation can be made, not all of their threads."""
    open_to_all(tmp_path)
    user = STRANGER + os.getpid() % 10_000  # nobody else's processes count
    options = ["--user", str(user), "--group", str(user), "--threads", "8", "--kill-old-delay", "0"]
    options += ["--err-respawn-interval", "0.05", "--start-timeout", "10"]
    running = start("rhebok", site, "tcp", *options)
    try:
        limit = tasks_of(user) + 1 + 2 + 4  # the next master, its two workers, and a few threads
        _limit_processes(running.pid, limit)
        site.release()
        running.deploy()
        running.wait_for(r"generation 2 \(pid \d+\) serves|generation 1 \(pid \d+\) goes on serving")
        assert not running.matches(r"generation 2 \(pid \d+\) serves")
        for _ in range(5):
            assert running.version() == 1
        _limit_processes(running.pid, 100_000)
        running.deploy()
        running.wait_for(r"generation 3 \(pid \d+\) serves")
        until(lambda: running.version() == 2)  # the old one may still accept for a moment
    finally:
        running.end()
        print(running.log)


def tasks_of(user: int) -> int:
    """What RLIMIT_NPROC counts."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if process.stat().st_uid == user:
                count += len(list((process / "task").iterdir()))
    return count


def _limit_processes(pid: int, limit: int) -> None:
    """The hard limit stays: in a container root may not raise it again."""
    hard = resource.prlimit(pid, resource.RLIMIT_NPROC)[1]
    soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.prlimit(pid, resource.RLIMIT_NPROC, (soft, hard))


def test_the_first_start_fails_when_its_threads_cannot_be_made(site: Site, tmp_path: Path) -> None:
    """ulimit -v: no memory for stacks."""
    argv = ["sh", "-c", 'ulimit -v 2000000; exec "$@"', "sh", *command(), MODULE, "--bind", "127.0.0.1:0"]
    argv += ["--workers", "1", "--threads", "1000", "--err-respawn-interval", "0"]
    running = Process(argv, tmp_path)
    try:
        assert running.wait() != 0
        assert "Traceback" not in running.log
        assert "thread" in running.log
    finally:
        running.end()
        print(running.log)


@as_root
def test_the_socket_of_statsd_is_connected_before_the_user_changes(serve: Serve, tmp_path: Path) -> None:
    open_to_all(tmp_path)
    (tmp_path / "rights.py").write_text(RIGHTS)
    secret = tmp_path / "secret"
    secret.mkdir(mode=0o700)
    with listening(socket.AF_UNIX, str(secret / "s")) as metrics:
        server = serve("rights", "--user", str(STRANGER), "--statsd-host", metrics.address)
        server.get("/")
        until(lambda: metrics.counter("gunicorn.requests") == 1)
