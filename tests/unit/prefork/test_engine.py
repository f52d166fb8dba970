"""The engine, in a process of its own (engine_driver), driven by signals and observed through its events."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from signal import Signals

import pytest

from unit.conditions import DEADLINE_SECONDS, until
from unit.server_process import environment

DRIVER = Path(__file__).with_name("engine_driver.py")


class Engine:
    """The driver's process and its events."""

    def __init__(self, directory: Path) -> None:
        self._events = directory / "events"
        self._behaviour = directory / "behaviour"
        self._log = directory / "log"
        self._events.touch()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, behaviour: str = "serve", **options: object) -> None:
        self.behave(behaviour)
        arguments = [sys.executable, DRIVER, self._events, self._behaviour, json.dumps(options)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(arguments, env=environment(), stderr=log)

    def behave(self, behaviour: str) -> None:
        """What children forked from now on do."""
        fresh = self._behaviour.with_suffix(".new")
        fresh.write_text(behaviour)
        fresh.rename(self._behaviour)

    @property
    def events(self) -> list[list[str]]:
        return [line.split() for line in self._events.read_text().splitlines()]

    @property
    def log(self) -> str:
        return self._log.read_text()

    def happened(self, *start: str) -> list[list[str]]:
        return [event for event in self.events if event[: len(start)] == list(start)]

    def wait_for(self, *start: str, count: int = 1) -> list[list[str]]:
        return until(
            lambda: len(found := self.happened(*start)) >= count and found,
            lambda: f"{count} x {start} in {self.events}\n{self.log}",
        )

    def wait_for_log(self, text: str) -> None:
        until(lambda: text in self.log, lambda: f"{text!r} in {self.log}")

    def send(self, number: Signals) -> None:
        assert self.process
        self.process.send_signal(number)

    def wait(self) -> int:
        assert self.process
        return self.process.wait(DEADLINE_SECONDS)

    def stop(self) -> int:
        self.send(Signals.SIGTERM)
        return self.wait()

    def ready_pids(self, count: int) -> list[int]:
        return [int(event[1]) for event in self.wait_for("ready", count=count)]

    def end(self) -> None:
        if self.process and self.process.poll() is None:
            self.behave("fail")
            for event in self.happened("after"):
                if not self.happened("reap", event[1]):
                    with suppress(ProcessLookupError):  # reaped meanwhile
                        os.kill(int(event[1]), signal.SIGKILL)
            self.process.kill()
            self.process.wait()


@pytest.fixture
def engine(tmp_path):
    engine = Engine(tmp_path)
    yield engine
    engine.end()


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


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
    engine.ready_pids(1)
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
