"""A request that arrives at a busy worker is answered by an idle one, or by the first that becomes free."""

import hashlib
import select
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from integration.conftest import MakeCrew
from integration.crew import Crew, answer, ask, ask_all, stays_silent
from integration.http_client import Client, head
from integration.owners import has_read_all
from integration.processes import descriptors
from integration.waiting import until

pytestmark = pytest.mark.needs("ss")

TCP, UNIX = "127.0.0.1:0", "unix:app.sock"
ADDRESSES = pytest.mark.parametrize("bind", [TCP, UNIX], ids=["tcp", "unix"])
THREADS = pytest.mark.parametrize("threads", [1, 2])

KIB = 1024


def body(size: int) -> bytes:
    return bytes(range(251)) * (size // 251) + b"e" * (size % 251)


def by_length(content: bytes, first: int) -> tuple[bytes, bytes]:
    """A request in two parts, with so much of the body in the first."""
    begin = head("POST", "/?begun", Content_Length=str(len(content)))
    return begin + content[:first], content[first:]


def by_chunks(content: bytes, first: int) -> tuple[bytes, bytes]:
    """The first part ends in the middle of a chunk."""
    begin = head("POST", "/?begun", Transfer_Encoding="chunked")
    middle = first + (len(content) - first) // 2
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in (content[:middle], content[middle:])]
    whole = begin + b"".join(chunks) + b"0\r\n\r\n"
    return whole[: len(begin) + first], whole[len(begin) + first :]


# What has arrived before the worker is busy, what arrives while it is, and the body.
BEGUN: dict[str, tuple[tuple[bytes, bytes], bytes]] = {
    "half a head": ((b"GET /?begun HTTP/1.1\r\nHo", b"st: test\r\n\r\n"), b""),
    "a head without its body": (by_length(body(100), 0), body(100)),
    "half a body": (by_length(body(1000), 500), body(1000)),
    "half a chunked body": (by_chunks(body(1000), 300), body(1000)),
    "half of 90 KiB": (by_length(body(90 * KIB), 45 * KIB), body(90 * KIB)),
    "half of 90 KiB chunked": (by_chunks(body(90 * KIB), 30 * KIB), body(90 * KIB)),
    "most of what is in a file": (by_length(body(250 * KIB), 240 * KIB), body(250 * KIB)),
    "most of what is in a file, chunked": (by_chunks(body(250 * KIB), 240 * KIB), body(250 * KIB)),
    "the first part of 3 MB": (by_length(body(3000 * KIB), 200 * KIB), body(3000 * KIB)),
    "the first part of 3 MB, chunked": (by_chunks(body(3000 * KIB), 200 * KIB), body(3000 * KIB)),
}
BODY_BUFFER = str(100 * KIB)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def send_all(clients: Sequence[Client], data: bytes) -> None:
    """All at once, though nobody may be reading."""
    with ThreadPoolExecutor(max(1, len(clients))) as pool:
        list(pool.map(lambda client: client.send(data), clients))


@ADDRESSES
@THREADS
def test_requests_on_connections_of_a_busy_worker_are_answered_by_others(
    crew: MakeCrew, bind: str, threads: int
) -> None:
    team = crew(bind=bind, threads=threads)
    kept = team.kept(15)
    with team.held(team.owner(kept[0])) as busy:
        answers = ask_all(team.those_of(busy, kept))
        assert busy not in {found["pid"] for found in answers}


@ADDRESSES
def test_several_busy_workers_leave_everything_to_the_idle_one(crew: MakeCrew, bind: str) -> None:
    team = crew(bind=bind)
    kept = team.kept(15)
    with team.held(team.owner(kept[0])) as first:
        second = team.hold_new()
        answers = ask_all(kept)
        assert not {first, second.worker} & {found["pid"] for found in answers}
        second.release()


@ADDRESSES
def test_it_takes_a_few_milliseconds(crew: MakeCrew, bind: str) -> None:
    """About 5; the quickest of several is judged, since this machine may be busy too."""
    team = crew(bind=bind)
    kept = team.kept(30)
    seconds = []
    with team.held(team.owner(kept[0])) as busy:
        for client in team.those_of(busy, kept):
            begun = time.monotonic()
            assert ask(client)["pid"] != busy
            seconds.append(time.monotonic() - begun)
    assert min(seconds) < 0.05, seconds


@ADDRESSES
@THREADS
def test_when_all_are_busy_the_first_that_is_free_answers_the_oldest_first(
    crew: MakeCrew, bind: str, threads: int
) -> None:
    team = crew(bind=bind, threads=threads, workers=2)
    kept = team.kept(8)
    held = team.hold_all()
    for client in kept:
        client.send(head("GET", "/"))
        assert stays_silent(client)
    free = held[-1]
    free.release()
    answers = [answer(client) for client in kept]
    assert {found["pid"] for found in answers} == {free.worker}
    numbers = [found["number"] for found in answers]
    assert numbers == sorted(numbers)
    for one in held[:-1]:
        one.release()


@ADDRESSES
def test_fresh_connections_have_their_turn_too_when_all_are_busy(crew: MakeCrew, bind: str) -> None:
    """One worker becomes free; old and new connections are served by it."""
    team = crew(bind=bind, workers=2)
    kept = team.kept(8)
    held = team.hold_all()
    waiting = [*kept, *team.clients(8)]
    for client in waiting:
        client.send(head("GET", "/"))
    held[0].release()
    assert {answer(client)["pid"] for client in waiting} == {held[0].worker}
    held[1].release()


@ADDRESSES
@pytest.mark.parametrize(("parts", "content"), BEGUN.values(), ids=BEGUN.keys())
def test_what_has_begun_before_the_worker_was_busy_is_answered_by_others(
    crew: MakeCrew, bind: str, parts: tuple[bytes, bytes], content: bytes
) -> None:
    """On connections that have had an answer, and on fresh ones."""
    team = crew("--body-buffer", BODY_BUFFER, bind=bind, workers=2)
    begun = [*team.kept(4), *team.clients(4)]
    send_all(begun, parts[0])
    until(lambda: all(has_read_all(team.server.address, client) for client in begun))
    with team.held(team.owner(begun[0])) as busy:
        stuck = team.those_of(busy, begun)
        send_all(stuck, parts[1])
        answers = [answer(client) for client in stuck]
        assert busy not in {found["pid"] for found in answers}
    rest = [client for client in begun if client not in stuck]
    send_all(rest, parts[1])
    for found in answers + [answer(client) for client in rest]:
        assert (found["query"], found["digest"]) == ("begun", digest(content))


@ADDRESSES
@pytest.mark.parametrize("make", [by_length, by_chunks])
def test_a_body_that_comes_as_a_whole_while_the_worker_is_busy(
    crew: MakeCrew, bind: str, make: Callable[[bytes, int], tuple[bytes, bytes]]
) -> None:
    team = crew("--body-buffer", BODY_BUFFER, bind=bind)
    kept = team.kept(12)
    content = body(3000 * KIB)
    with team.held(team.owner(kept[0])) as busy:
        stuck = team.those_of(busy, kept)
        send_all(stuck, b"".join(make(content, 1000)))
        for client in stuck:
            found = answer(client)
            assert found["pid"] != busy
            assert found["digest"] == digest(content)


@ADDRESSES
def test_a_client_that_waits_for_100_continue_gets_it(crew: MakeCrew, bind: str) -> None:
    team = crew(bind=bind)
    kept = team.kept(6)
    content = body(5000)
    with team.held(team.owner(kept[0])) as busy:
        (client, *_) = team.those_of(busy, kept)
        client.send(head("POST", "/", Content_Length=str(len(content)), Expect="100-continue"))
        assert client.response_head()[0] == 100
        client.send(content)
        found = answer(client)
        assert (found["digest"], found["pid"] != busy) == (digest(content), True)


@ADDRESSES
@THREADS
def test_a_pipeline_is_answered_in_its_order(crew: MakeCrew, bind: str, threads: int) -> None:
    team = crew(bind=bind, threads=threads)
    kept = team.kept(12)
    words = [f"word-{number}" for number in range(50)]
    with team.held(team.owner(kept[0])) as busy:
        stuck = team.those_of(busy, kept)
        for client in stuck:
            client.send(b"".join(head("GET", f"/?{word}") for word in words))
        for client in stuck:
            assert [answer(client)["query"] for _ in words] == words


@ADDRESSES
def test_what_is_sent_behind_a_request_that_is_held_waits_for_its_answer(crew: MakeCrew, bind: str) -> None:
    team = crew(bind=bind)
    (client,) = team.kept(1)
    held = team.hold(client, more=head("GET", "/?1") + by_length(body(70 * KIB), 0)[0])
    client.send(body(70 * KIB))
    assert stays_silent(client)
    assert held.release()["query"] == ""
    assert answer(client)["query"] == "1"
    assert answer(client)["digest"] == digest(body(70 * KIB))


@ADDRESSES
def test_a_client_that_has_closed_its_half_gets_its_answer(crew: MakeCrew, bind: str) -> None:
    team = crew(bind=bind)
    kept = team.kept(6)
    with team.held(team.owner(kept[0])) as busy:
        for client in team.those_of(busy, kept):
            client.send(head("GET", "/"))
            client.socket.shutdown(socket.SHUT_WR)
            assert answer(client)["pid"] != busy
            assert client.at_end()


@ADDRESSES
def test_clients_that_leave_while_they_wait_leave_nothing_behind(crew: MakeCrew, bind: str) -> None:
    team = crew(bind=bind)
    before = {pid: descriptors(pid) for pid in team.server.workers()}
    held = team.hold_all()
    for _ in range(3):
        leaving = team.clients(10)
        for client in leaving:
            client.send(head("GET", "/"))
        assert stays_silent(leaving[0])
        for client in leaving:
            client.close()
    for one in held:
        one.release()
        one.client.close()
    until(
        lambda: all(descriptors(pid) <= count for pid, count in before.items()),
        lambda: (before, {pid: descriptors(pid) for pid in before}),
    )
    assert team.server.workers() == list(before)


@ADDRESSES
def test_a_connection_that_has_travelled_twenty_times_is_as_good_as_new(crew: MakeCrew, bind: str) -> None:
    team = crew("--max-keepalive-requests", "100", "--body-buffer", BODY_BUFFER, bind=bind)
    (client,) = team.kept(1)
    before = {pid: descriptors(pid) for pid in team.server.workers()}
    for number in range(20):
        assert team.travel(client, f"trip-{number}")["query"] == f"trip-{number}"
    client.send(b"".join(head("GET", f"/?{number}") for number in range(30)))
    assert [answer(client)["query"] for _ in range(30)] == [str(number) for number in range(30)]
    for make in (by_length, by_chunks):
        client.send(b"".join(make(body(150 * KIB), 1000)))
        assert answer(client)["digest"] == digest(body(150 * KIB))
    assert client.get("/", Connection="close").says_close
    assert client.at_end()
    until(lambda: all(descriptors(pid) <= count for pid, count in before.items()), lambda: before)


def wait_for_the_end(client: Client, team: Crew) -> float:
    """Sends a field's name, a byte at each busy worker; returns the seconds until the server had enough."""
    begun = time.monotonic()
    client.send(b"GET / HTTP/1.1\r\nX-")

    def ended() -> bool:
        with ExitStack() as stack:
            if owner := team.owner(client):
                stack.enter_context(team.held(owner))
            if select.select([client.socket], [], [], 0)[0]:
                return True
            client.send(b"x")
        return False

    until(ended)
    return time.monotonic() - begun


@ADDRESSES
def test_the_deadline_of_a_head_is_not_put_off_by_busy_workers(crew: MakeCrew, bind: str) -> None:
    team = crew("--header-timeout", "1", bind=bind)
    (client,) = team.kept(1)
    assert wait_for_the_end(client, team) < 20  # otherwise never
    assert client.response_head()[0] == 408


def test_python_sees_one_thread_when_the_application_forks(crew: MakeCrew) -> None:
    """Otherwise it warns: 3.12 before the callbacks, 3.13 after them. Then connections move as before."""
    team = crew(workers=2)
    clients = team.kept(12)
    first, others = team.first_of_many(clients)
    first.send(head("GET", "/fork"))
    found = answer(first)
    assert found["threads"] == [1, 1, 2]
    held = team.hold(first)
    assert held.worker == found["pid"]
    stuck = team.those_of(held.worker, others)
    assert held.worker not in {found["pid"] for found in ask_all(stuck)}
    held.release()
