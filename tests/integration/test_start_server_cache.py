"""rhebok ctl purge under the real Perl start_server: the master of the generation is asked."""

from pathlib import Path
from signal import SIGTERM

from integration.http_client import Client, Response
from integration.server import free_port
from integration.test_start_server import Starter, starter, under_perl
from integration.waiting import until
from rhebok.control.client import ask
from rhebok.errors import UserError

pytestmark = under_perl


def test_each_generation_purges_what_it_is_asked_to(tmp_path: Path) -> None:
    port, control = free_port(), str(tmp_path / "control")
    running = starter(
        tmp_path, ["--port", f"127.0.0.1:{port}"], ("127.0.0.1", port),
        "--control", control, "--cache", "4m", app="cached",
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}/a"
        _purges(running, control, url)
        running.restart()
        until(lambda: _answers(control))
        _purges(running, control, url)
        assert running.stop(SIGTERM) == 0
    finally:
        running.end()
        print(running.log)


def test_what_was_purged_while_the_old_generation_had_the_socket_is_not_in_the_new_one(
    tmp_path: Path,
) -> None:
    port, control = free_port(), str(tmp_path / "control")
    held = tmp_path / "held"
    running = starter(
        tmp_path, ["--port", f"127.0.0.1:{port}"], ("127.0.0.1", port),
        "--control", control, "--cache", "4m", app="cached",
    )  # fmt: skip
    try:
        Path(control).rename(held)  # as if an old generation had it still
        Path(control).mkdir()
        running.restart()
        assert not _is_hit(_get(running))
        assert _is_hit(_get(running))
        Path(control).rmdir()
        until(lambda: _answers(control))
        assert not _is_hit(_get(running))
        assert running.stop(SIGTERM) == 0
    finally:
        running.end()
        print(running.log)


def _purges(running: Starter, control: str, url: str) -> None:
    """The page is in the cache until it is purged."""
    _get(running)
    assert _is_hit(_get(running))
    for argument in (url, "*"):
        ask(control, "purge", argument)
        assert not _is_hit(_get(running))
        assert _is_hit(_get(running))


def _get(running: Starter) -> Response:
    with Client(running.address) as client:
        return client.get("/a", Host=f"127.0.0.1:{running.address[1]}", Connection="close")


def _is_hit(response: Response) -> bool:
    return "hit" in response.fields["cache-status"]


def _answers(control: str) -> bool:
    try:
        return bool(ask(control, "status"))
    except UserError:
        return False
