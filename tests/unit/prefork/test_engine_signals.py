"""What the engine does when a signal comes, and how its children stop."""

import os
import signal
from contextlib import suppress
from pathlib import Path
from signal import Signals

import pytest

from unit.conditions import until


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_term_stops_all_children_gracefully(engine):
    engine.start(max_workers=2)
    pids = engine.ready_pids(2)
    assert engine.stop() == 0
    assert sorted(engine.happened("got", "SIGTERM")) == sorted(["got", "SIGTERM", str(pid)] for pid in pids)


def test_term_is_repeated_to_a_child_that_does_not_stop(engine):
    engine.start("deaf", max_workers=1, graceful_timeout=1000)
    engine.ready_pids(1)
    engine.send(Signals.SIGTERM)
    engine.wait_for("heard", "SIGTERM", count=3)


def test_a_child_that_outlives_the_graceful_timeout_is_killed(engine):
    engine.start("deaf", max_workers=1, graceful_timeout=0.2)
    pid = engine.ready_pids(1)[0]
    assert engine.stop() == 0
    assert engine.happened("reap") == [["reap", str(pid), "-9"]]
    assert f"worker {pid} did not stop in time: killed" in engine.log


@pytest.mark.parametrize("number", [Signals.SIGINT, Signals.SIGQUIT])
def test_a_quick_stop_sends_quit(engine, number):
    engine.start(max_workers=2)
    engine.ready_pids(2)
    engine.send(number)
    assert engine.wait() == 0
    assert len(engine.happened("got", "SIGQUIT")) == 2


def test_a_quick_stop_kills_a_child_that_ignores_quit(engine):
    engine.start("deaf", max_workers=1, graceful_timeout=1000)
    engine.ready_pids(1)
    engine.send(Signals.SIGQUIT)
    assert engine.wait() == 0
    assert engine.happened("reap")[0][2] == "-9"


def test_a_quick_stop_cuts_a_graceful_one_short(engine):
    engine.start("deaf", max_workers=1, graceful_timeout=1000)
    engine.ready_pids(1)
    engine.send(Signals.SIGTERM)
    engine.wait_for("heard", "SIGTERM")
    engine.send(Signals.SIGQUIT)
    assert engine.wait() == 0


def test_hup_replaces_every_child(engine):
    engine.start(max_workers=3)
    old = engine.ready_pids(3)
    engine.send(Signals.SIGHUP)
    new = set(engine.ready_pids(6)) - set(old)
    engine.wait_for("reap", count=3)
    assert {int(event[1]) for event in engine.happened("reap")} == set(old)
    assert len(new) == 3
    assert engine.stop() == 0
    assert len(engine.happened("after")) == 6


def test_hup_stops_a_child_only_when_its_successor_is_ready(engine):
    engine.start(max_workers=2)
    engine.ready_pids(2)
    before = len(engine.events)
    engine.send(Signals.SIGHUP)
    engine.wait_for("reap", count=2)
    serving = 2
    for event in engine.events[before:]:
        serving += {"starting": 1, "got": -1}.get(event[0], 0)
        assert serving >= 2


def test_hup_with_children_that_cannot_start_leaves_the_old_ones_serving(engine):
    engine.start(max_workers=2, err_respawn_interval=0, max_start_failures=3)
    old = engine.ready_pids(2)
    engine.behave("fail")
    engine.send(Signals.SIGHUP)
    engine.wait_for_log("the old ones go on serving")
    assert not any(gone(pid) for pid in old)
    assert len(engine.happened("reap")) == 3
    engine.behave("serve")
    engine.send(Signals.SIGHUP)
    engine.ready_pids(4)


def test_ttin_adds_a_child_and_ttou_stops_the_oldest(engine):
    engine.start(max_workers=1)
    first = engine.ready_pids(1)[0]
    engine.send(Signals.SIGTTIN)
    engine.ready_pids(2)
    engine.send(Signals.SIGTTOU)
    assert engine.wait_for("reap") == [["reap", str(first), "0"]]


def test_ttin_adds_no_child_beyond_the_limit(engine):
    engine.start(max_workers=1, most_workers=2)
    engine.ready_pids(1)
    engine.send(Signals.SIGTTIN)
    engine.ready_pids(2)
    engine.send(Signals.SIGTTIN)
    engine.wait_for_log("no worker more than 2")
    assert engine.stop() == 0
    assert len(engine.happened("ready")) == 2


def test_a_child_that_ends_by_itself_has_a_successor_at_once_and_a_deadline(engine):
    engine.start("finish", max_workers=1)
    (event,) = engine.wait_for("finishing")
    engine.wait_for("got", "SIGTERM", event[1])
    engine.ready_pids(1)
    assert engine.stop() == 0


def test_ttou_leaves_the_last_child(engine):
    engine.start(max_workers=1)
    engine.ready_pids(1)
    engine.send(Signals.SIGTTOU)
    engine.wait_for_log("one worker less: 1")
    assert engine.stop() == 0
    assert len(engine.happened("after")) == 1


def test_usr2_does_not_end_the_engine(engine):
    engine.start(max_workers=1)
    engine.wait_for_log("is ready")  # before, it is asked where the child hangs
    engine.send(Signals.SIGUSR2)
    engine.wait_for_log("SIGUSR2 does nothing")
    assert engine.stop() == 0


def test_usr1_without_a_spawn_interval_is_a_graceful_stop(engine):
    engine.start(max_workers=2)
    engine.ready_pids(2)
    engine.send(Signals.SIGUSR1)
    assert engine.wait() == 0
    assert len(engine.happened("got", "SIGTERM")) == 2


def test_usr1_stops_the_oldest_child_at_once_and_the_next_after_the_interval(engine):
    engine.start(max_workers=2, spawn_interval=0.05)
    first, second = engine.ready_pids(2)
    engine.send(Signals.SIGUSR1)
    assert engine.wait() == 0
    assert engine.happened("got", "SIGTERM") == [["got", "SIGTERM", str(pid)] for pid in (first, second)]
    assert len(engine.happened("before")) == 2


def test_a_gradual_stop_tells_how_long_it_takes_with_the_current_children(engine):
    engine.start(max_workers=1, spawn_interval=0.125)
    engine.ready_pids(1)
    engine.send(Signals.SIGTTIN)
    engine.ready_pids(2)
    engine.send(Signals.SIGUSR1)
    assert engine.wait() == 0
    assert engine.happened("retiring") == [["retiring", "0.25"]]


def test_term_cuts_a_gradual_stop_short(engine):
    engine.start("deaf", max_workers=1, spawn_interval=1000, graceful_timeout=1000)
    engine.ready_pids(1)
    engine.send(Signals.SIGUSR1)
    engine.wait_for("heard", "SIGTERM")
    engine.send(Signals.SIGTERM)
    engine.wait_for_log("stopping gracefully")
    engine.send(Signals.SIGQUIT)
    assert engine.wait() == 0


def test_a_child_that_wants_a_successor_serves_until_that_is_ready(engine):
    engine.start("wear", max_workers=1)
    old, _ = engine.ready_pids(2)
    assert engine.wait_for("reap") == [["reap", str(old), "0"]]
    kinds = [event[0] for event in engine.events]
    # "starting" is noted before the child reports that it is ready, "ready" after: too late to compare.
    assert kinds.index("got") > len(kinds) - 1 - kinds[::-1].index("starting")


def test_orphans_are_reaped(engine):
    engine.start("orphan", max_workers=1, subreaper=True)
    orphan = int(engine.wait_for("orphan")[0][1])
    until(lambda: gone(orphan))
    engine.ready_pids(1)
    assert not engine.happened("reap", str(orphan))


def test_a_storm_of_signals_and_deaths_leaves_no_child_behind(engine):
    engine.start(max_workers=3, err_respawn_interval=0)
    engine.ready_pids(3)
    for _ in range(20):
        for number in (Signals.SIGTTIN, Signals.SIGHUP, Signals.SIGCHLD, Signals.SIGTTOU):
            engine.send(number)
        alive = [event[1] for event in engine.happened("ready") if not engine.happened("reap", event[1])]
        if alive:
            with suppress(ProcessLookupError):
                os.kill(int(alive[-1]), signal.SIGKILL)
            engine.wait_for("reap", alive[-1])
    assert engine.stop() == 0
    reaped = [event[1] for event in engine.happened("reap")]
    assert {event[1] for event in engine.happened("after")} <= set(reaped)
    assert len(reaped) == len(set(reaped)) == len(engine.happened("before"))
