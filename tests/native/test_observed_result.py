"""ObservedResult: what it stands for is sent as it is, and on_end is called once, after close()."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_server import Response, serving, wait_until

from rhebok.native.observed_result import ObservedResult


class Closing:
    def __init__(self, blocks: list[bytes], note: Any) -> None:
        self.blocks, self.note = blocks, note

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.blocks)

    def close(self) -> None:
        self.note("close")


def failing() -> Iterator[bytes]:
    yield b"abc"
    raise RuntimeError("in the middle")


def written(environ: dict[str, Any], start_response: Any, note: Any) -> Any:
    start_response("200 OK", [])(b"written ")
    return [b"list"]


def hinted(environ: dict[str, Any], start_response: Any, note: Any) -> Any:
    environ["wsgi.early_hints"]([("Link", "</a>")])
    start_response("200 OK", [])
    return [b"hinted"]


def returning(make: Any) -> Any:
    def app(environ: dict[str, Any], start_response: Any, note: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return make(environ, note)

    return app


APPS: dict[str, Any] = {
    "list": returning(lambda environ, note: [b"abc"]),
    "blocks": returning(lambda environ, note: [b"abc", b"def"]),
    "tuple": returning(lambda environ, note: (b"abc", b"def")),
    "empty": returning(lambda environ, note: []),
    "generator": returning(lambda environ, note: (each for each in (b"ab", b"cd"))),
    "large": returning(lambda environ, note: (b"x" * 1_000_000 for _ in range(20))),
    "closing": returning(lambda environ, note: Closing([b"abc"], note)),
    "written": written,
    "file": returning(lambda environ, note: environ["wsgi.file_wrapper"](Path(__file__).open("rb"))),  # noqa: SIM115
    "proc": returning(lambda environ, note: environ["wsgi.file_wrapper"](Path("/proc/version").open("rb"))),  # noqa: SIM115
}


def served(name: str, directory: Path, observed: bool, method: str = "GET") -> tuple[Response, list[str]]:
    """The response, and what was noted."""
    notes = directory / f"{name}{observed}{method}"
    notes.touch()

    def note(text: object) -> None:
        with notes.open("a") as file:
            file.write(f"{text}\n")

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        result = APPS[name](environ, start_response, note)
        return ObservedResult(result, note) if observed else result

    with serving(app) as server, server.client() as client:
        response = client.get(method=method)
        if observed:
            wait_until(lambda: notes.read_text()[-1:] == "\n" and notes.read_text(), "the end")
    return response, notes.read_text().split()


@pytest.mark.parametrize("name", APPS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_response_is_that_of_the_result_alone(name: str, method: str, tmp_path: Path) -> None:
    plain, _ = served(name, tmp_path, False, method)
    observed, _ = served(name, tmp_path, True, method)
    assert observed.body == plain.body

    def fields(response: Response) -> list[tuple[str, str]]:
        return [pair for pair in response.headers if pair[0] != "Date"]

    assert fields(observed) == fields(plain)


@pytest.mark.parametrize("name", APPS)
def test_on_end_is_called_once_behind_close_with_the_bytes_of_the_body(name: str, tmp_path: Path) -> None:
    response, notes = served(name, tmp_path, True)
    before = ["close"] if name == "closing" else []
    assert notes == [*before, str(len(response.body))]


@pytest.mark.parametrize(
    "result", [failing, lambda: 3, lambda: ["text"]], ids=["raises", "no iterable", "text"]
)
def test_on_end_is_called_when_the_response_breaks(result: Any, tmp_path: Path) -> None:
    notes = tmp_path / "notes"

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return ObservedResult(result(), lambda sent: notes.write_text("ended"))

    with serving(app) as server, server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.more()
        wait_until(notes.exists, "the end")


def test_early_hints_go_out_before_an_observed_response() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        return ObservedResult(hinted(environ, start_response, None), lambda sent: None)

    with serving(app) as server, server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.take_until(b"\r\n\r\n").startswith(b"HTTP/1.1 103 ")
        assert client.response().body == b"hinted"


def test_it_can_be_iterated_and_closed_by_others() -> None:
    """As by a middleware of the application."""
    sizes: list[int] = []
    result = ObservedResult([b"a", b"b"], sizes.append)
    assert list(result) == [b"a", b"b"]
    result.close()
    assert sizes == [0]
