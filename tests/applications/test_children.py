"""Processes that an application starts: mended, items 8 and 12."""

import os
from pathlib import Path
from signal import SIGKILL

import pytest
from integration.conftest import Serve
from integration.processes import has_ended, open_names
from integration.server import Server, command
from integration.waiting import until

from applications.ends import End, each_end, each_way_to_load

each_kind = pytest.mark.parametrize("kind", ["pool", "manager"])


def listening_sockets(server: Server) -> set[str]:
    """As links in /proc/PID/fd show them."""
    port = server.address[1]
    assert isinstance(port, int)
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    found = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")}
    assert found
    return found


@each_end
@each_kind
def test_a_child_does_not_outlive_the_worker_that_started_it(serve_app: Serve, end: End, kind: str) -> None:
    server = serve_app("children", *end.options)
    workers = server.workers()
    children = server.get(f"/{kind}").json()
    end.of(server, workers)
    try:
        until(lambda: all(map(has_ended, children)), lambda: f"{children} live on")
    finally:
        for child in children:
            if not has_ended(child):
                os.kill(child, SIGKILL)


@pytest.mark.parametrize("kind", ["pool", "manager", "daemon"])
@each_way_to_load
def test_a_child_does_not_hold_the_listening_socket(serve_app: Serve, kind: str, load: str) -> None:
    server = serve_app("children", load)
    children = server.get(f"/{kind}").json()
    try:
        # It has just been forked, and closes them.
        until(lambda: not any(listening_sockets(server) & set(open_names(child)) for child in children))
    finally:
        for child in children:
            os.kill(child, SIGKILL)


def test_a_child_that_a_killed_worker_left_does_not_keep_the_port(serve_app: Serve) -> None:
    server = serve_app("children", "--err-respawn-interval", "0.1")
    children = server.get("/manager").json()
    held = listening_sockets(server)
    try:
        os.kill(server.workers()[0], SIGKILL)
        server.wait_for(r"worker \d+ is ready", 2)
        holders = [child for child in children if not has_ended(child) and held & set(open_names(child))]
        assert not holders
    finally:
        for child in children:
            if not has_ended(child):
                os.kill(child, SIGKILL)


@each_way_to_load
def test_a_child_has_nothing_of_the_superdaemon_in_its_environment(serve_app: Serve, load: str) -> None:
    """A rhebok that the application starts would take our listeners, and speak for us."""
    names = serve_app("children", load).get("/environment").json()
    ours = ("SERVER_STARTER_", "RHEBOK_SUPERVISOR", "NOTIFY_SOCKET", "LISTEN_", "WATCHDOG_")
    assert [name for name in names if name.startswith(ours)] == []
    assert "PATH" in names


def endless_stdin() -> list[str]:
    return ["sh", "-c", 'exec "$@" < /dev/zero', "sh", *command()]


@each_way_to_load
def test_the_stdin_of_a_worker_is_dev_null(serve_app: Serve, load: str) -> None:
    """breakpoint() and getpass() find the end of the file, not a terminal."""
    assert serve_app("children", load, started_as=endless_stdin()).get("/stdin").json() == os.devnull


def test_who_asks_at_the_stdin_of_a_worker_gets_the_end_of_the_file(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "asking.py").write_text(
        "import sys, threading\n"
        "def ask():\n"
        "    with open('asked', 'w') as file:\n"
        "        file.write(repr(sys.stdin.readline(10)))\n"
        "threading.Thread(target=ask, daemon=True).start()\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [b'served']\n"
    )
    serve("asking", "--no-preload", started_as=endless_stdin())
    asked = tmp_path / "asked"
    until(lambda: asked.exists() and asked.read_text())
    assert asked.read_text() == "''"


def test_the_application_learns_the_exit_status_of_a_child_of_the_master(
    serve: Serve, tmp_path: Path
) -> None:
    """The master waits for its own processes only. The application waits when the child has long ended."""
    (tmp_path / "waiting.py").write_text(
        "import subprocess, threading, time\n"
        "CHILD = subprocess.Popen(['sh', '-c', 'read go < go; exit 7'])\n"
        "def wait():\n"
        "    while not __import__('os').path.exists('ended'):\n"
        "        time.sleep(0.01)\n"
        "    open('status', 'w').write(str(CHILD.wait()))\n"
        "threading.Thread(target=wait, daemon=True).start()\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [b'%d' % CHILD.pid]\n"
    )
    os.mkfifo(tmp_path / "go")
    server = serve("waiting", "--preload", "--err-respawn-interval", "0")
    child = server.get("/").json()
    (tmp_path / "go").write_text("go\n")
    until(lambda: has_ended(child))
    os.kill(server.workers()[0], SIGKILL)  # the master reaps now
    server.wait_for(r"worker \d+ is ready", 2)
    (tmp_path / "ended").touch()
    status = tmp_path / "status"
    until(lambda: status.exists() and status.read_text())
    assert status.read_text() == "7"
