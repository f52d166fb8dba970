"""Several workers cost no system calls more than one: for a request, and when they are idle."""

import select
from pathlib import Path

import pytest

from integration.conftest import MakeCrew, Serve
from integration.crew import Crew
from integration.http_client import Client
from integration.processes import descendants, descriptors
from integration.strace import Call, traced_threads
from integration.test_system_calls import HELLO, REQUESTS, connections, role
from integration.waiting import until

pytestmark = pytest.mark.needs("strace", "ss")

# Containers forbid them.
FORBIDDEN = {"ptrace", "pidfd_open", "pidfd_getfd", "process_vm_readv", "process_vm_writev", "kcmp"}
# Under strace some requests take so long that the worker counts as busy, and another thread looks at it.
LATE = REQUESTS // 4
LOOK = {"wait", "fcntl", "accept4", "restart_syscall"}
TCP, UNIX = "127.0.0.1:0", "unix:app.sock"
ADDRESSES = pytest.mark.parametrize("bind", [TCP, UNIX], ids=["tcp", "unix"])


@ADDRESSES
def test_transfers_need_no_call_that_containers_forbid(crew: MakeCrew, tmp_path: Path, bind: str) -> None:
    team = crew(bind=bind)
    (client,) = team.kept(1)
    with traced_threads([team.server.pid, *descendants(team.server.pid)], tmp_path) as traces:
        for _ in range(3):
            team.travel(client)
        calls = traces.wait_for(
            lambda calls: sum(role(call) == "send" for one in calls.values() for call in one) >= 3
        )
    assert not FORBIDDEN & {call.name for one in calls.values() for call in one}


def settle(workers: list[int], clients: int) -> None:
    """Until the workers hold no connections but those of so many clients: the start has made some, which a
    slow worker closes late."""

    def settled() -> bool:
        held = [descriptors(pid) for pid in workers]
        return sum(held) - len(held) * min(held) == clients

    until(settled, lambda: [descriptors(pid) for pid in workers])


def serving(calls: dict[int, list[Call]], workers: list[int]) -> list[list[Call]]:
    """Of the threads that serve; of the main threads, with --threads 1."""
    return [calls.get(pid, []) for pid in workers]


@ADDRESSES
def test_a_request_that_closes_costs_what_it_costs_one_worker(
    serve: Serve, tmp_path: Path, bind: str
) -> None:
    server = serve("hello", *HELLO, workers=4, bind=f"unix:{tmp_path}/app.sock" if "unix" in bind else bind)
    workers = server.workers()
    for _ in range(20):
        server.get("/")
    settle(workers, 0)

    def all_seen(calls: dict[int, list[Call]]) -> bool:
        return sum(len(connections(one)) for one in serving(calls, workers)) == REQUESTS

    with traced_threads(workers, tmp_path) as traces:
        for _ in range(REQUESTS):
            assert server.get("/").status == 200
        calls = serving(traces.wait_for(all_seen), workers)
    made = [one for calls_of in calls for one in connections(calls_of)]
    ways = [[role(call) for call in one if call.name != "futex"] for one in made]
    end = ["close"] if "unix" in bind else ["shutdown", "close"]
    at_once = ["accept4", "receive", "send", *end]
    in_time = ["accept4", "receive", "wait", "receive", "send", *end]
    held_up = [way for way in ways if way != at_once and (way != in_time or "unix" not in bind)]
    assert len(held_up) <= (REQUESTS // 4 if "unix" in bind else 0), held_up
    usual = ("accept4", "receive", "send", "shutdown", "close", "wait")
    rest = [call.name for one in calls for call in one if role(call) not in usual]
    assert set(rest) <= {"fcntl", "restart_syscall", "futex", *(["epoll_ctl"] if held_up else [])}, calls
    assert rest.count("futex") <= LATE, calls


@ADDRESSES
def test_a_kept_alive_request_costs_a_wait_recv_and_one_write(
    serve: Serve, tmp_path: Path, bind: str
) -> None:
    server = serve("hello", *HELLO, workers=4, bind=f"unix:{tmp_path}/app.sock" if "unix" in bind else bind)
    workers = server.workers()
    with server.client() as client:
        for _ in range(20):
            client.get("/")
        settle(workers, 1)

        def all_seen(calls: dict[int, list[Call]]) -> bool:
            return sum(role(call) == "send" for one in serving(calls, workers) for call in one) >= REQUESTS

        with traced_threads(workers, tmp_path) as traces:
            for _ in range(REQUESTS):
                client.get("/")
            calls = serving(traces.wait_for(all_seen), workers)
    made = [call for one in calls for call in one]
    idle = [one for one in calls if not any(role(call) == "send" for call in one)]
    assert len(idle) == len(workers) - 1, "one worker has the connection"
    done = [role(call) for call in made if not (role(call) == "wait" and call.result == 0)]
    assert done.count("send") == REQUESTS, made
    assert done.count("receive") <= REQUESTS + 1, made  # one may find nothing
    assert done.count("wait") <= REQUESTS + 1, made
    assert set(done) <= {"send", "receive", "futex", *LOOK}, made
    assert done.count("futex") <= LATE, made


def look_on(clients: list[Client], seconds: float) -> None:
    """Nothing comes in the meantime."""
    assert not select.select([client.socket for client in clients], [], [], seconds)[0]


def calls_when_idle(team: Crew, clients: list[Client], directory: Path, seconds: float) -> list[list[Call]]:
    """Of each worker, all its threads together, once the balance is reached."""
    before: list[int] = []
    while before != (before := team.owners(clients)):
        look_on(clients, 1.5)
    workers = team.server.workers()
    threads = {pid: [int(path.name) for path in Path(f"/proc/{pid}/task").iterdir()] for pid in workers}
    with traced_threads(workers, directory) as traces:
        look_on(clients, seconds)
    calls = traces.calls()
    return [[call for thread in threads[pid] for call in calls.get(thread, [])] for pid in workers]


@pytest.mark.parametrize(("bind", "threads"), [(TCP, 1), (UNIX, 4)])
def test_idle_workers_look_once_a_second_and_sleep_between(
    crew: MakeCrew, tmp_path: Path, bind: str, threads: int
) -> None:
    """Whatever thread helps sleeps too. A wait of a millisecond ends what epoll's clock has rounded. With
    several threads the main thread says once a second that it runs, and waits again. It and the thread that
    looks may want the GIL at the same moment, which costs three calls of futex more."""
    seconds = 2.5
    team = crew(bind=bind, workers=8, threads=threads)
    for made in calls_when_idle(team, team.kept(16), tmp_path, seconds):
        looks = sum(call.name == "accept4" for call in made)
        assert 1 <= looks <= seconds + 1, made
        assert sum(role(call) == "wait" for call in made) <= 6 * (seconds + 1), made
        futexes = sum(call.name == "futex" for call in made)
        assert futexes <= (4 * (seconds + 1) if threads > 1 else 0), made
        assert {call.result for call in made if role(call) == "wait"} <= {0}, made


def test_a_look_costs_what_it_costs_one_worker(crew: MakeCrew, tmp_path: Path) -> None:
    """Nobody has to be watched, nothing is on its way."""
    one, eight = crew(workers=1), crew(workers=8)
    (usual,) = calls_when_idle(one, one.clients(0), tmp_path, 1.5)
    for made in calls_when_idle(eight, eight.clients(0), tmp_path, 1.5):
        assert {call.name for call in made} <= {call.name for call in usual}, made
