"""wsgi.input of bodies that arrive in pieces. They are received into blocks of the size that the application
last read, and behave like any other file."""

from __future__ import annotations

import copy
import io
import json
import pickle
import tracemalloc
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

import pytest
from gateway_server import Client, Server, serving
from hypothesis import given, settings
from hypothesis import strategies as st

BLOCK = 65536
LONG = 1_000_000
LINE = 997  # bytes between line ends


def body_of(size: int) -> bytes:
    pattern = bytes(range(11, 256)) * (LINE // 245 + 1)
    line = pattern[: LINE - 1] + b"\n"
    return (line * (size // LINE + 1))[:size]


def post(client: Client, size: int, path: str = "/", chunks: int = 0) -> str:
    """The answer to a body_of(size), sent after its head, so that both never arrive together."""
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
    head += "Transfer-Encoding: chunked\r\n\r\n" if chunks else f"Content-Length: {size}\r\n\r\n"
    client.send(head.encode())
    assert client.take_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    body = body_of(size)
    if chunks:
        pieces = [body[at : at + chunks] for at in range(0, size, chunks)]
        client.send(b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n")
    else:
        client.send(body)
    return client.response().body.decode()


# ---- like any other file ----

Operation = tuple[str, list[int]]


def operate(file: Any, name: str, args: list[int]) -> Any:
    """The result of an operation of the tests on a file, or its exception, for comparison."""
    try:
        return SPECIAL[name](file, *args) if name in SPECIAL else getattr(file, name)(*args)
    except (ValueError, AttributeError) as error:
        return type(error).__name__, str(error)


def read_within(file: Any) -> Any:
    with file as same:
        return same.read()


def read_a_copy(file: Any, how: Callable[[Any], Any]) -> Any:
    """From a copy, which has a position of its own."""
    other = how(file)
    return other.read(BLOCK), file.tell(), other.tell(), type(other).__name__


def read_into(file: Any, size: int) -> Any:
    buffer = bytearray(size)
    return file.readinto(buffer), bytes(buffer)


SPECIAL: dict[str, Callable[..., Any]] = {
    "copy": lambda file, size: list(iter(lambda: file.read(size), b"")),
    "with": read_within,
    "copy_of": lambda file: read_a_copy(file, copy.copy),
    "pickled": lambda file: read_a_copy(file, lambda body: pickle.loads(pickle.dumps(body))),
    "next": lambda file: next(file, None),
    "iterate": list,
    "readinto": read_into,
    "read_none": lambda file: file.read(None),
}


def compares_with_bytesio(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Does the operations of the query string with wsgi.input and with a BytesIO of the same bytes."""
    file = environ["wsgi.input"]
    oracle = io.BytesIO(body_of(int(environ["CONTENT_LENGTH"])))
    start_response("200 OK", [])
    for number, (name, args) in enumerate(json.loads(unquote(environ["QUERY_STRING"]))):
        got, expected = operate(file, name, args), operate(oracle, name, args)
        if got != expected:
            return [f"operation {number}, {name}{args}: {got!r:.200} instead of {expected!r:.200}".encode()]
    return [b"the same"]


def check(client: Client, size: int, operations: list[Operation], chunks: int = 0) -> None:
    assert post(client, size, "/?" + quote(json.dumps(operations)), chunks) == "the same", operations


SIZES = st.sampled_from([-1, 0, 1, 1000, 16384, 30000, BLOCK, BLOCK + 1, 100_000, LONG, 2 * LONG])
OPERATIONS = st.one_of(
    st.tuples(st.sampled_from(["read", "read", "read1", "readline"]), st.lists(SIZES, max_size=1)),
    st.tuples(st.sampled_from(["readinto"]), SIZES.filter(lambda size: size >= 0).map(lambda size: [size])),
    st.tuples(st.sampled_from(["copy"]), SIZES.filter(lambda size: size >= 1000).map(lambda size: [size])),
    st.tuples(
        st.sampled_from(
            ["readlines", "next", "iterate", "tell", "read_none", "readable", "writable", "seekable"]
        ),
        st.just([]),
    ),
    st.tuples(
        st.sampled_from(["with", "close", "copy_of", "pickled", "getvalue", "detach", "nonsense"]),
        st.just([]),
    ),
    st.tuples(st.sampled_from(["seek"]), st.integers(0, LONG + 10).map(lambda offset: [offset])),
)


@pytest.mark.parametrize("chunks", [0, 7000])
def test_every_sequence_of_operations_gives_the_results_of_a_bytesio(chunks: int) -> None:
    with serving(compares_with_bytesio, limit_request_line=0) as server, server.client() as client:

        @settings(max_examples=150, deadline=None)
        @given(
            st.sampled_from([20_000, BLOCK, BLOCK + 1, 3 * BLOCK, LONG]),
            st.sampled_from([16384, 30000, BLOCK]),
            st.lists(OPERATIONS, max_size=8),
        )
        def compare(size: int, learned: int, operations: list[Operation]) -> None:
            check(client, LONG, [("read", [learned])])
            check(client, size, operations, chunks)

        compare()


@pytest.mark.parametrize("learned", [16384, 50_000, BLOCK])
@pytest.mark.parametrize("size", [16384, 16385, 50_001, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1, 1 << 20])
def test_common_ways_to_read_a_body_work_with_blocks_of_each_size(learned: int, size: int) -> None:
    """Before and after the server has learned another block size."""
    ways: list[list[Operation]] = [
        [("copy", [learned]), ("read", []), ("tell", [])],
        [("read", []), ("read", []), ("seek", [5]), ("copy", [8192])],
        [("read", [size]), ("read", [1])],
        [("read", [learned]), ("read", [])],
        [("read", [learned]), ("readline", []), ("copy", [learned])],
        [("iterate", [])],
        [("seek", [size // 2]), ("copy", [learned])],
        [("read", [learned]), ("copy_of", []), ("pickled", []), ("read", [])],
    ]
    with serving(compares_with_bytesio) as server, server.client() as client:
        for way in ways:
            check(client, size, way)
            check(client, size, [("copy", [learned])])
            check(client, size, way)


def test_a_text_wrapper_and_a_buffered_reader_accept_the_input() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        file = environ["wsgi.input"]
        if environ["PATH_INFO"] == "/text":
            lines = io.TextIOWrapper(file, encoding="latin-1", newline="\n").readlines()
            return [str("".join(lines) == body_of(LONG).decode("latin-1")).encode()]
        return [str(io.BufferedReader(file).read() == body_of(LONG)).encode()]

    with serving(app) as server, server.client() as client:
        assert post(client, LONG, "/text") == "True"
        assert post(client, LONG, "/bytes") == "True"


def test_an_input_that_the_application_keeps_can_be_read_later() -> None:
    kept: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        file = environ["wsgi.input"]
        file.read(BLOCK)
        kept.append(file)
        start_response("200 OK", [])
        return [str([old.read() == body_of(LONG)[BLOCK:] for old in kept[:-1]]).encode()]

    with serving(app) as server, server.client() as client:
        assert post(client, LONG) == "[]"
        assert post(client, LONG) == "[True]"
        assert post(client, LONG) == "[False, True]"


def test_a_read_size_that_is_no_number_is_a_type_error_and_loses_no_bytes() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        with pytest.raises(TypeError):
            environ["wsgi.input"].read("10")
        start_response("200 OK", [])
        return [str(environ["wsgi.input"].read() == body_of(LONG)).encode()]

    with serving(app) as server, server.client() as client:
        assert post(client, LONG) == "True"


@pytest.mark.parametrize("threads", [1, 4])
def test_concurrent_bodies_may_be_read_in_different_ways(threads: int) -> None:
    """The block size may change in the middle of another body."""
    ways: list[list[Operation]] = [
        [("copy", [BLOCK])],
        [("read", [])],
        [("copy", [20_000])],
        [("readlines", [])],
    ]
    with serving(compares_with_bytesio, threads=threads) as server:
        body = body_of(LONG)
        clients = [server.client() for _ in range(12)]
        for _ in range(5):
            for client, way in zip(clients, ways * 3, strict=True):
                path = "/?" + quote(json.dumps(way))
                client.send(f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {LONG}\r\n\r\n".encode())
            for start in range(0, LONG, 100_000):
                for client in clients:
                    client.send(body[start : start + 100_000])
            for client in clients:
                assert client.response().body == b"the same"


def test_the_blocks_of_a_client_that_disconnects_are_released() -> None:
    """The debug build counts them."""
    with serving(compares_with_bytesio) as server, server.client() as client:
        check(client, LONG, [("copy", [BLOCK])])
        with server.client() as leaving:
            leaving.send(
                b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % LONG + body_of(3 * BLOCK)
            )
        check(client, LONG, [("copy", [BLOCK])])


# ---- without a copy ----


def most_allocated(read: Callable[[Any], object]) -> Callable[..., list[bytes]]:
    """An application that answers with the most bytes that read(wsgi.input) had allocated at a time."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        tracemalloc.start()
        if environ["PATH_INFO"] == "/all":
            environ["wsgi.input"].read()
        else:
            read(environ["wsgi.input"])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        start_response("200 OK", [])
        return [str(peak).encode()]

    return app


def copied(server: Server, size: int, path: str = "/", chunks: int = 0) -> int:
    with server.client() as client:
        return int(post(client, size, path, chunks))


def in_blocks_of(size: int) -> Callable[[Any], object]:
    def read(file: Any) -> None:
        while file.read(size):
            pass

    return read


@pytest.mark.parametrize("size", [16384, 30_000, BLOCK])
def test_blocks_are_not_copied_once_their_size_is_known(size: int) -> None:
    with serving(most_allocated(in_blocks_of(size))) as server:
        assert copied(server, LONG) >= size
        assert copied(server, LONG) < 10_000
        assert copied(server, 10 * size) < 10_000


@pytest.mark.parametrize("size", [1000, 16383, BLOCK + 1, 300_000])
def test_reads_of_other_sizes_are_copied(size: int) -> None:
    with serving(most_allocated(in_blocks_of(size))) as server:
        for _ in range(3):
            assert size <= copied(server, LONG) < LONG


def test_a_body_that_is_read_at_once_is_not_copied() -> None:
    with serving(most_allocated(lambda file: file.read())) as server:
        for chunks in (0, 0, 7000, 7000):
            assert copied(server, LONG, chunks=chunks) < 10_000


def test_a_wrong_guess_costs_exactly_one_copy() -> None:
    with serving(most_allocated(in_blocks_of(BLOCK))) as server:
        copied(server, LONG)
        assert LONG <= copied(server, LONG, "/all") < 2 * LONG
        assert copied(server, LONG, "/all") < 10_000
        assert BLOCK <= copied(server, LONG) < 2 * BLOCK
        assert copied(server, LONG) < 10_000


def test_a_read_beyond_the_end_of_a_body_does_not_change_the_block_size() -> None:
    with serving(most_allocated(in_blocks_of(BLOCK))) as server:
        copied(server, LONG)
        copied(server, 30_000)
        assert copied(server, LONG) < 10_000
