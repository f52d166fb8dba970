"""Process titles say role, name and generation, and gunicorn's master is the process to signal."""

import signal
from contextlib import suppress
from pathlib import Path

import pytest

from integration.conftest import Serve
from integration.processes import descendants
from integration.server import Server
from integration.waiting import until


def titles(server: Server) -> list[str]:
    """Of all processes that live."""
    found = []
    for pid in [server.pid, *descendants(server.pid)]:
        with suppress(FileNotFoundError):  # it has ended just now
            found.append(Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0"))
    return found


@pytest.mark.parametrize(("options", "name"), [((), "answers"), (("--name", "shop"), "shop")])
def test_titles_say_role_name_and_generation(serve: Serve, options: tuple[str, ...], name: str) -> None:
    server = serve("answers", *options, workers=2)
    assert sorted(titles(server)) == [
        f"rhebok: generation 1 [{name}] (master)",
        f"rhebok: master [{name}] (supervisor)",
        f"rhebok: worker [{name}] (generation 1)",
        f"rhebok: worker [{name}] (generation 1)",
    ]


def test_the_titles_of_a_new_generation_have_its_number(serve: Serve) -> None:
    server = serve("answers", "--kill-old-delay", "0")
    server.send(signal.SIGHUP)
    expected = [
        "generation 2 [answers] (master)",
        "master [answers] (supervisor)",
        "worker [answers] (generation 2)",
    ]
    until(lambda: sorted(titles(server)) == [f"rhebok: {each}" for each in expected], lambda: titles(server))


def test_the_one_process_that_is_called_master_is_the_one_to_signal(serve: Serve) -> None:
    server = serve("answers", workers=2)
    assert [title.startswith("rhebok: master [answers]") for title in titles(server)].count(True) == 1
    assert titles(server)[0].startswith("rhebok: master [answers]")
