"""What the program finds in SERVER_STARTER_PORT, and behind it."""

import socket
import stat
from typing import Any

import pytest
from starter_process import Superdaemon, ask, ask_udp, free_port, until

TCPI_SACKED = 28  # offset in struct tcp_info; of a listening socket it is the length of the queue


def only_socket(superdaemon: Superdaemon) -> tuple[str, dict[str, Any]]:
    ((name, described),) = superdaemon.started(1)["sockets"].items()
    return name, described


def test_without_listeners_the_variable_is_there_and_empty(either: Superdaemon) -> None:
    either.start()
    assert either.started(1)["environ"]["SERVER_STARTER_PORT"] == ""


def test_ports_come_before_paths_in_the_order_given(either: Superdaemon) -> None:
    first, second = free_port(), free_port()
    either.start("--path=a.sock", f"--port={first}", "--path=b.sock", f"--port=127.0.0.1:{second}")
    expected = [str(first), f"127.0.0.1:{second}", "a.sock", "b.sock"]
    assert list(either.started(1)["sockets"]) == expected


def test_a_bare_port_listens_on_every_ipv4_address(either: Superdaemon) -> None:
    port = free_port()
    either.start(f"--port={port}")
    name, described = only_socket(either)
    assert (name, described["address"], described["listening"]) == (str(port), ["0.0.0.0", port], True)


def test_a_host_restricts_the_address(either: Superdaemon) -> None:
    either.start("--port=127.0.0.1:0")
    name, described = only_socket(either)
    assert (name, described["address"][0]) == ("127.0.0.1:0", "127.0.0.1")
    assert ask(described["address"]) == 1


def test_a_host_name_is_resolved(either: Superdaemon) -> None:
    either.start("--port=localhost:0")
    name, described = only_socket(either)
    assert (name, described["address"][0]) == ("localhost:0", "127.0.0.1")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_brackets_may_stand_around_any_host(either: Superdaemon, host: str) -> None:
    either.start(f"--port=[{host}]:0")
    name, described = only_socket(either)
    assert (name, described["address"][0]) == (f"{host}:0", "127.0.0.1")


def test_an_ipv6_address_listens_for_ipv6_only(either: Superdaemon) -> None:
    either.start("--port=[::1]:0")
    name, described = only_socket(either)
    assert (name, described["family"], described["v6only"]) == ("[::1]:0", "AF_INET6", True)
    assert ask(described["address"][:2]) == 1


def test_a_u_before_the_port_makes_it_udp(either: Superdaemon) -> None:
    either.start("--port=127.0.0.1:u0")
    name, described = only_socket(either)
    assert (name, described["type"]) == ("127.0.0.1:0", "SOCK_DGRAM")
    assert ask_udp(described["address"]) == 1


@pytest.mark.parametrize(("spec", "kind"), [("127.0.0.1:0=23", "SOCK_STREAM"), ("u0=24", "SOCK_DGRAM")])
def test_a_socket_stands_at_the_descriptor_asked_for(either: Superdaemon, spec: str, kind: str) -> None:
    either.start(f"--port={spec}")
    _, described = only_socket(either)
    assert (described["fd"], described["type"]) == (int(spec.rpartition("=")[2]), kind)


def test_a_unix_socket_is_open_to_everybody(either: Superdaemon) -> None:
    path = either.home / "s.sock"
    either.start(f"--path={path}")
    name, described = only_socket(either)
    assert (name, described["family"]) == (str(path), "AF_UNIX")
    assert stat.S_IMODE(path.stat().st_mode) == 0o777
    assert ask(str(path)) == 1


def test_the_backlog_is_that_of_the_flag(either: Superdaemon) -> None:
    source = """
sock, = base.listeners().values()
info = sock.getsockopt(base.socket.IPPROTO_TCP, base.socket.TCP_INFO, 104)
base.note("backlog", bytes=list(info))
base.main()
"""
    either.start("--port=127.0.0.1:0", "--backlog=37", program=either.own_program("backlog", source))
    info = bytes(either.event(event="backlog")["bytes"])
    assert int.from_bytes(info[TCPI_SACKED : TCPI_SACKED + 4], "little") == 37


def test_the_sockets_are_the_same_in_every_generation(either: Superdaemon) -> None:
    either.start("--port=127.0.0.1:0", "--path=s.sock")
    either.serving(1)
    either.hup()
    before, after = either.started(1)["sockets"], either.started(2)["sockets"]
    assert before == after


def test_a_client_that_came_before_the_restart_is_served_after_it(either: Superdaemon) -> None:
    either.start("--port=127.0.0.1:0")
    address = only_socket(either)[1]["address"]
    assert ask(address) == 1
    either.hup()
    either.wait_status(2)
    assert ask(address) == 2


def test_a_dead_socket_file_is_replaced(either: Superdaemon) -> None:
    path = either.home / "s.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    either.start(f"--path={path}")
    either.started(1)
    assert ask(str(path)) == 1


def test_the_socket_file_is_removed_at_exit(either: Superdaemon) -> None:
    path = either.home / "s.sock"
    either.start(f"--path={path}")
    either.serving(1)
    either.stop()
    assert not path.exists()


def test_a_port_in_use_is_a_failure(either: Superdaemon) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        either.start(f"--port=127.0.0.1:{taken.getsockname()[1]}")
        assert either.exit_status() != 0
    assert either.events() == []


# Ours alone: where start_server goes wrong


def test_descriptors_asked_for_never_hit_another_socket(ours: Superdaemon) -> None:
    wanted = range(3, 15)
    ports = [f"--port=127.0.0.1:{free_port()}={fd}" for fd in reversed(wanted)]
    ours.start(*ports, "--port=127.0.0.1:0", "--path=a.sock", "--path=b.sock")
    sockets = ours.started(1)["sockets"]
    assert len({described["fd"] for described in sockets.values()}) == len(wanted) + 3
    for name, described in sockets.items():
        assert described["listening"]
        if described["fd"] in wanted:
            assert name == f"127.0.0.1:{described['address'][1]}"


def test_a_program_may_have_its_socket_as_standard_input(ours: Superdaemon) -> None:
    ours.start("--port=127.0.0.1:0=0")
    described = only_socket(ours)[1]
    assert described["fd"] == 0
    assert ask(described["address"]) == 1


def test_a_descriptor_beyond_the_limit_is_refused(ours: Superdaemon) -> None:
    result = ours.run("--port=127.0.0.1:0=999999999", "--", "/bin/true")
    assert result.returncode == 1
    assert "ulimit -n" in result.stderr


def test_no_socket_stands_at_a_standard_descriptor_that_was_closed(ours: Superdaemon) -> None:
    ours.executable = ("/bin/sh", "-c", 'exec "$@" <&- >&-', "sh", *ours.executable)
    ours.start("--port=127.0.0.1:0")
    assert only_socket(ours)[1]["fd"] > 2


def test_a_program_that_cannot_be_run_leaves_the_socket_files(ours: Superdaemon) -> None:
    path = ours.home / "s.sock"
    ours.start(f"--path={path}", "--interval", "0.1", program=("./nothing-here",))
    until("two attempts", lambda: ours.output().count("cannot run ./nothing-here") > 1)
    assert path.exists()
    assert ours.pid_file.exists()
