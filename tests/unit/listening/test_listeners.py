"""Binding and adopting sockets."""

import errno
import os
import socket
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from rhebok.errors import UserError
from rhebok.listening import unix_path
from rhebok.listening.listeners import BindOptions, Listener, adopt_starter_ports, bind_all, close_all


@pytest.fixture
def bind():
    """Binds like --bind; closed after the test."""
    made: list[Listener] = []

    def bind_them(*specs: str, **options) -> list[Listener]:
        listeners = bind_all(specs, BindOptions(**options))
        made.extend(listeners)
        return listeners

    yield bind_them
    close_all(made)


def refused(*specs: str, **options) -> str:
    with pytest.raises(UserError) as error:
        close_all(bind_all(specs, BindOptions(**options)))
    return str(error.value)


def connect(listener: Listener) -> None:
    with closing(socket.socket(listener.family, socket.SOCK_STREAM)) as client:
        client.settimeout(10)
        client.connect(listener.socket.getsockname())
        client.sendall(b"x")
        listener.socket.setblocking(True)
        accepted, _ = listener.socket.accept()
        with accepted:
            assert accepted.recv(1) == b"x"


def test_a_tcp_listener_is_set_up_for_what_it_accepts(bind):
    (listener,) = bind("127.0.0.1:0")
    assert listener.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert listener.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT) > 0
    assert listener.socket.getblocking() is False
    assert os.get_inheritable(listener.fileno()) is False
    connect(listener)


def test_a_tcp_listener_says_where_it_is(bind):
    (listener,) = bind("127.0.0.1:0")
    port = listener.socket.getsockname()[1]
    assert listener.name == f"http://127.0.0.1:{port}"
    assert (listener.server_name, listener.server_port) == ("127.0.0.1", str(port))
    assert listener.is_unix is False


def test_a_wildcard_listener_is_named_after_the_machine(bind):
    (listener,) = bind(":0")
    assert listener.server_name == socket.gethostname()
    assert listener.name.startswith("http://0.0.0.0:")


def test_a_v6_listener_does_not_take_the_v4_port(bind):
    (listener,) = bind("[::1]:0")
    port = listener.socket.getsockname()[1]
    assert listener.socket.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
    assert (listener.server_name, listener.name) == ("[::1]", f"http://[::1]:{port}")
    bind(f"127.0.0.1:{port}")


def test_every_address_of_v6_is_every_address(bind):
    (listener,) = bind("[::]:0")
    port = listener.socket.getsockname()[1]
    for host in ("127.0.0.1", "::1"):
        with socket.create_connection((host, port), 10) as client:
            assert client.getpeername()[1] == port


def test_it_is_v6_alone_where_another_address_is_the_v4_one(bind):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    v6, v4 = bind(f"[::]:{port}", f"127.0.0.1:{port}")
    assert v6.socket.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
    assert v4.family == socket.AF_INET


def test_a_port_in_use_is_one_line(bind):
    (listener,) = bind("127.0.0.1:0")
    port = listener.server_port
    assert refused(f"127.0.0.1:{port}") == (
        f"--bind: cannot listen on 127.0.0.1:{port}: address already in use"
    )


def test_with_reuse_port_two_may_listen(bind):
    (listener,) = bind("127.0.0.1:0", reuse_port=True)
    bind(f"127.0.0.1:{listener.server_port}", reuse_port=True)


def test_a_host_that_is_not_known_is_one_line():
    assert refused("no-such-host.invalid:80").startswith("--bind: cannot listen on no-such-host.invalid:80: ")


def test_when_one_address_fails_none_stays_bound(tmp_path):
    path = tmp_path / "s"
    refused(f"unix:{path}", f"unix:{tmp_path}/no/such")
    assert not path.exists()


def test_a_unix_listener_is_there_with_its_mode_and_names(bind, tmp_path):
    path = tmp_path / "s"
    (listener,) = bind(f"unix:{path}", socket_mode=0o620)
    assert path.stat().st_mode & 0o777 == 0o620
    assert (listener.name, listener.is_unix) == (f"unix:{path}", True)
    assert (listener.server_name, listener.server_port) == ("localhost", "80")
    with closing(socket.socket(socket.AF_UNIX)) as client:
        client.connect(str(path))


def test_binding_a_path_leaves_no_other_file(bind, tmp_path):
    bind(f"unix:{tmp_path}/s")
    assert os.listdir(tmp_path) == ["s"]


def test_a_path_where_somebody_listens_is_refused(bind, tmp_path):
    bind(f"unix:{tmp_path}/s")
    assert "another process is listening there" in refused(f"unix:{tmp_path}/s")
    assert os.listdir(tmp_path) == ["s"]


def test_a_path_whose_listener_has_a_full_backlog_is_refused_too(tmp_path):
    path = str(tmp_path / "s")
    with closing(socket.socket(socket.AF_UNIX)) as busy, closing(socket.socket(socket.AF_UNIX)) as waiting:
        busy.bind(path)
        busy.listen(0)
        waiting.connect(path)
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)) as probe:
            assert probe.connect_ex(path) == errno.EAGAIN
        assert "another process is listening there" in refused(f"unix:{path}")


def test_a_dead_socket_is_replaced(bind, tmp_path):
    path = str(tmp_path / "s")
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(path)
    bind(f"unix:{path}")
    with closing(socket.socket(socket.AF_UNIX)) as client:
        client.connect(path)


def test_a_path_that_is_no_socket_is_left_alone(tmp_path):
    path = tmp_path / "file"
    path.write_text("precious")
    assert "not a socket" in refused(f"unix:{path}")
    assert path.read_text() == "precious"


def test_a_directory_that_is_not_there_is_one_line():
    assert refused("unix:/no/such/s") == (
        "--bind: cannot listen on unix:/no/such/s: "
        "cannot open its directory '/no/such': no such file or directory"
    )


def test_of_many_that_bind_one_path_at_once_one_wins(tmp_path):
    path, winners, losers = str(tmp_path / "s"), [], []
    start = threading.Barrier(8)

    def contend() -> None:
        start.wait()
        try:
            winners.extend(bind_all([f"unix:{path}"], BindOptions()))
        except UserError as error:
            losers.append(str(error))

    threads = [threading.Thread(target=contend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    close_all(winners)
    assert (len(winners), len(losers)) == (1, 7)
    assert all("another process is listening there" in loser for loser in losers)


def test_a_directory_that_stays_locked_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(unix_path, "LOCK_SECONDS", 0.0)
    with unix_path._locked(str(tmp_path)):
        assert "keeps the directory locked" in refused(f"unix:{tmp_path}/s")


def test_a_long_path_gets_a_short_temporary_name(bind, tmp_path):
    directory = tmp_path
    while len(str(directory)) < 90:
        directory = directory / "xxxx"
    directory.mkdir(parents=True)
    path = str(directory / ("s" * (unix_path.UNIX_PATH_MAX - len(str(directory)) - 1)))
    bind(f"unix:{path}")
    assert len(path) == unix_path.UNIX_PATH_MAX


def test_closing_removes_our_path(tmp_path):
    path = tmp_path / "s"
    close_all(bind_all([f"unix:{path}"], BindOptions()))
    assert not path.exists()


def test_closing_leaves_the_path_of_a_successor(bind, tmp_path):
    path = tmp_path / "s"
    first = bind_all([f"unix:{path}"], BindOptions())
    path.unlink()
    bind(f"unix:{path}")
    close_all(first)
    assert path.exists()


def test_closing_in_a_child_leaves_the_path(bind, tmp_path):
    (listener,) = bind(f"unix:{tmp_path}/s")
    pid = os.fork()
    if pid == 0:
        listener.close()
        os._exit(0)
    os.waitpid(pid, 0)
    assert (tmp_path / "s").exists()


def test_an_abstract_socket_is_bound(bind):
    name = f"rhebok-test-{os.getpid()}"
    (listener,) = bind(f"unix:@{name}")
    assert listener.name == f"unix:@{name}"
    with closing(socket.socket(socket.AF_UNIX)) as client:
        client.connect("\0" + name)
    assert "address already in use" in refused(f"unix:@{name}")


def listening(family: int = socket.AF_INET, address: object = ("127.0.0.1", 0)) -> socket.socket:
    sock = socket.socket(family)
    sock.bind(address)
    sock.listen()
    return sock


def test_a_descriptor_is_adopted_and_left_blocking(bind):
    handed = listening()
    number = handed.detach()
    os.set_inheritable(number, True)
    (listener,) = bind(f"fd://{number}")
    assert listener.fileno() == number
    assert os.get_blocking(number) is True
    assert os.get_inheritable(number) is False
    assert listener.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    connect(listener)


def test_a_descriptor_that_is_not_open_is_one_line():
    assert refused("fd://9999") == "--bind fd://9999: descriptor 9999 is not open"


def test_a_descriptor_that_is_no_listening_socket_is_one_line(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        assert "is not a socket" in refused(f"fd://{file.fileno()}")
    with closing(socket.socket()) as idle:
        assert "is not a listening stream socket" in refused(f"fd://{idle.fileno()}")
        assert idle.getsockname() is not None  # still open
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as datagrams:
        assert "is not a listening stream socket" in refused(f"fd://{datagrams.fileno()}")


@pytest.mark.parametrize("blocking", [True, False])
def test_starter_ports_are_adopted_as_they_are(tmp_path, blocking):
    tcp, unix = listening(), listening(socket.AF_UNIX, str(tmp_path / "s"))
    for sock in (tcp, unix):
        sock.setblocking(blocking)
    port = tcp.getsockname()[1]
    listeners = adopt_starter_ports(f"127.0.0.1:{port}={tcp.detach()};{tmp_path}/s={unix.detach()}")
    assert [listener.name for listener in listeners] == [f"http://127.0.0.1:{port}", f"unix:{tmp_path}/s"]
    assert [os.get_blocking(listener.fileno()) for listener in listeners] == [blocking, blocking]
    for listener in listeners:
        connect(listener)
    close_all(listeners)
    assert (tmp_path / "s").exists()  # start_server removes it


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "SERVER_STARTER_PORT names no listener: give start_server a --port or a --path"),
        ("8000", "SERVER_STARTER_PORT: got '8000': '8000' is not SPEC=FD"),
        ("8000=9999", "SERVER_STARTER_PORT 8000=9999: descriptor 9999 is not open"),
    ],
)
def test_starter_ports_that_cannot_be_used_are_one_line(value, message):
    with pytest.raises(UserError) as error:
        adopt_starter_ports(value)
    assert str(error.value) == message


def test_a_privileged_port_says_what_it_takes(monkeypatch):
    def deny(*_arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", deny)
    assert refused("127.0.0.1:80").endswith(
        "permission denied (ports below 1024 take root or CAP_NET_BIND_SERVICE)"
    )


def test_a_program_started_by_the_application_inherits_no_listener(bind):
    (listener,) = bind("127.0.0.1:0")
    script = f"import os; os.fstat({listener.fileno()})"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, close_fds=False, check=False)
    assert b"Bad file descriptor" in result.stderr
