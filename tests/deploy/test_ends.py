"""A server or a generation is stopped, is killed, or fails: what clients see, and that the port is free."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM

import pytest
from integration.gate import Gate
from integration.http_client import Address, Client, connect
from integration.processes import cpu_ticks, descendants, has_ended, state
from integration.server import Process, command, free_port
from integration.waiting import until

from deploy.clients import CheckingClients
from deploy.site import GATE, MODULE, REQUEST, Site
from deploy.supervisors import WORKERS, Supervised, start

Waiting = tuple[Supervised, list[Client]]


def refused(address: Address) -> bool:
    try:
        connect(address).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    return False


def test_what_waits_in_the_queue_is_served_at_the_final_stop(site: Site, bind: str, gate: Gate) -> None:
    """Both workers are busy, more connections wait, then the server is told to stop."""
    running = start("rhebok", site, bind, "--workers", "1", **gate.variables)
    try:
        busy = Client(running.address)
        busy.send(GATE)
        gate.wait_for_arrival()
        waiting = [Client(running.address) for _ in range(20)]
        for client in waiting:
            client.send(REQUEST)
        running.send(SIGTERM)
        running.wait_for("stopping gracefully")
        gate.open()
        for client in [busy, *waiting]:
            response = client.response()
            assert (response.status, response.says_close) == (200, True)
            client.close()
        assert running.wait() == 0
        assert refused(running.address)
    finally:
        running.end()
        print(running.log)


@pytest.mark.parametrize("again", [SIGTERM, SIGHUP])
def test_a_signal_that_is_repeated_to_the_end_does_not_kill(site: Site, again: int, tmp_path: Path) -> None:
    """Until the last file is removed and the interpreter is gone."""
    pid_file = tmp_path / "pid"
    running = start("rhebok", site, "tcp", "--pid", str(pid_file))
    try:
        running.send(SIGTERM)
        while not running.ended:
            running.send(again)
        assert running.wait() == 0
        assert not pid_file.exists()
    finally:
        running.end()
        print(running.log)


def test_a_stopped_server_refuses_while_it_finishes_a_download(site: Site, bind: str) -> None:
    """No connection is taken that nobody is going to serve."""
    running = start("rhebok", site, bind)
    try:
        with Client(running.address, receive_buffer=4096) as loading:
            loading.send(b"GET /download HTTP/1.1\r\nHost: test\r\n\r\n")
            assert loading.response_head()[0] == 200
            running.send(SIGTERM)
            until(lambda: refused(running.address), lambda: running.log)
            assert sum(map(len, iter(loading.chunk, b""))) == 256 * 65536
        assert running.wait() == 0
    finally:
        running.end()
        print(running.log)


def test_a_graceful_stop_that_takes_too_long_names_what_it_cuts(site: Site, gate: Gate) -> None:
    running = start("rhebok", site, "tcp", "--graceful-timeout", "0.5", "--log-queries", **gate.variables)
    try:
        with Client(running.address) as asking, Client(running.address, receive_buffer=4096) as loading:
            loading.send(b"GET /download?slow HTTP/1.1\r\nHost: test\r\n\r\n")
            assert loading.response_head()[0] == 200
            asking.send(GATE)
            gate.wait_for_arrival()
            assert running.stop() == 0
        running.tracebacks = running.log.count("Traceback")
        assert running.matches(r"did not stop in time: killed; cut: .*GET /gate\?t")
        assert running.matches(r"cut: .*GET /download\?slow")
    finally:
        running.end()
        print(running.log)


def test_int_stops_at_once(site: Site, gate: Gate) -> None:
    running = start("rhebok", site, "tcp", "--graceful-timeout", "1000", **gate.variables)
    try:
        with Client(running.address) as asking:
            asking.send(GATE)
            gate.wait_for_arrival()
            assert running.stop(SIGINT) == 0
            assert asking.rest() == b""
    finally:
        running.end()


def test_int_during_a_deploy_leaves_no_core_of_the_generation_that_loads(site: Site, gate: Gate) -> None:
    running = start("rhebok", site, "tcp", **gate.variables)
    try:
        site.release("from gated import pass_gate; pass_gate()")
        running.deploy()
        gate.wait_for_arrival()
        assert running.stop(SIGINT) == 0
        assert running.matches(r"generation 2 \(pid \d+\) was killed by SIGTERM"), "QUIT would dump core"
    finally:
        running.end()
        print(running.log)


def test_with_a_pre_stop_delay_it_goes_on_accepting_after_term(site: Site, bind: str) -> None:
    running = start("rhebok", site, bind, "--pre-stop-delay", "0.8")
    try:
        running.send(SIGTERM)
        running.wait_for(r"stopping in 0.8 s \(--pre-stop-delay\)")
        assert running.version() == 1
        assert running.wait() == 0
    finally:
        running.end()


def test_a_killed_master_is_replaced_and_no_request_is_lost(site: Site) -> None:
    running = start("rhebok", site, "tcp")
    try:
        with CheckingClients(running.address) as clients:
            clients.wait_for_more()
            for turn in range(1, 3):
                os.kill(running.masters[-1], SIGKILL)
                running.wait_for(r"was killed by SIGKILL, which nobody asked for", turn)
                running.wait_for(rf"generation {turn + 1} \(pid \d+\) serves")
                clients.wait_for_more()
            assert running.matches("starting again in 1 s"), "not again and again at once"
        running.judge()
    finally:
        running.end()
        print(running.log)


@contextmanager
def killed_while_clients_wait(site: Site, bind: str, gate: Gate, *options: str) -> Iterator[Waiting]:
    """The successor of a killed master stands at the gate while it loads, and then the server gets TERM."""
    running = start("rhebok", site, bind, "--workers", "1", *options, **gate.variables)
    try:
        (worker,) = running.workers()
        site.release("from gated import pass_gate; pass_gate()")
        os.kill(running.masters[-1], SIGKILL)
        gate.wait_for_arrival()
        until(lambda: has_ended(worker))
        waiting = [Client(running.address) for _ in range(5)]
        for client in waiting:
            client.send(REQUEST)
        running.send(SIGTERM)
        running.wait_for("stopping when the next generation has served the queues")
        yield running, waiting
        for client in waiting:
            client.close()
    finally:
        running.end()
        print(running.log)


def test_told_to_stop_while_the_successor_of_a_killed_master_loads_the_queue_is_served(
    site: Site, bind: str, gate: Gate
) -> None:
    with killed_while_clients_wait(site, bind, gate) as (running, waiting):
        gate.open()
        for client in waiting:
            assert client.response().status == 200
            client.close()
        assert running.wait() == 0
        assert refused(running.address)


def test_told_to_stop_in_the_moment_in_which_the_master_is_killed_the_queue_is_served(
    site: Site, bind: str
) -> None:
    """The supervisor learns both at once: no successor has been started yet."""
    running = start("rhebok", site, bind, "--workers", "1")
    try:
        (worker,) = running.workers()
        running.send(SIGSTOP)
        os.kill(running.masters[-1], SIGKILL)
        until(lambda: has_ended(worker))
        with Client(running.address) as waiting:
            waiting.send(REQUEST)
            running.send(SIGTERM)
            running.send(SIGCONT)
            assert waiting.response().status == 200
        assert running.wait() == 0
    finally:
        running.end()
        print(running.log)


def test_a_successor_that_loads_for_longer_than_a_graceful_stop_may_take_is_not_waited_for(
    site: Site, gate: Gate
) -> None:
    with killed_while_clients_wait(site, "tcp", gate, "--graceful-timeout", "0.5") as (running, _):
        assert running.wait() == 0
        assert running.matches(r"generation 2 \(pid \d+\) was killed by SIGTERM")


def test_a_successor_that_fails_while_the_stop_waits_for_it_ends_the_stop(site: Site, gate: Gate) -> None:
    with killed_while_clients_wait(site, "tcp", gate) as (running, _):
        os.kill(descendants(running.pid)[0], SIGKILL)
        assert running.wait() == 0
        assert "starting again" not in running.log


def test_int_does_not_wait_for_the_successor_of_a_killed_master(site: Site, gate: Gate) -> None:
    with killed_while_clients_wait(site, "tcp", gate, "--graceful-timeout", "1000") as (running, _):
        assert running.stop(SIGINT) == 0


def test_a_worker_that_is_stuck_does_not_outlive_its_killed_master_for_long(site: Site) -> None:
    """The interpreter does not get to its signals, and nobody is left who would kill it."""
    running = start("rhebok", site, "tcp", "--graceful-timeout", "0.5", "--timeout", "0", "--workers", "1")
    try:
        master, worker = descendants(running.pid)
        with Client(running.address) as asking:
            asking.send(b"GET /stuck HTTP/1.1\r\nHost: test\r\n\r\n")
            until(lambda: state(worker) == "R" and cpu_ticks(worker) > 5)
            for pid in (running.pid, master):
                os.kill(pid, SIGKILL)
            assert asking.rest() == b""
        until(lambda: has_ended(worker), lambda: running.log)
        assert refused(running.address)
    finally:
        running.end()
        print(running.log)


def test_a_killed_supervisor_leaves_nobody_behind(site: Site, bind: str, gate: Gate) -> None:
    """The generation stops gracefully, and the port is free."""
    running = start("rhebok", site, bind, **gate.variables)
    try:
        family = descendants(running.pid)
        assert len(family) == 1 + WORKERS
        with Client(running.address) as asking:
            asking.send(GATE)
            gate.wait_for_arrival()
            os.kill(running.pid, SIGKILL)
            until(lambda: "stopping gracefully" in running.log)
            gate.open()
            assert asking.response().status == 200
        until(lambda: all(map(has_ended, family)), lambda: running.log)
        assert refused(running.address)
    finally:
        running.end()
        print(running.log)


def test_after_a_killed_supervisor_the_same_address_can_be_served_again(site: Site, bind: str) -> None:
    running = start("rhebok", site, bind)
    try:
        os.kill(running.pid, SIGKILL)
        until(lambda: refused(running.address))
        where = "unix:s" if bind == "unix" else "127.0.0.1:{1}".format(*running.address)
        argv = [*command(), MODULE, "--workers", "1", "--bind", where]
        again = Supervised(argv, site.directory, running.address)
        try:
            again.judge()
        finally:
            again.end()
    finally:
        running.end()


def test_the_first_generation_that_fails_ends_it_with_its_status_and_words(site: Site) -> None:
    site.release("raise ValueError('no')")
    argv = [*command(), MODULE, "--bind", "127.0.0.1:0"]
    running = Process(argv, site.directory)
    try:
        assert running.wait() == 4
        assert running.log.endswith("rhebok: error: could not import 'deployed': ValueError: no\n")
        assert "generation 1" not in running.log
    finally:
        running.end()


def test_the_first_generation_that_does_not_get_ready_ends_it(site: Site) -> None:
    site.release("import threading; threading.Event().wait()")
    argv = [*command(), MODULE, "--bind", "127.0.0.1:0", "--start-timeout", "3"]
    running = Process(argv, site.directory)
    try:
        assert running.wait() == 128 + SIGKILL
        assert "was not ready within 3 s (--start-timeout)" in running.log
        assert 'deployed.py", line' in running.log
    finally:
        running.end()


@pytest.mark.parametrize("name", ["rhebok", "rhebok-starter"])
def test_as_pid_1_it_reaps_orphans_deploys_and_stops_on_term(name: str, site: Site) -> None:
    """In a namespace of its own. The application leaves a child behind that ends when its worker has gone."""
    orphan = (
        "child = os.fork()\n"
        "if child == 0:\n"
        "    if os.fork() == 0:\n"
        "        os.execvp('sleep', ['sleep', '0'])\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"  # its own child; the master waits for workers only
    )
    site.release(orphan)
    port = free_port()
    served = [*command(), MODULE, "--workers", "1"]
    if name == "rhebok":
        argv = [*served, "--bind", f"127.0.0.1:{port}", "--kill-old-delay", "0"]
        exited = r"\[1\] \[INFO\] generation {} \(pid \d+\) exited with status 0"
    else:
        own = [sys.executable, "-m", "rhebok.starter", f"--port=127.0.0.1:{port}", "--interval=0.3"]
        argv = [*own, "--", *served]
        exited = r"generation {} \(pid \d+\) exited with status 0"
    try:
        argv = ["unshare", "--pid", "--fork", "--mount-proc", *argv]
        running = Supervised(argv, site.directory, ("127.0.0.1", port))
    except (AssertionError, FileNotFoundError) as error:
        if "unshare" not in str(error):
            raise
        pytest.skip("no namespaces here")
    try:
        assert running.version() == site.version
        family = descendants(running.pid)
        site.release(orphan)
        os.kill(family[0], SIGHUP)
        running.wait_for(exited.format(1))
        assert running.version() == site.version
        family = until(lambda: found if len(found := descendants(running.pid)) == 3 else [])
        assert not [pid for pid in family if state(pid) == "Z"], "superdaemon, master, worker; no zombies"
        os.kill(family[0], SIGTERM)
        assert running.wait() == 0
        assert running.matches(exited.format(2))
    finally:
        running.end()
        print(running.log)
