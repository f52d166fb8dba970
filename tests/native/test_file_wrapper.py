"""wsgi.file_wrapper: sendfile(2) for real files, blocks for everything else."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from gateway_server import serving

CONTENT = bytes(range(256)) * 20_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


def wrapping(make: Any, *headers: tuple[str, str]) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", list(headers))
        return environ["wsgi.file_wrapper"](make(), 8192)

    return app


def temporary() -> Any:
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115 (the server closes it)
    file.write(CONTENT)
    file.seek(0)
    return file


@pytest.mark.parametrize("buffering", [-1, 0])
@pytest.mark.parametrize("unix", [False, True])
def test_a_file_is_sent_whole_with_its_length_and_keeps_the_connection(
    path: Path, buffering: int, unix: bool
) -> None:
    app = wrapping(lambda: open(path, "rb", buffering))  # noqa: SIM115
    with serving(app, unix=unix) as server, server.client() as client:
        for _ in range(2):
            response = client.get()
            assert response.header("Content-Length") == str(len(CONTENT))
            assert response.body == CONTENT


def test_a_file_is_sent_from_its_position(path: Path) -> None:
    def make() -> Any:
        file = open(path, "rb")  # noqa: SIM115
        file.read(1000)
        return file

    with serving(wrapping(make)) as server:
        assert server.get().body == CONTENT[1000:]


def test_no_more_of_a_file_than_the_content_length_is_sent(path: Path) -> None:
    app = wrapping(lambda: open(path, "rb"), ("Content-Length", "5"))  # noqa: SIM115
    with serving(app) as server, server.client() as client:
        assert client.get().body == CONTENT[:5]
        assert client.get().body == CONTENT[:5]


def test_a_file_shorter_than_the_content_length_ends_the_connection(path: Path) -> None:
    length = str(len(CONTENT) + 1)
    with serving(wrapping(lambda: open(path, "rb"), ("Content-Length", length))) as server:
        with server.client() as client, pytest.raises(EOFError):
            client.get()
        server.wait_for_log("1 bytes short of its Content-Length")


def test_a_file_that_cannot_be_read_ends_the_connection_and_is_logged(path: Path) -> None:
    def make() -> Any:
        file = open(path, "rb")  # noqa: SIM115
        for_writing = os.open(path, os.O_WRONLY)
        os.dup2(for_writing, file.fileno())
        os.close(for_writing)
        return file

    with serving(wrapping(make)) as server:
        with server.client() as client, pytest.raises(EOFError):
            client.get()
        server.wait_for_log("the file of the response to GET / cannot be sent: Bad file descriptor")


@pytest.mark.parametrize("make", [lambda: io.BytesIO(CONTENT), temporary])
def test_a_bytesio_and_a_temporary_file_are_sent_too(make: Any) -> None:
    with serving(wrapping(make)) as server, server.client() as client:
        assert client.get().body == CONTENT
        assert client.get(version="1.0").body == CONTENT


def test_a_gzip_file_is_sent_uncompressed(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    with gzip.open(path, "wb") as file:
        file.write(CONTENT)
    with serving(wrapping(lambda: gzip.open(path, "rb"))) as server:
        assert server.get().body == CONTENT


class Decrypting:
    """Has the file in the same attribute as Django's File, but reads other bytes from it."""

    def __init__(self, path: Path) -> None:
        self.file = open(path, "rb")  # noqa: SIM115

    def read(self, size: int = -1) -> bytes:
        return bytes(byte ^ 0xFF for byte in self.file.read(size))

    def close(self) -> None:
        self.file.close()


class Delegating(Decrypting):
    """Like Django's File."""

    read = property(lambda self: self.file.read)  # type: ignore[assignment]


def test_an_object_with_a_read_of_its_own_is_read(path: Path) -> None:
    with serving(wrapping(lambda: Decrypting(path))) as server:
        assert server.get().body == bytes(byte ^ 0xFF for byte in CONTENT)


@pytest.mark.parametrize("make", [Delegating, lambda _path: temporary()], ids=["delegating", "temporary"])
def test_an_object_whose_read_is_that_of_its_file_is_sent_as_a_file(path: Path, make: Any) -> None:
    with serving(wrapping(lambda: make(path))) as server:
        response = server.get()
        assert response.header("Content-Length") == str(len(CONTENT))
        assert response.body == CONTENT


def test_bytes_that_are_still_in_the_buffer_of_a_file_are_sent(path: Path) -> None:
    """seek() does not flush a block that has been read and then changed."""
    change = b"changed" * 10

    def make() -> Any:
        file = open(path, "r+b")  # noqa: SIM115
        file.read(1)
        file.seek(100)
        file.write(change)
        file.seek(0)
        return file

    with serving(wrapping(make)) as server:
        assert server.get().body == CONTENT[:100] + change + CONTENT[100 + len(change) :]


def test_head_sends_the_length_and_no_file(path: Path) -> None:
    with serving(wrapping(lambda: open(path, "rb"))) as server, server.client() as client:
        assert client.get(method="HEAD").header("Content-Length") == str(len(CONTENT))
        assert client.get().body == CONTENT


def test_the_file_is_closed_when_the_response_ends(path: Path) -> None:
    files: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/count":
            return [repr([file.closed for file in files]).encode()]
        files.append(open(path, "rb"))  # noqa: SIM115
        return environ["wsgi.file_wrapper"](files[-1])

    with serving(app) as server, server.client() as client:
        client.get()
        client.get(method="HEAD")
        assert client.get("/count").body == b"[True, True]"


def test_a_file_of_proc_is_read(path: Path) -> None:
    with serving(wrapping(lambda: open("/proc/self/cmdline", "rb"), ("X-Kind", "proc"))) as server:
        assert b"python" in server.get().body or b"pytest" in server.get().body
