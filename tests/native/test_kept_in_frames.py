"""start_response and write that an application keeps in frames alone.

CPython 3.14 and later count fewer references of frames than there are. The server asks by counts whether the
application has kept them, so it must do so only where frames have counted ones.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gateway_server import serving

GOOD = [("Content-Type", "text/plain")]

Call = Callable[[], str]


def outcome(call: Callable[..., Any], *arguments: Any) -> str:
    try:
        call(*arguments)
    except RuntimeError:
        return "refused"
    return "taken"


def suspended(call: Callable[..., Any], *arguments: Any) -> Iterator[str]:
    yield "begun"
    yield outcome(call, *arguments)


def in_a_generator(call: Callable[..., Any], *arguments: Any) -> Call:
    generator = suspended(call, *arguments)
    next(generator)
    return lambda: next(generator)


def in_a_generator_that_has_not_begun(call: Callable[..., Any], *arguments: Any) -> Call:
    generator = suspended(call, *arguments)
    return lambda: [next(generator), next(generator)][1]


def in_generators_of_generators(call: Callable[..., Any], *arguments: Any) -> Call:
    def outer(call: Callable[..., Any]) -> Iterator[str]:
        yield from suspended(call, *arguments)

    generator = outer(call)
    next(generator)
    return lambda: next(generator)


def in_a_thread(call: Callable[..., Any], *arguments: Any) -> Call:
    """Which is several calls deep, and has no other reference than the arguments of these."""
    begun, go_on = threading.Event(), threading.Event()
    found: list[str] = []

    def inner(call: Callable[..., Any]) -> None:
        begun.set()
        go_on.wait()
        found.append(outcome(call, *arguments))

    def outer(call: Callable[..., Any]) -> None:
        inner(call)

    def first(box: list[Callable[..., Any]]) -> None:
        outer(box.pop())

    thread = threading.Thread(target=first, args=([call],))
    thread.start()
    begun.wait()

    def resume() -> str:
        go_on.set()
        thread.join()
        return found[0]

    return resume


@pytest.mark.parametrize("what", ["start_response", "write"])
@pytest.mark.parametrize(
    "keep",
    [in_a_generator, in_a_generator_that_has_not_begun, in_generators_of_generators, in_a_thread],
    ids=lambda keep: keep.__name__,
)
def test_what_only_a_frame_keeps_does_nothing_to_later_responses(
    keep: Callable[..., Call], what: str
) -> None:
    kept: list[Call] = []

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/keep":
            if what == "write":
                kept.append(keep(start_response("200 OK", GOOD), b"intruder"))
            else:
                kept.append(keep(start_response, "500 Intruder", GOOD))
                start_response("200 OK", GOOD)
            return [b"kept"]
        found = kept.pop()() if kept else "nothing"
        start_response("200 OK", GOOD)
        return [found.encode()]

    with serving(app) as server, server.client() as client:
        assert client.get().body == b"nothing"
        assert client.get("/keep").body == b"kept"
        answer = client.get()
        assert (answer.status, answer.body) == (200, b"refused")
        assert client.get().body == b"nothing"
