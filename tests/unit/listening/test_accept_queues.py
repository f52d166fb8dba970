"""How many connections wait in the accept queue of a listener, and how many may."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from tempfile import TemporaryDirectory

import pytest

from rhebok.listening.accept_queues import drops, queue
from unit.conditions import until

BACKLOG = 7


FAMILIES = {
    "tcp": (socket.AF_INET, ("127.0.0.1", 0)),
    "tcp6": (socket.AF_INET6, ("::1", 0)),
    "unix": (socket.AF_UNIX, "s"),
    "abstract": (socket.AF_UNIX, "\0rhebok-test-%d"),
}


@pytest.fixture(params=FAMILIES)
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family, address = FAMILIES[request.param]
    with TemporaryDirectory(prefix="rhebok-") as directory, socket.socket(family) as sock:
        if isinstance(address, str):
            address = f"{directory}/s" if request.param == "unix" else address % os.getpid()
        try:
            sock.bind(address)
        except OSError as error:
            if family != socket.AF_INET6:
                raise
            pytest.skip(f"no IPv6: {error}")
        sock.listen(BACKLOG)
        yield sock


def test_what_waits_is_counted_and_the_limit_is_known(listener: socket.socket) -> None:
    with ExitStack() as stack:
        for waiting in range(4):
            assert queue(listener) == (waiting, BACKLOG)
            client = stack.enter_context(socket.socket(listener.family, socket.SOCK_STREAM))
            client.connect(listener.getsockname())
        accepted, _ = listener.accept()
        accepted.close()
        assert queue(listener) == (3, BACKLOG)


def test_of_a_socket_that_is_closed_nothing_is_known(listener: socket.socket) -> None:
    listener.close()
    assert queue(listener) == (None, None)


def test_what_the_kernel_drops_is_counted() -> None:
    """A full queue takes no connection: the kernel drops what a client sends, which sends it again."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1))
        before = drops()
        assert before is not None
        for _ in range(8):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        until(lambda: (drops() or 0) >= before + 5)
        assert queue(listener) == (2, 1)
