"""Bodies have a limit, and their files a reason when they fail: mended, item 6."""

import re
from pathlib import Path

from deploy.identities import as_root

from integration.conftest import Serve
from integration.http_client import head
from integration.namespace import in_a_namespace
from integration.server import command
from integration.test_options import run


def test_a_body_whose_file_cannot_be_made_is_an_error_line_with_tmpdir_and_the_reason(
    serve: Serve, tmp_path: Path
) -> None:
    missing = tmp_path / "missing"
    server = serve("big", "--body-buffer", "1000", TMPDIR=str(missing))
    with server.client() as client:
        assert client.post("/", b"x" * 500_000).status == 500
    line = server.wait_for(r"\[ERROR\].*")[0]
    assert str(missing) in line
    assert "TMPDIR" in line
    assert re.search("no such file or directory", line, re.IGNORECASE)


@as_root
def test_a_body_whose_file_cannot_be_written_is_an_error_line_too(serve: Serve, tmp_path: Path) -> None:
    """A disk that is full."""
    full = "mkdir full && mount -t tmpfs -o size=64k none full"
    started_as = [*in_a_namespace(full), *command()]
    server = serve("big", "--body-buffer", "1000", started_as=started_as, TMPDIR=str(tmp_path / "full"))
    with server.client() as client:
        assert client.post("/", b"x" * 500_000).status in (500, 507)
    line = server.wait_for(r"\[ERROR\].*")[0]
    assert str(tmp_path / "full") in line
    assert re.search("no space left", line, re.IGNORECASE)
    with server.client() as client:
        assert client.post("/", b"x" * 500).status == 200


def test_bodies_have_a_limit_by_default(serve: Serve) -> None:
    server = serve("big")
    for size, status in ((2**30 + 1, 413), (2**62, 413)):
        with server.client() as client:
            client.send(head("POST", "/", Content_Length=str(size)))
            assert client.response().status == status


def test_the_default_limit_of_bodies_is_1_gib(tmp_path: Path) -> None:
    shown = run("--print-config", "gated", directory=tmp_path).stdout
    assert re.search(r"^limit_request_body = 1073741824\b", shown, re.MULTILINE)
