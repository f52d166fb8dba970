"""rhebok under the real Perl start_server, and with listeners handed over by SERVER_STARTER_PORT."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM
from typing import Any

import pytest

from integration.conftest import Serve
from integration.http_client import Address, Client, Response, connect
from integration.load import SteadyClients
from integration.processes import descendants
from integration.server import APPS, EXAMPLES, Process, command, free_port, program
from integration.waiting import until

under_perl = pytest.mark.needs("start_server")


class Starter(Process):
    """start_server with rhebok beneath it, once it answers."""

    def __init__(self, argv: list[str], directory: Path, address: Address, **variables: Any) -> None:
        self.address = address
        self._status = directory / "status"
        super().__init__(argv, directory, **variables)
        until(self._answers, lambda: self.log)

    @property
    def generations(self) -> list[int]:
        """Those of the status file, a line each: generation:pid."""
        if not self._status.exists():
            return []
        return sorted(int(line.partition(":")[0]) for line in self._status.read_text().split())

    def restart(self) -> None:
        """HUP, until only the new generation is left."""
        (current,) = until(lambda: self.generations)
        self.send(SIGHUP)
        until(lambda: self.generations == [current + 1], lambda: f"{self.generations}\n{self.log}")

    def get(self) -> Response:
        with Client(self.address) as client:
            return client.get("/", Connection="close")

    def _answers(self) -> bool:
        assert not self.ended, self.log
        try:
            return bool(self.generations) and self.get().status == 200
        except (ConnectionRefusedError, FileNotFoundError):
            return False


def starter(
    directory: Path, listen: list[str], address: Address, *options: str, app: str = "gated"
) -> Starter:
    own = [program("start_server"), *listen, "--interval", "1", "--status-file", str(directory / "status")]
    served = [*command(), "--workers", "2", "--pythonpath", str(APPS), *options, app]
    return Starter([*own, "--", *served], directory, address)


@pytest.fixture(params=["tcp", "unix"])
def started(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Starter]:
    if request.param == "tcp":
        port = free_port()
        running = starter(tmp_path, ["--port", f"127.0.0.1:{port}"], ("127.0.0.1", port))
    else:
        path = str(tmp_path / "app.sock")
        running = starter(tmp_path, ["--path", path], path)
    try:
        yield running
        if not running.ended:
            assert running.stop(SIGTERM) == 0
        assert "Traceback" not in running.log
    finally:
        running.end()
        print(running.log)


@under_perl
def test_it_serves_and_stops_with_start_server(started: Starter) -> None:
    assert started.get().status == 200
    assert started.stop(SIGTERM) == 0
    assert "rhebok" in started.log


@under_perl
def test_no_request_fails_when_start_server_restarts_it(started: Starter) -> None:
    with SteadyClients(started.address) as clients:
        for _ in range(2):
            before = clients.seen()
            started.restart()
            clients.wait_for_others(before)


@under_perl
def test_a_kept_alive_connection_is_told_to_close_by_the_old_generation(started: Starter) -> None:
    with Client(started.address) as client:
        assert not client.get("/").says_close
        old = {str(pid).encode() for pid in descendants(started.pid)}
        started.send(SIGHUP)
        while not (response := client.get("/")).says_close:
            assert response.body in old  # another worker of the generation may have taken the connection over
        assert response.body in old
        assert client.at_end()
    until(lambda: started.generations == [2])


@under_perl
def test_start_server_ends_it_at_int(started: Starter) -> None:
    started.send(SIGINT)
    started.wait()


@under_perl
def test_what_the_shell_before_it_has_started_stays_when_it_begins_again(tmp_path: Path) -> None:
    (tmp_path / "ticking.py").write_text(
        "import threading\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'']\n"
    )
    port = free_port()
    listen = ["--port", f"127.0.0.1:{port}", "--status-file", str(tmp_path / "status")]
    shell = ["sh", "-c", 'sleep 1000 & echo $! > helper; exec "$@"', "sh", *command(), "ticking:app"]
    running = Starter([program("start_server"), *listen, "--", *shell], tmp_path, ("127.0.0.1", port))
    helper = int((tmp_path / "helper").read_text())
    try:
        assert "each worker loads the application" in running.log
        assert helper in descendants(running.pid)
        os.kill(helper, SIGTERM)
        assert running.stop(SIGTERM) == 0
    finally:
        running.end()


@under_perl
def test_the_example_runs_under_start_server(tmp_path: Path) -> None:
    port = free_port()
    variables = {
        "PORT": f"127.0.0.1:{port}",
        "PIDFILE": str(tmp_path / "pid"),
        "STATUSFILE": str(tmp_path / "status"),
        "INTERVAL": "1",
        "WORKERS": "2",
    }
    running = Starter([str(EXAMPLES / "start_server" / "run")], tmp_path, ("127.0.0.1", port), **variables)
    try:
        assert running.get().body == b"Hello, World!\n"
        assert int((tmp_path / "pid").read_text()) == running.pid
        running.restart()
        assert running.get().body == b"Hello, World!\n"
        assert running.stop(SIGTERM) == 0
    finally:
        running.end()


# Without start_server: its part played by the test.


@pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "non-blocking"])
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6, socket.AF_UNIX])
def test_a_listener_is_used_whether_it_blocks_or_not(
    serve: Serve, tmp_path: Path, family: socket.AddressFamily, blocking: bool
) -> None:
    path = str(tmp_path / "handed-over.sock")
    places: dict[int, Address] = {socket.AF_INET: ("127.0.0.1", 0), socket.AF_INET6: ("::1", 0)}
    with socket.socket(family) as listener:
        listener.bind(places.get(family, path))
        listener.listen(64)
        listener.setblocking(blocking)
        fd = listener.fileno()
        port = path if family == socket.AF_UNIX else f"127.0.0.1:{listener.getsockname()[1]}"
        spec = {"SERVER_STARTER_PORT": f"{port}={fd}", "SERVER_STARTER_GENERATION": "1"}
        server = serve("gated", bind=None, workers=2, pass_fds=[fd], **spec)
        with server.client() as kept:
            kept.get("/")
            with SteadyClients(server.address) as clients:
                until(lambda: clients.total > 100)
            assert kept.get("/").status == 200


def test_all_listeners_are_served(serve: Serve, tmp_path: Path) -> None:
    path = str(tmp_path / "second.sock")
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as local:
        tcp.bind(("127.0.0.1", 0))
        local.bind(path)
        for listener in (tcp, local):
            listener.listen(64)
        address = tcp.getsockname()
        spec = f"{address[1]}={tcp.fileno()};{path}={local.fileno()}"
        server = serve("gated", bind=None, pass_fds=[tcp.fileno(), local.fileno()], SERVER_STARTER_PORT=spec)
        for place in (address, path):
            with Client(place) as client:
                assert client.get("/").json() == server.workers()[0]


def test_a_path_that_was_handed_over_is_left_in_place(serve: Serve, tmp_path: Path) -> None:
    path = str(tmp_path / "theirs.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        spec = {"SERVER_STARTER_PORT": f"{path}={listener.fileno()}"}
        server = serve("gated", bind=None, pass_fds=[listener.fileno()], **spec)
        assert server.stop() == 0
        assert os.path.exists(path)
        connect(path).close()  # still listening: it is ours
