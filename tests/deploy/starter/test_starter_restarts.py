"""HUP, deaths and the interval: which generation serves when, and who is told to end."""

import os
import signal
import time

from starter_process import Superdaemon, ask, until


def test_hup_starts_the_next_generation_and_ends_the_old_one(either: Superdaemon) -> None:
    either.start()
    either.serving(1)
    either.hup()
    either.wait_status(2)
    assert either.signals(1) == ["TERM"]
    assert either.started(2)["environ"]["SERVER_STARTER_GENERATION"] == "2"


def test_the_old_generation_is_told_only_after_the_new_one_has_lived_the_interval(
    either: Superdaemon,
) -> None:
    either.start("--interval", either.short_wait)
    either.serving(1)
    restarted = time.monotonic()
    either.hup()
    told = either.event(event="signal", generation=1)
    assert told["at"] - restarted >= float(either.short_wait)
    either.wait_status(2)


def test_hup_sends_the_signal_of_its_flag(either: Superdaemon) -> None:
    either.start("--signal-on-hup=USR1", "--signal-on-term=QUIT")
    either.serving(1)
    either.hup()
    either.wait_status(2)
    assert either.signals(1) == ["USR1"]


def test_a_new_generation_that_fails_leaves_the_old_one_serving(either: Superdaemon) -> None:
    either.start("--interval", either.short_interval, "--port=127.0.0.1:0")
    either.serving(1)
    address = either.started(1)["sockets"]["127.0.0.1:0"]["address"]
    (either.home / "fail").touch()
    either.hup()
    either.event(event="failing", generation=3)
    assert ask(address) == 1
    assert either.signals(1) == []
    assert either.status() == f"1:{either.started(1)['pid']}\n"


def test_a_failed_generation_is_tried_again_until_one_lives(either: Superdaemon) -> None:
    either.start("--interval", either.short_interval)
    either.serving(1)
    (either.home / "fail_once").touch()
    either.hup()
    either.event(event="failing", generation=2)
    either.wait_status(3)
    assert either.signals(1) == ["TERM"]


def test_a_generation_that_dies_is_replaced(either: Superdaemon) -> None:
    either.start()
    either.serving(1)
    os.kill(either.started(1)["pid"], signal.SIGKILL)
    either.serving(2)


def test_the_status_file_has_a_line_for_every_generation_that_lives(either: Superdaemon) -> None:
    (either.home / "linger").touch()
    either.start()
    either.serving(1)
    either.hup()
    either.wait_status(1, 2)
    either.hup()
    either.wait_status(1, 2, 3)
    (either.home / "linger").unlink()
    either.wait_status(3)


def test_every_older_generation_is_told_again_at_each_restart(either: Superdaemon) -> None:
    (either.home / "linger").touch()
    either.start()
    either.serving(1)
    either.hup()
    either.wait_status(1, 2)
    either.event(event="signal", generation=1)
    either.hup()
    either.wait_status(1, 2, 3)
    either.event(event="signal", generation=2)
    until("the second signal to generation 1", lambda: either.signals(1) == ["TERM", "TERM"])


def test_kill_old_delay_keeps_the_old_generation_that_long(either: Superdaemon) -> None:
    either.start(f"--kill-old-delay={either.short_wait}")
    either.serving(1)
    restarted = time.monotonic()
    either.hup()
    either.wait_status(1, 2)
    assert either.event(event="signal", generation=1)["at"] - restarted >= float(either.short_wait)
    either.wait_status(2)


def test_auto_restart_needs_no_signal(either: Superdaemon) -> None:
    interval = either.short_wait
    either.start("--enable-auto-restart", f"--auto-restart-interval={interval}", "--kill-old-delay=0")
    environ = either.started(1)["environ"]
    assert (environ["ENABLE_AUTO_RESTART"], environ["AUTO_RESTART_INTERVAL"]) == ("1", interval)
    either.started(2)
    either.event(event="signal", generation=1)


def test_auto_restart_waits_twice_the_interval_for_an_old_generation(either: Superdaemon) -> None:
    (either.home / "linger").touch()
    interval = either.short_wait
    either.start("--enable-auto-restart", f"--auto-restart-interval={interval}", "--kill-old-delay=0")
    started = [either.started(number)["at"] for number in (1, 2, 3)]
    assert started[2] - started[1] > 1.5 * float(interval)


# Ours alone: where start_server goes wrong


def test_hup_does_not_cut_the_test_of_a_new_generation_short(ours: Superdaemon) -> None:
    source = """
if base.GENERATION == 2:
    base.note("doomed")
    while not base.present("die"):
        base.time.sleep(0.01)
    base.note("failing")
    sys.exit(1)
base.main()
"""
    ours.start("--interval", ours.short_interval, program=ours.own_program("doomed", source))
    ours.serving(1)
    ours.hup()
    ours.event(event="doomed")
    ours.hup()
    (ours.home / "die").touch()
    assert ours.event(event="signal", generation=1)["at"] > ours.started(3)["at"]
    ours.wait_status(3)


def test_a_death_does_not_cut_the_test_short(ours: Superdaemon) -> None:
    ours.start("--interval", "0.5")
    ours.serving(1)
    restarted = time.monotonic()
    ours.hup()
    ours.started(2)
    os.kill(ours.started(1)["pid"], signal.SIGKILL)
    ours.wait_status(2)
    assert time.monotonic() - restarted >= 0.5


def test_a_hup_during_the_test_leads_to_one_more_generation(ours: Superdaemon) -> None:
    ours.start("--interval", "0.5")
    ours.started(1)
    ours.hup()
    ours.serving(2)


def test_a_term_during_the_test_is_obeyed_at_once(ours: Superdaemon) -> None:
    ours.start("--interval", "600")
    ours.started(1)
    assert ours.stop() == 0
    assert ours.signals(1) == ["TERM"]


def test_a_hup_during_kill_old_delay_does_not_shorten_it(ours: Superdaemon) -> None:
    ours.start("--kill-old-delay=1", "--interval", "0.1")
    ours.serving(1)
    restarted = time.monotonic()
    ours.hup()
    ours.wait_status(1, 2)
    ours.hup()
    ours.wait_status(1, 2, 3)
    assert ours.event(event="signal", generation=1)["at"] - restarted >= 1
    ours.wait_status(3)


def test_a_program_that_fails_at_once_is_not_started_without_a_pause(ours: Superdaemon) -> None:
    times = ours.home / "times"
    ours.start("--interval", "0", program=("/bin/sh", "-c", f"date +%s.%N >> {times}"))

    def written() -> list[str]:
        return times.read_text().split() if times.exists() else []

    until("five attempts", lambda: len(written()) >= 5)
    second, fifth = (float(written()[each]) for each in (1, 4))
    # Three pauses of a tenth of a second; the second attempt may have written late, the fifth not early.
    assert fifth - second > 0.19


def test_the_superdaemon_sleeps_while_the_program_serves(ours: Superdaemon) -> None:
    ours.start("--port=127.0.0.1:0")
    ours.serving(1)
    address = ours.started(1)["sockets"]["127.0.0.1:0"]["address"]
    assert ask(address) == 1
    before = context_switches(ours.pid)
    assert {ask(address) for _ in range(200)} == {1}
    assert context_switches(ours.pid) == before


def context_switches(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
