"""The cache, through the real command: one request fills it while others wait, and what happens to it."""

import os
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from integration.conftest import Serve
from integration.gate import Gate
from integration.http_client import Client, Response
from integration.server import Server, command, environment
from integration.waiting import until

CROWD = 1000

# Processes share the cache, and in one of them threads, without the GIL with a loop each.
each_way_to_share = pytest.mark.parametrize(
    ("workers", "threads"), [(3, "1"), (1, "3")], ids=["workers", "threads"]
)


@pytest.fixture
def calls(tmp_path: Path) -> Callable[[str], int]:
    """How often the application was called for a path."""

    def count(path: str) -> int:
        file = tmp_path / "calls"
        return file.read_text().splitlines().count(path) if file.exists() else 0

    return count


def ctl(server: Server, *words: str) -> str:
    return rhebok(server, "ctl", *words, "--server", name_of(server))


def status(server: Server) -> str:
    return rhebok(server, "status", name_of(server))


def name_of(server: Server) -> str:
    return f"{server.address[0]}-{server.address[1]}"


def rhebok(server: Server, *words: str) -> str:
    done = subprocess.run(
        [*command(), *words],
        cwd=server.directory,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def send_all(server: Server, path: str, count: int) -> list[Client]:
    clients = [server.client() for _ in range(count)]
    for client in clients:
        client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    return clients


def answers_of(clients: list[Client]) -> list[Response]:
    responses = [client.response() for client in clients]
    for client in clients:
        client.close()
    return responses


@each_way_to_share
def test_a_crowd_for_one_missing_page_calls_the_application_once(
    serve: Serve, gate: Gate, calls: Callable[[str], int], workers: int, threads: str
) -> None:
    server = serve("cached", "--threads", threads, "--cache", "4m", workers=workers, **gate.variables)
    clients = send_all(server, "/gate", CROWD)
    gate.wait_for_arrival()
    # One worker or thread is at the gate. The others have read all requests that the kernel gave them.
    others = [server.get(f"/plain?{number}").status for number in range(20)]
    assert others == [200] * 20
    gate.open()
    responses = answers_of(clients)
    assert {response.status for response in responses} == {200}
    assert len({response.body for response in responses}) == 1
    assert calls("/gate") == 1


def test_a_filler_that_is_killed_is_followed_by_another(
    serve: Serve, gate: Gate, calls: Callable[[str], int]
) -> None:
    server = serve("cached", "--cache", "4m", "--cache-wait", "300", workers=2, **gate.variables)
    first = send_all(server, "/gate", 1)
    gate.wait_for_arrival()
    busy = until(lambda: _busy(server), lambda: server.log)
    waiting = send_all(server, "/gate", 20)
    assert server.get("/plain").status == 200
    os.kill(busy, signal.SIGKILL)
    first[0].close()
    gate.remove()
    answered = [response.status for response in _answers_of_the_living(waiting)]
    assert answered
    assert set(answered) == {200}
    assert (
        calls("/gate") <= 3
    )  # the one that was killed, and the next one; a connection of the dead one is lost
    server.wait_for_workers(2, without=[busy])


def _answers_of_the_living(clients: list[Client]) -> list[Response]:
    """Without those whose connections were with the worker that was killed."""
    found = []
    for client in clients:
        try:
            found.append(client.response())
        except (AssertionError, OSError):
            continue
        finally:
            client.close()
    return found


def _busy(server: Server) -> int:
    """The worker that has the gate open."""
    for pid in server.workers():
        stack = Path(f"/proc/{pid}/wchan").read_text()
        opened = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()]
        if any(name.endswith("/gate") for name in opened) or "fifo" in stack or "pipe" in stack:
            return pid
    return 0


@each_way_to_share
def test_an_answer_that_is_not_stored_lets_all_go(
    serve: Serve, gate: Gate, calls: Callable[[str], int], workers: int, threads: str
) -> None:
    options = ["--threads", threads, "--cache", "4m", "--cache-wait", "300"]
    server = serve("cached", *options, workers=workers, **gate.variables)
    clients = send_all(server, "/gate-plain", 5)
    gate.wait_for_arrival()
    assert server.get("/plain").status == 200
    gate.remove()
    assert {response.status for response in answers_of(clients)} == {200}
    assert calls("/gate-plain") == 5


@pytest.mark.parametrize("page", ["/page?size=4000000", "/page?size=4000000&yields=1"])
def test_a_client_that_reads_slowly_does_not_hold_up_the_others(
    serve: Serve, calls: Callable[[str], int], page: str
) -> None:
    server = serve("cached", "--cache", "16m", "--cache-entry", "8m", "--cache-wait", "300", workers=2)
    slow = send_all(server, page, 1)
    until(lambda: calls("/page") == 1, lambda: server.log)
    # It waits for the claim, which ends with the response, and not when the client has read it.
    with server.client() as client:
        assert "hit" in client.get(page, Host="a").fields["cache-status"]
    assert calls("/page") == 1
    assert "stored" in answers_of(slow)[0].fields["cache-status"]


@each_way_to_share
def test_an_answer_that_breaks_in_its_middle_lets_all_go(
    serve: Serve, gate: Gate, calls: Callable[[str], int], workers: int, threads: str
) -> None:
    options = ["--threads", threads, "--cache", "4m", "--cache-wait", "300"]
    server = serve("cached", *options, workers=workers, **gate.variables)
    server.tracebacks = 3
    clients = send_all(server, "/breaks", 3)
    gate.wait_for_arrival()
    assert server.get("/plain").status == 200
    assert calls("/breaks") == 1
    gate.open()
    until(lambda: calls("/breaks") == 3, lambda: server.log)  # both, though nobody passed the gate
    gate.remove()
    for client in clients:
        client.close()


@each_way_to_share
def test_nobody_waits_for_longer_than_cache_wait(
    serve: Serve, gate: Gate, calls: Callable[[str], int], workers: int, threads: str
) -> None:
    options = ["--threads", threads, "--cache", "4m", "--cache-wait", "0.1"]
    server = serve("cached", *options, workers=workers, **gate.variables)
    clients = send_all(server, "/gate", 2)
    gate.wait_for_arrival()
    until(lambda: calls("/gate") == 2, lambda: server.log)
    gate.remove()
    assert {response.status for response in answers_of(clients)} == {200}


def test_the_access_log_tells_how_long_a_request_waited_for_another(
    serve: Serve, gate: Gate, calls: Callable[[str], int]
) -> None:
    log = ("--access-logfile", "access.log", "--access-logformat", "%(U)s %({wait_time}x)s")
    server = serve("cached", "--cache", "4m", "--cache-wait", "0.3", *log, workers=3, **gate.variables)
    clients = send_all(server, "/gate", 2)
    gate.wait_for_arrival()
    until(lambda: calls("/gate") == 2, lambda: server.log)
    gate.remove()
    for client in clients:
        assert client.response().status == 200
        assert client.get("/other").status == 200
        client.close()
    file = server.directory / "access.log"
    lines = until(
        lambda: [line.split() for line in found] if len(found := file.read_text().splitlines()) >= 4 else []
    )
    waited = sorted(float(seconds) for path, seconds in lines if path == "/gate")
    assert waited[0] == 0.0
    assert 0.25 < waited[1] < 20
    assert {float(seconds) for path, seconds in lines if path == "/other"} == {0.0}


def test_a_deploy_begins_with_an_empty_cache(serve: Serve, calls: Callable[[str], int]) -> None:
    server = serve("cached", "--cache", "4m", workers=2)
    assert [server.get("/a").status for _ in range(5)] == [200] * 5
    assert calls("/a") == 1
    old = server.workers()
    server.send(signal.SIGHUP)
    server.wait_for_workers(2, without=old)
    assert [server.get("/a").status for _ in range(5)] == [200] * 5
    assert calls("/a") == 2


def test_requests_go_on_while_a_deploy_waits_for_a_filler(
    serve: Serve, gate: Gate, calls: Callable[[str], int]
) -> None:
    server = serve("cached", "--cache", "4m", "--cache-wait", "300", workers=2, **gate.variables)
    clients = send_all(server, "/gate", 10)
    gate.wait_for_arrival()
    assert server.get("/plain").status == 200
    old = server.workers()
    server.send(signal.SIGHUP)
    until(lambda: set(server.workers()) - set(old), lambda: server.log)
    gate.remove()
    assert {response.status for response in answers_of(clients)} == {200}
    server.wait_for_workers(2, without=old)


@pytest.mark.parametrize(
    ("purged", "left"),
    [
        ("{}/a?tag=red", {"/b?tag=red", "/b?tag=blue"}),
        ("{}/b*", {"/a?tag=red"}),
        ("red", {"/b?tag=blue"}),
        ("*", set()),
    ],
    ids=["url", "prefix", "tag", "all"],
)
def test_purge(serve: Serve, purged: str, left: set[str]) -> None:
    server = serve("cached", "--cache", "4m", workers=2)
    pages = ["/a?tag=red", "/b?tag=red", "/b?tag=blue"]
    with server.client() as client:
        host = {"Host": "Example.com"}
        for page in pages:
            client.get(page, **host)
            assert "hit" in client.get(page, **host).fields["cache-status"]
        ctl(server, "purge", purged.format("http://example.com"))
        assert {page for page in pages if "hit" in client.get(page, **host).fields["cache-status"]} == left


@pytest.mark.parametrize(
    ("purged", "page"),
    [
        ("http://example.com", "/"),
        ("http://example.com?tag=red", "/?tag=red"),
        ("HTTP://Example.com/a#top", "/a"),
    ],
)
def test_a_url_to_purge_is_that_of_the_request(serve: Serve, purged: str, page: str) -> None:
    server = serve("cached", "--cache", "4m", workers=1)
    with server.client() as client:
        for _ in range(2):
            kept = client.get(page, Host="example.com")
        assert "hit" in kept.fields["cache-status"]
        ctl(server, "purge", purged)
        assert "hit" not in client.get(page, Host="example.com").fields["cache-status"]


def test_a_path_to_purge_is_said_to_be_taken_for_a_tag(serve: Serve) -> None:
    server = serve("cached", "--cache", "4m", workers=1)
    assert "a URL begins with http://" in ctl(server, "purge", "/news/")
    assert "kept with the tag news is" in ctl(server, "purge", "news")
    assert ctl(server, "purge", "*").strip() == "nothing that was kept is answered any more"


def test_without_a_cache_there_is_nothing_to_purge(serve: Serve) -> None:
    server = serve("cached", workers=1)
    with pytest.raises(subprocess.CalledProcessError) as failed:
        ctl(server, "purge", "*")
    assert "no generation has a cache" in failed.value.stderr
    assert "cache" not in status(server)


def test_status_has_the_size_of_the_cache(serve: Serve) -> None:
    server = serve("cached", "--cache", "4m", workers=2)
    assert "cache: 0 kept (0B of 4.0M), 0 hits" in status(server)


def test_the_size_is_a_bound_and_what_is_used_is_kept(serve: Serve, calls: Callable[[str], int]) -> None:
    server = serve("cached", "--cache", "2m", workers=2)
    with server.client() as client:
        for number in range(400):  # 8 MiB
            client.get(f"/page{number}?size=20000")
            client.get("/used?size=20000")
        assert calls("/used") == 1
        assert "hit" not in client.get("/page0?size=20000").fields["cache-status"]
    assert calls("/page0") == 2


def test_large_responses_come_whole_from_the_cache_to_slow_clients(serve: Serve) -> None:
    server = serve("cached", "--cache", "64m", "--cache-entry", "8m", workers=1)
    size = 6_000_000
    server.get(f"/large?size={size}")
    slow = [Client(server.address, receive_buffer=4096) for _ in range(3)]
    for client in slow:
        client.send(f"GET /large?size={size} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert server.get("/plain").status == 200
    bodies = [response.body for response in answers_of(slow)]
    assert all(body == b"/large".ljust(size, b".") for body in bodies)


@pytest.mark.parametrize("threads", ["1", "4"])
def test_many_clients_with_several_threads(serve: Serve, threads: str, calls: Callable[[str], int]) -> None:
    server = serve("cached", "--cache", "4m", "--threads", threads, workers=2)

    def visit(number: int) -> set[int]:
        with server.client() as client:
            return {client.get(f"/{place % 5}").status for place in range(number, number + 50)}

    with ThreadPoolExecutor(20) as pool:
        assert set().union(*pool.map(visit, range(20))) == {200}
    assert sum(calls(f"/{number}") for number in range(5)) <= 10
