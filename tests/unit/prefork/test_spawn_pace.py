"""When the engine may fork, at given times."""

from rhebok.prefork.spawn_pace import SpawnPace


def test_without_an_interval_forks_follow_at_once():
    pace = SpawnPace(interval=0, pause=1)
    pace.spawned(10.0)
    assert pace.may_spawn(10.0)


def test_the_interval_is_kept_between_forks():
    pace = SpawnPace(interval=2, pause=1)
    pace.spawned(10.0)
    assert not pace.may_spawn(11.9)
    assert pace.may_spawn(12.0)


def test_an_error_forbids_forking_for_the_pause():
    pace = SpawnPace(interval=0, pause=1)
    pace.forbid(10.0)
    assert not pace.may_spawn(10.9)
    assert pace.may_spawn(11.0)


def test_the_pause_grows_with_failures_in_a_row_and_stops_growing():
    pace = SpawnPace(interval=0, pause=1, max_failures=100)
    now, pauses = 100.0, []
    for _ in range(6):
        pace.start_failed(now, now + 0.5)
        pauses.append(pace.next_at - (now + 0.5))
        now = pace.next_at
    assert pauses == [1, 2, 3, 4, 4, 4]


def test_children_forked_together_fail_as_one_attempt():
    pace = SpawnPace(interval=0, pause=1)
    for attempted_at in (10.0, 10.1, 10.2):
        pace.start_failed(attempted_at, 11.0)
    assert pace.failures == 1


def test_a_single_death_by_a_signal_costs_no_pause():
    pace = SpawnPace(interval=0, pause=1)
    pace.start_failed(10.0, 10.5, by_signal=True)
    assert pace.may_spawn(10.5)
    pace.start_failed(10.6, 10.7, by_signal=True)
    assert not pace.may_spawn(10.7)


def test_after_a_failure_one_child_probes_until_one_has_started():
    pace = SpawnPace(interval=0, pause=1)
    pace.start_failed(10.0, 10.5)
    assert pace.one_at_a_time
    pace.started()
    assert not pace.one_at_a_time


def test_it_is_exhausted_after_max_failures_in_a_row():
    pace = SpawnPace(interval=0, pause=0, max_failures=3)
    for now in (1.0, 2.0):
        pace.start_failed(now, now)
    assert not pace.exhausted
    pace.start_failed(3.0, 3.0)
    assert pace.exhausted


def test_a_child_that_starts_ends_the_row_of_failures():
    pace = SpawnPace(interval=0, pause=0, max_failures=2)
    pace.start_failed(1.0, 1.0)
    pace.started()
    pace.start_failed(2.0, 2.0)
    assert not pace.exhausted
