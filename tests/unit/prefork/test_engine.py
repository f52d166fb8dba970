"""The engine, in a process of its own (engine_driver), driven by signals and observed through its events."""

import os
import signal
from signal import Signals

import pytest


def test_it_keeps_the_wanted_number_of_children(engine):
    engine.start(max_workers=3)
    pids = engine.ready_pids(3)
    assert len(set(pids)) == 3
    assert engine.stop() == 0
    assert len(engine.happened("after")) == 3


def test_before_fork_runs_in_the_parent_before_after_fork_in_the_child(engine):
    engine.start(max_workers=1)
    engine.ready_pids(1)
    assert [event[0] for event in engine.events] == ["before", "after", "starting", "ready"]


def test_a_child_killed_while_serving_is_replaced_without_a_pause(engine):
    engine.start(max_workers=2, err_respawn_interval=1000)
    victim = engine.ready_pids(2)[0]
    os.kill(victim, signal.SIGKILL)
    engine.ready_pids(3)
    assert engine.happened("reap", str(victim)) == [["reap", str(victim), "-9"]]


def test_a_child_that_exits_with_zero_is_replaced_without_a_pause(engine):
    engine.start("leave", max_workers=1, err_respawn_interval=1000)
    engine.ready_pids(1)
    assert engine.happened("reap")[0][2] == "0"


def test_a_child_that_exits_with_an_error_forbids_forking_for_a_while(engine):
    engine.start("fall", max_workers=1, err_respawn_interval=1000)
    engine.wait_for("reap")
    engine.send(Signals.SIGTTIN)  # the engine has acted on the death when it acts on this
    engine.wait_for_log("one worker more")
    assert engine.stop() == 0
    assert len(engine.happened("before")) == 1


def test_forking_resumes_after_the_pause(engine):
    engine.start("fall", max_workers=1, err_respawn_interval=0.01)
    engine.ready_pids(1)
    assert len(engine.happened("before")) == 2


def test_the_spawn_interval_is_kept_between_forks(engine):
    engine.start(max_workers=3, spawn_interval=1000)
    engine.ready_pids(1)
    assert engine.stop() == 0
    assert len(engine.happened("before")) == 1


def test_with_a_spawn_interval_all_children_are_forked(engine):
    engine.start(max_workers=3, spawn_interval=0.01)
    engine.ready_pids(3)


@pytest.mark.parametrize("behaviour", ["fail", "crash", "bad", "no-fork"])
def test_too_many_failed_starts_in_a_row_end_the_engine(engine, behaviour):
    engine.start(behaviour, max_workers=4, err_respawn_interval=0, max_start_failures=5)
    assert engine.wait() == 3
    assert engine.happened("failed")[0][1] == "5"


def test_a_child_that_starts_ends_the_row_of_failures(engine):
    engine.start("fail", max_workers=2, err_respawn_interval=0.02, max_start_failures=1000)
    engine.wait_for("reap", count=4)
    engine.behave("serve")
    engine.ready_pids(2)


def test_failing_replacements_do_not_end_the_engine_while_a_child_serves(engine):
    engine.start(max_workers=2, err_respawn_interval=0.001, max_start_failures=2)
    victim = engine.ready_pids(2)[0]
    engine.behave("fail")
    os.kill(victim, signal.SIGKILL)
    engine.wait_for("reap", count=6)
    engine.behave("serve")
    engine.ready_pids(3)


def test_an_exception_in_the_child_is_logged_with_its_traceback(engine):
    engine.start("bad", max_workers=1, err_respawn_interval=0, max_start_failures=1)
    engine.wait()
    assert "ValueError: a bad worker" in engine.log


def test_an_exception_of_on_child_reap_is_only_logged(engine):
    engine.start(max_workers=1, bad_hook=True)
    os.kill(engine.ready_pids(1)[0], signal.SIGKILL)
    engine.ready_pids(2)
    engine.wait_for_log("ValueError: a bad hook")


@pytest.mark.parametrize(
    ("hook", "begin"),
    [
        ("on_child_reap", lambda engine, pids: os.kill(pids[0], signal.SIGKILL)),
        ("resized", lambda engine, pids: engine.send(Signals.SIGTTIN)),
    ],
)
@pytest.mark.parametrize(("quick", "told"), [(True, "SIGQUIT"), (False, "SIGTERM")])
def test_a_fatal_exception_of_a_hook_ends_the_engine_and_its_children(engine, hook, begin, quick, told):
    engine.start(max_workers=2, fatal_hook=hook, quick=quick)
    pids = engine.ready_pids(2)
    begin(engine, pids)
    assert engine.wait() == 5
    assert engine.happened("failed") == [["failed", "the", "hook", hook, "failed"]]
    assert engine.happened("got", told, str(pids[1]))
    assert len(engine.happened("before")) == 2  # none more


def test_a_fatal_exception_before_the_first_fork_ends_the_engine(engine):
    engine.start(max_workers=2, fatal_hook="before_fork")
    assert engine.wait() == 5
    assert len(engine.happened("before")) == 1


def test_a_change_of_the_number_is_told_once(engine):
    engine.start(max_workers=1)
    engine.ready_pids(1)
    engine.send(Signals.SIGTTOU)  # one stays
    engine.wait_for_log("one worker less: 1")
    engine.send(Signals.SIGTTIN)
    engine.wait_for("resized", "2", "1")
    engine.send(Signals.SIGTTOU)
    engine.wait_for("resized", "1", "2")
    assert len(engine.happened("resized")) == 2
