"""Server-sent events arrive one by one, as they are produced."""

from pathlib import Path

import pytest

from integration.apps.gated import EVENTS
from integration.conftest import Serve
from integration.gate import Gate
from integration.http_client import Address, Client, head
from integration.nginx import Nginx
from integration.processes import having_open
from integration.server import EXAMPLES, Server
from integration.waiting import until


def see_each_event_before_the_next_may_be_made(address: Address, gate: Gate) -> None:
    """The application stands at the gate between two events, and only this opens it."""
    with Client(address) as client:
        client.send(head("GET", "/events"))
        assert client.response_head()[0] == 200
        for number in range(EVENTS):
            if number > 0:
                gate.let_through()
            assert client.chunk() == b"data: %d\n\n" % number
        assert client.chunk() == b""


def test_events_arrive_as_they_are_produced(serve: Serve, gate: Gate) -> None:
    server = serve("gated", **gate.variables)
    see_each_event_before_the_next_may_be_made(server.address, gate)


def test_events_arrive_as_they_are_produced_over_a_unix_socket(serve: Serve, gate: Gate) -> None:
    server = serve("gated", bind="unix:app.sock", **gate.variables)
    see_each_event_before_the_next_may_be_made(server.address, gate)


@pytest.mark.needs("nginx")
def test_events_arrive_as_they_are_produced_through_nginx(serve: Serve, gate: Gate, tmp_path: Path) -> None:
    server = serve("gated", bind=f"unix:{tmp_path}/app.sock", **gate.variables)
    assert isinstance(server.address, str)
    nginx = Nginx(tmp_path, server.address)
    try:
        see_each_event_before_the_next_may_be_made(nginx.address, gate)
        nginx.judge()
    finally:
        nginx.end()


@pytest.mark.parametrize("options", [[], ["--no-chunked"]], ids=["http-1.0", "no-chunked"])
def test_events_arrive_as_they_are_produced_unchunked(serve: Serve, gate: Gate, options: list[str]) -> None:
    server = serve("gated", *options, **gate.variables)
    with server.client() as client:
        client.send(b"GET /events HTTP/1.%d\r\nHost: x\r\n\r\n" % bool(options))
        _, fields = client.response_head()
        assert "transfer-encoding" not in fields
        assert fields.get("connection", "close") == "close"  # which 1.0 need not say
        for number in range(EVENTS):
            if number > 0:
                gate.let_through()
            assert client.read(len(b"data: 0\n\n")) == b"data: %d\n\n" % number
        assert client.at_end()


def test_the_example_shows_every_note_to_who_has_the_page_open(serve: Serve, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    server = serve("streaming", "--chdir", str(EXAMPLES), workers=3, EXAMPLE_NOTES=str(notes))
    assert b"EventSource" in server.get("/").body
    readers = [server.client(), server.client()]
    for reader in readers:
        reader.send(head("GET", "/notes"))
        assert reader.response_head()[1]["content-type"] == "text/event-stream"
        assert reader.chunk().startswith(b":")
    for note in (b"first", b"second\nof two lines", b"third"):
        assert post(server, note)
        for reader in readers:
            assert next_event(reader) == b"data: " + note.replace(b"\n", b" ")
    for reader in readers:
        reader.close()
    # The streams end when a block cannot be sent, so that the server can stop.
    until(lambda: post(server, b"anybody there?") and not having_open(server.workers(), notes))


def post(server: Server, note: bytes) -> bool:
    with server.client() as writer:
        return writer.post("/notes", note).status == 204


def next_event(client: Client) -> bytes:
    """Without the comments that keep the connection alive."""
    while (event := client.chunk()).startswith(b":"):
        pass
    return event.rstrip(b"\n")
