"""WatchedFiles: what is watched, and what counts as a change."""

import os
import time
from pathlib import Path

import pytest

from rhebok.reloading.watched_files import WatchedFiles


@pytest.fixture
def now() -> int:
    """Before all changes of a test, but after the files that `old` makes."""
    return time.time_ns() - 10**9


def old(path: Path, text: str = "old") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (1, 1))
    return str(path)


def test_a_file_that_stays_as_it_is_has_not_changed(tmp_path: Path, now: int) -> None:
    files = WatchedFiles(str(tmp_path))
    files.add(old(tmp_path / "app.py"), now)
    assert files.look() == []


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text("new"),
        lambda path: os.utime(path, (2, 2)),
        lambda path: (path.write_text("longer"), os.utime(path, (1, 1))),
        lambda path: path.unlink(),
        lambda path: os.replace(old(path.with_name("x"), "renamed"), path),
    ],
    ids=["written", "touched", "another size", "removed", "replaced"],
)
def test_a_change_is_found_once(tmp_path: Path, now: int, change) -> None:
    path = tmp_path / "app.py"
    files = WatchedFiles(str(tmp_path))
    files.add(old(path), now)
    change(path)
    assert files.look() == [str(path)]
    assert files.look() == []


def test_a_file_that_is_there_again_has_changed(tmp_path: Path, now: int) -> None:
    path = tmp_path / "app.py"
    files = WatchedFiles(str(tmp_path))
    files.add(old(path), now)
    path.unlink()
    files.look()
    old(path)
    assert files.look() == [str(path)]


def test_a_file_that_was_saved_while_the_generation_started_has_changed(tmp_path: Path, now: int) -> None:
    path = tmp_path / "app.py"
    path.write_text("saved after it was read, perhaps")
    files = WatchedFiles(str(tmp_path))
    files.add(str(path), now)
    assert files.look() == [str(path)]
    assert files.look() == []


def test_a_file_that_is_told_again_has_not_changed(tmp_path: Path, now: int) -> None:
    path = tmp_path / "app.py"
    path.write_text("app")
    files = WatchedFiles(str(tmp_path))
    files.add(str(path), now)
    files.look()
    files.add(str(path), now)
    assert files.look() == []


def test_what_is_told_and_not_there_has_not_changed_until_it_is(tmp_path: Path, now: int) -> None:
    files = WatchedFiles(str(tmp_path))
    files.add(str(tmp_path / "none.py"), now)
    assert files.look() == []
    old(tmp_path / "none.py")
    assert files.look() == [str(tmp_path / "none.py")]


# ---- templates and extra files ----


@pytest.mark.parametrize("place", ["templates", "blog/templates", "blog/templates/blog/deep"])
def test_templates_beside_modules_and_in_the_current_directory_are_watched(
    tmp_path: Path, now: int, place: str
) -> None:
    page = tmp_path / place / "page.html"
    old(page)
    files = WatchedFiles(str(tmp_path))
    files.add(old(tmp_path / "blog/views.py"), now)
    assert files.look() == []
    page.write_text("new page")
    assert files.look() == [str(page)]


def test_a_new_template_and_a_removed_one_are_changes(tmp_path: Path, now: int) -> None:
    files = WatchedFiles(str(tmp_path))
    files.add(old(tmp_path / "blog/views.py"), now)
    page = old(tmp_path / "blog/templates/page.html")
    assert files.look() == [page]
    os.unlink(page)
    assert files.look() == [page]


def test_templates_of_installed_packages_are_not_watched_but_their_modules_are(
    tmp_path: Path, now: int
) -> None:
    package = tmp_path / "lib/site-packages/admin"
    page, module = package / "templates/page.html", package / "views.py"
    old(page)
    files = WatchedFiles(str(tmp_path))
    files.add(old(module), now)
    page.write_text("new page")
    module.write_text("new code")
    assert files.look() == [str(module)]


@pytest.mark.parametrize("name", [".page.html.swp", "page.html~", "4913.tmp", ".hidden/page.html"])
def test_what_editors_leave_beside_templates_is_no_change(tmp_path: Path, now: int, name: str) -> None:
    old(tmp_path / "templates/page.html")
    files = WatchedFiles(str(tmp_path))
    old(tmp_path / "templates" / name)
    assert files.look() == []


def test_extra_files_and_all_that_is_in_extra_directories_is_watched(tmp_path: Path) -> None:
    old(tmp_path / "conf/app.ini")
    old(tmp_path / "locale/de/app.po")
    files = WatchedFiles(str(tmp_path), ["conf/app.ini", "locale"])
    assert files.look() == []
    (tmp_path / "conf/app.ini").write_text("new")
    (tmp_path / "locale/de/app.po").write_text("new")
    assert files.look() == [str(tmp_path / "conf/app.ini"), str(tmp_path / "locale/de/app.po")]


def test_a_directory_itself_is_no_file(tmp_path: Path) -> None:
    files = WatchedFiles(str(tmp_path), ["."])
    files.look()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/app.pyc").write_text("compiled")
    assert files.look() == []


# ---- missing modules ----


@pytest.mark.parametrize("name", ["missing.py", "missing/__init__.py", "blog/missing.py"])
def test_after_a_failure_a_new_module_is_a_change(tmp_path: Path, now: int, name: str) -> None:
    files = WatchedFiles(str(tmp_path))
    files.add(old(tmp_path / "blog/views.py"), now)
    files.await_new_modules()
    assert files.look() == []
    old(tmp_path / name)
    assert files.look() == [str(tmp_path / name)]
    assert files.look() == []


def test_without_a_failure_a_new_module_is_none(tmp_path: Path) -> None:
    files = WatchedFiles(str(tmp_path))
    files.await_new_modules()
    files.await_changes()
    old(tmp_path / "new.py")
    assert files.look() == []


# ---- directories ----


def test_the_directories_are_those_of_all_files_with_links_followed(tmp_path: Path, now: int) -> None:
    old(tmp_path / "release/app.py")
    old(tmp_path / "templates/mail/page.txt")
    (tmp_path / "current").symlink_to("release")
    files = WatchedFiles(str(tmp_path))
    files.add(str(tmp_path / "current/app.py"), now)
    files.add(str(tmp_path / "gone/app.py"), now)
    names = ["", "current", "release", "templates", "templates/mail"]
    assert files.directories() == {str(tmp_path / name) for name in names}
