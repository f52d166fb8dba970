"""Hooks of a file of gunicorn that raise: which of them end the server, as in gunicorn, and how."""

from collections.abc import Callable
from pathlib import Path
from signal import Signals

import pytest

from integration.conftest import Serve
from integration.hooked import APPLICATION, FILE, OF_A_WORKER, REQUESTS, Hooked
from integration.server import Process, command, free_port

HookedOf = Callable[..., Hooked]


@pytest.fixture
def start(serve: Serve, tmp_path: Path) -> HookedOf:
    return lambda *options, **more: Hooked(serve, tmp_path, *options, **more)


def failing_start(directory: Path, hook: str) -> tuple[int, list[str], str]:
    """Status, hooks and log of a server whose hook fails at its start."""
    (directory / "hello.py").write_text(APPLICATION)
    (directory / "shared.py").write_text("left = ''\n")
    (directory / "gunicorn.conf.py").write_text(FILE + REQUESTS)
    (directory / f"fail-{hook}").touch()
    process = Process([*command(), "--bind", f"127.0.0.1:{free_port()}", "hello:app"], directory)
    status = process.wait()
    names = [line.split()[1] for line in (directory / "notes").read_text().splitlines()]
    return status, [name for name in names if name != "import"], process.log


IN_ORDER = ["nworkers_changed", "on_starting", "when_ready", "pre_fork"]


@pytest.mark.parametrize("hook", IN_ORDER)
def test_a_hook_of_the_master_ends_the_start_with_status_1(tmp_path: Path, hook: str) -> None:
    status, names, log = failing_start(tmp_path, hook)
    assert status == 1
    assert names == IN_ORDER[: IN_ORDER.index(hook) + 1]  # no on_exit
    assert f"the hook {hook} failed" in log
    assert "ValueError: a hook that fails" in log


@pytest.mark.parametrize("hook", OF_A_WORKER)
def test_a_hook_of_a_worker_ends_the_start_with_status_3(tmp_path: Path, hook: str) -> None:
    status, names, log = failing_start(tmp_path, hook)
    assert status == 3
    ran = OF_A_WORKER[: OF_A_WORKER.index(hook) + 1]
    assert names == [*IN_ORDER, *ran, "worker_exit", "on_exit"]  # no child_exit
    assert f"the hook {hook} failed" in log


def test_child_exit_ends_the_generation_and_the_next_one_serves(start: HookedOf) -> None:
    hooked = start()
    old = hooked.server.master
    hooked.fail("child_exit")
    hooked.server.tracebacks = 1
    hooked.kill_worker()
    hooked.server.wait_for("generation 2.* serves")
    assert "on_exit" not in hooked.names(old)
    assert hooked.server.get().status == 200


def test_nworkers_changed_on_ttin_ends_the_generation_at_once(start: HookedOf) -> None:
    hooked = start()
    worker = hooked.server.workers()[0]
    hooked.fail("nworkers_changed")
    hooked.server.tracebacks = 1
    hooked.server.send(Signals.SIGTTIN)
    hooked.server.wait_for("generation 2.* serves")
    assert hooked.names(worker)[-2:] == ["worker_int", "worker_exit"]


def test_post_fork_of_a_successor_ends_the_generation_gracefully(start: HookedOf) -> None:
    hooked = start(workers=2)
    old = hooked.server.master
    hooked.fail("post_fork")
    hooked.server.tracebacks = 1
    hooked.kill_worker()
    hooked.server.wait_for("generation 2.* serves")
    assert hooked.names(old)[-1] == "on_exit"
    assert "worker_int" not in hooked.names()


@pytest.mark.parametrize(
    ("hook", "number"), [("worker_exit", Signals.SIGTERM), ("worker_int", Signals.SIGQUIT)]
)
def test_hooks_at_the_end_of_a_worker_are_logged(start: HookedOf, hook: str, number: Signals) -> None:
    hooked = start()
    hooked.fail(hook)
    hooked.server.tracebacks = 1
    assert hooked.server.stop(number) == 0
    assert f"the hook {hook} failed" in hooked.server.log
    assert hooked.names()[-3:] == ["worker_exit", "child_exit", "on_exit"]


def test_on_exit_is_logged(start: HookedOf) -> None:
    hooked = start()
    hooked.fail("on_exit")
    hooked.server.tracebacks = 1
    hooked.server.stop()
    assert "the hook on_exit failed" in hooked.server.log


def test_worker_abort_that_fails_does_not_keep_the_worker(start: HookedOf) -> None:
    hooked = start("--timeout", "1", requests=True)
    hooked.fail("worker_abort")
    hooked.server.tracebacks = 2
    hooked.server.get("/loop")
    hooked.wait_for("child_exit")
    assert "the hook worker_abort failed" in hooked.server.log
    assert "worker_exit" in hooked.names()


def test_pre_request_is_answered_with_500_and_post_request_is_logged(start: HookedOf) -> None:
    hooked = start(requests=True)
    hooked.server.tracebacks = 2
    hooked.fail("pre_request")
    assert hooked.server.get("/a").status == 500
    hooked.fail("post_request")
    assert hooked.server.get("/b").status == 200
    hooked.server.wait_for("the hook post_request failed")
    assert hooked.wait_for("post_request")[0][2] == "GET /a None None"
    assert hooked.server.get("/c").status == 200
