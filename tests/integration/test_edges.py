"""Responses and addresses at the edge of HTTP: mended, item 18."""

from pathlib import Path

import pytest

from integration.conftest import Serve
from integration.http_client import Client
from integration.server import APPS, Process, command, free_port
from integration.waiting import until


@pytest.mark.parametrize("content", ["[b'content']", "iter([b'content'])", "[]"])
def test_205_has_no_content(serve: Serve, tmp_path: Path, content: str) -> None:
    """RFC 9110 section 15.3.6."""
    (tmp_path / "resetting.py").write_text(
        "def application(environ, start_response):\n"
        "    start_response('205 Reset Content', [])\n"
        f"    return {content}\n"
    )
    server = serve("resetting")
    with server.client() as client:
        for _ in range(2):
            response = client.get("/")
            assert (response.status, response.body) == (205, b"")
            assert response.fields.get("content-length") == "0"


# Addresses


@pytest.mark.parametrize("place", ["[::]:0", "[::0]:0"])
def test_the_ipv6_wildcard_listens_on_ipv4_too(serve: Serve, place: str) -> None:
    server = serve("gated", bind=place)
    port = server.address[1]
    assert isinstance(port, int)
    for host in ("127.0.0.1", "::1"):
        with Client((host, port)) as client:
            assert client.get("/").status == 200


def test_both_wildcards_together_are_no_conflict_or_an_error_that_says_so(tmp_path: Path) -> None:
    port = free_port()
    binds = ["--bind", f"0.0.0.0:{port}", "--bind", f"[::]:{port}"]
    process = Process([*command(), *binds, "--workers", "1", "--pythonpath", str(APPS), "gated"], tmp_path)
    try:
        until(lambda: process.ended or process.matches("is ready"), lambda: process.log)
        assert "Traceback" not in process.log
        if process.ended:
            assert f":{port}" in process.log
        else:
            process.stop()
    finally:
        process.end()
