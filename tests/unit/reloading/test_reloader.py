"""The reloader: when it looks, what it reports, and which compiled code it removes."""

import importlib.util
import os
import py_compile
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rhebok.reloading import reloader as module
from rhebok.reloading.notices import Notices
from rhebok.reloading.reloader import Reloader, changed_text
from rhebok.reloading.watched_files import WatchedFiles
from unit.conditions import until

Make = Callable[[bool], Reloader]


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_text("old")
    os.utime(path, (1, 1))
    return path


@pytest.fixture
def make(tmp_path: Path, app: Path) -> Iterator[Make]:
    made: list[Reloader] = []

    def reloader(by_inotify: bool = False) -> Reloader:
        notices = Notices(pytest.importorskip("watchfiles")) if by_inotify else None
        found = Reloader(WatchedFiles(str(tmp_path)), notices)
        made.append(found)
        found.starting()
        tell(found, app)
        assert found.look(time.monotonic()) == ()
        return found

    yield reloader
    for each in made:
        each.close()


def tell(reloader: Reloader, path: Path) -> None:
    os.write(reloader.fd_to_pass_on, os.fsencode(path) + b"\0")


def wait(reloader: Reloader) -> list[str]:
    """As the loop of the supervisor does, until it is to reload."""

    def turn() -> list[str]:
        poll = select.poll()
        for descriptor in reloader.descriptors():
            poll.register(descriptor, select.POLLIN)
        poll.poll(max(0.0, reloader.next_at - time.monotonic()) * 1000)
        return list(reloader.look(time.monotonic()))

    return until(turn)


@pytest.mark.parametrize("by_inotify", [False, True])
def test_a_change_is_reported_once(make: Make, app: Path, by_inotify: bool) -> None:
    reloader = make(by_inotify)
    app.write_text("new")
    assert wait(reloader) == [str(app)]
    app.write_text("newer")
    assert wait(reloader) == [str(app)]


@pytest.mark.parametrize("by_inotify", [False, True])
def test_a_file_in_a_new_directory_is_watched(make: Make, tmp_path: Path, by_inotify: bool) -> None:
    reloader = make(by_inotify)
    views = tmp_path / "blog/views.py"
    views.parent.mkdir()
    views.write_text("old")
    os.utime(views, (1, 1))
    tell(reloader, views)
    reloader.look(time.monotonic())
    views.write_text("new")
    assert wait(reloader) == [str(views)]


def test_notices_make_polling_rare_and_come_at_once(make: Make, app: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "RARELY", 3600)
    reloader = make(True)

    def covered() -> bool:
        reloader.look(time.monotonic())
        return reloader.next_at > time.monotonic() + 60

    until(covered)

    def noticed() -> bool:
        app.write_text(f"saved at {time.monotonic()}")  # again: the first one may come before the watch
        return bool(reloader.look(time.monotonic()))

    until(noticed)


def test_its_thread_is_not_there_while_a_generation_is_forked(make: Make, app: Path) -> None:
    """Python 3.12 warns of a fork with several threads."""
    reloader = make(True)
    assert reloader._notices is not None
    until(lambda: reloader.look(time.monotonic()) == () and reloader._notices._threads)
    (thread,) = reloader._notices._threads
    assert os.path.exists(f"/proc/self/task/{thread.native_id}")
    reloader.starting()
    assert not os.path.exists(f"/proc/self/task/{thread.native_id}")
    app.write_text("new")
    assert wait(reloader) == [str(app)]
    assert reloader._notices._threads


def test_without_notices_any_more_it_polls(make: Make, app: Path) -> None:
    reloader = make(True)
    reloader._notices.error = OSError("no more watches")
    app.write_text("new")
    assert wait(reloader) == [str(app)]
    assert reloader.next_at < time.monotonic() + 1


def test_files_that_change_together_are_reported_together(make: Make, app: Path, tmp_path: Path) -> None:
    reloader = make(False)
    now = reloader.next_at
    app.write_text("new")
    assert reloader.look(now) == ()
    page = tmp_path / "templates/page.html"
    page.parent.mkdir()
    page.write_text("new")
    now = reloader.next_at
    assert reloader.look(now) == ()
    assert list(reloader.look(reloader.next_at)) == [str(app), str(page)]


def test_a_file_that_changes_all_the_time_is_reported_all_the_same(make: Make, app: Path) -> None:
    reloader = make(False)
    begin = now = reloader.next_at
    found: object = ()
    while not found:
        app.write_text(f"saved at {now}")
        now = reloader.next_at
        found = reloader.look(now)
    assert begin + module.LONGEST_REST <= now <= begin + module.LONGEST_REST + 2 * module.REST


def test_a_path_that_comes_in_two_parts_is_one(make: Make, app: Path, tmp_path: Path) -> None:
    reloader = make(False)
    path = tmp_path / "other.py"
    path.write_text("saved since the start")
    begin, end = os.fsencode(path)[:10], os.fsencode(path)[10:] + b"\0"
    os.write(reloader.fd_to_pass_on, begin)
    reloader.look(time.monotonic())
    os.write(reloader.fd_to_pass_on, end)
    assert wait(reloader) == [str(path)]


def test_compiled_code_of_a_changed_file_is_removed_before_the_next_start(make: Make, app: Path) -> None:
    app.write_text("x = 1")
    os.utime(app, (1, 1))  # long before the start
    reloader = make(False)
    py_compile.compile(str(app))
    compiled = Path(importlib.util.cache_from_source(str(app)))
    reloader.starting()
    assert compiled.exists()
    app.write_text("x = 2")
    wait(reloader)
    reloader.starting()
    assert not compiled.exists()


def test_after_a_failure_a_missing_module_is_waited_for(make: Make, tmp_path: Path) -> None:
    reloader = make(False)
    reloader.failed()
    (tmp_path / "missing.py").write_text("here it is")
    assert wait(reloader) == [str(tmp_path / "missing.py")]


def test_the_log_names_up_to_three_files() -> None:
    assert changed_text(["/srv/a.py"], "/srv") == "a.py"
    assert changed_text([f"/srv/{n}.py" for n in range(5)], "/srv") == "0.py, 1.py, 2.py and 2 more"
    assert changed_text(["/lib/a.py"], "/srv") == "/lib/a.py"
