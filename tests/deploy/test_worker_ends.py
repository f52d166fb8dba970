"""A worker ends that was not told to: killed, late, or ended by the application. What is logged, and lost."""

import os
import random
from signal import SIGKILL

import pytest
from integration.gate import Gate
from integration.http_client import Client
from integration.waiting import until

from deploy.clients import CheckingClients
from deploy.site import GATE, MODULE, Site
from deploy.supervisors import WORKERS, start


def test_killed_workers_are_replaced_and_only_what_they_served_is_lost(
    site: Site, bind: str, deploys: int
) -> None:
    """Closing clients have one request on the way at a time, so a kill costs at most one of each."""
    running = start("rhebok", site, bind)
    kills, clients = 5 * deploys, 2
    answers = failures = 0
    chosen = random.Random(4)
    try:
        for kill in range(kills):
            victim = chosen.choice(until(lambda: running.workers()))
            with CheckingClients(running.address, close=clients, kept=0, may_fail=True) as load:
                load.wait_for_more(10)
                os.kill(victim, SIGKILL)
                running.wait_for(rf"worker {victim} was killed by SIGKILL")
                running.wait_for(r"worker \d+ is ready", WORKERS + kill + 1)
            failures += len(load.failures)
            answers += load.total
            assert running.version() == 1
        assert failures <= kills * clients
        print(f"{kills} kills: {failures} requests lost, {answers} answered")
        running.judge()
    finally:
        running.end()
        print(running.log)


def test_a_request_that_takes_too_long_is_interrupted_and_the_client_told(site: Site, gate: Gate) -> None:
    running = start("rhebok", site, "tcp", "--timeout", "1", "--log-queries", **gate.variables)
    try:
        with Client(running.address) as asking:
            asking.send(GATE)
            response = asking.response()
            assert (response.status, response.says_close) == (500, True)
        (late,) = running.wait_for(r"worker (\d+) has not answered GET /gate\?t within 1 s")
        assert "in pass_gate" in running.log.partition("this is where it is:")[2]
        running.wait_for(rf"worker {late} exited with status 0")
        running.wait_for(r"worker \d+ is ready", WORKERS + 1)
        assert running.version() == 1
        running.tracebacks = 1
        running.judge()
    finally:
        running.end()
        print(running.log)


def test_a_worker_that_cannot_be_interrupted_is_killed(site: Site) -> None:
    """It waits in C with the interpreter's lock held, and goes on waiting after a signal."""
    site.release(
        "import ctypes\n"
        "class Wait(ctypes.Structure):\n"
        "    _fields_ = [('seconds', ctypes.c_long), ('nanoseconds', ctypes.c_long)]\n"
        "def hang():\n"
        "    mask = (ctypes.c_ulong * 16)(*[2**64 - 1] * 16)\n"
        "    ctypes.PyDLL(None).ppoll(None, 0, ctypes.byref(Wait(1000, 0)), mask)\n"
    )
    source = site.directory / f"{MODULE}.py"
    source.write_text(
        source.read_text().replace(
            '    if path == "/gate":', '    if path == "/hang":\n        hang()\n    if path == "/gate":'
        )
    )
    running = start("rhebok", site, "tcp", "--timeout", "0.5")
    try:
        with Client(running.address) as asking:
            asking.send(b"GET /hang HTTP/1.1\r\nHost: test\r\n\r\n")
            assert asking.rest() == b""
        (late,) = running.wait_for(r"worker (\d+) cannot be interrupted: killed, serving GET /hang")
        running.wait_for(rf"worker {late} was killed by SIGKILL, serving GET /hang")
        assert running.version() == 2
        running.judge()
    finally:
        running.end()
        print(running.log)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("os._exit(7)", "exited with status 7"),
        ("os._exit(0)", "exited with status 0"),
        ("os.kill(os.getpid(), 9)", "was killed by SIGKILL"),
    ],
)
def test_the_end_of_a_worker_in_a_request_is_logged_with_the_request(end: str, said: str, site: Site) -> None:
    source = site.directory / f"{MODULE}.py"
    source.write_text(
        source.read_text().replace(
            '    if path == "/gate":', f'    if path == "/end":\n        {end}\n    if path == "/gate":'
        )
    )
    running = start("rhebok", site, "tcp")
    try:
        with Client(running.address) as asking:
            asking.send(b"GET /end HTTP/1.1\r\nHost: test\r\n\r\n")
            assert asking.rest() == b""
        running.wait_for(rf"\[ERROR\] worker \d+ {said}, serving GET /end\n")
        assert running.version() == 1
        running.judge()
    finally:
        running.end()
        print(running.log)
