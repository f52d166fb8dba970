"""How much memory the server itself holds. bench/README.md says where it goes."""

import signal

import pytest

from integration.conftest import Serve
from integration.processes import descendants, memory

MIB = 2**20

# Anonymous: 6.5 on CPython 3.11. PSS is more by its part of the interpreter's pages, which are 6.6 for all
# processes together that run this interpreter.
SUPERVISOR = 7.25 * MIB
TREE = 40 * MIB  # PSS; 32 on CPython 3.11, in an environment that imports nothing by itself


@pytest.mark.parametrize(
    "options",
    [(), ("--pid", "pid"), ("--error-logfile", "log/error"), ("--reload", "--reload-engine", "poll")],
    ids=" ".join,
)
def test_a_supervisor_is_small(serve: Serve, tmp_path, options: tuple[str, ...]) -> None:
    (tmp_path / "log").mkdir()
    log = tmp_path / options[1] if "--error-logfile" in options else None
    server = serve("answers", *options, log=log)
    server.get()
    assert memory(server.pid, "Pss_Anon") < SUPERVISOR


def test_a_supervisor_stays_small_when_it_deploys(serve: Serve) -> None:
    server = serve("answers", "--kill-old-delay", "0")
    for number in (2, 3):
        server.send(signal.SIGHUP)
        server.wait_for(rf"generation {number} \(pid \d+\) serves")
    assert memory(server.pid, "Pss_Anon") < SUPERVISOR


def test_eight_workers_share_most_of_their_memory(serve: Serve) -> None:
    server = serve("answers", workers=8)
    for _ in range(100):
        server.get()
    assert sum(map(memory, [server.pid, *descendants(server.pid)])) < TREE
