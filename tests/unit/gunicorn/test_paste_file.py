"""The section [server:main] of a file of PasteDeploy, and the file's logging."""

from pathlib import Path

import pytest

from rhebok.errors import UserError
from rhebok.gunicorn import sources
from rhebok.settings.config import Config


def loaded(tmp_path: Path, /, **section: str) -> Config:
    return sources.load_section(section, str(tmp_path / "x.ini"), {"RHEBOK_BACKLOG": "7"})


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("section", "bind"),
    [
        ({"host": "0.0.0.0", "port": "6543"}, ("0.0.0.0:6543",)),
        ({"host": "::1", "port": "6543"}, ("[::1]:6543",)),
        ({"port": "6543"}, ("127.0.0.1:6543",)),
        ({"host": "10.0.0.1"}, ("10.0.0.1",)),
        ({"bind": "unix:app.sock, :81"}, ("unix:app.sock", ":81")),
        ({"listen": "127.0.0.1:1 [::1]:1"}, ("127.0.0.1:1", "[::1]:1")),
        ({}, ("127.0.0.1:8000",)),
    ],
)
def test_the_address_is_that_of_the_section(tmp_path, section, bind):
    assert loaded(tmp_path, **section).settings.bind == bind


def test_values_are_text_by_gunicorns_names_or_ours(tmp_path):
    config = loaded(tmp_path, Workers="3", preload_app="false", loglevel="WARN", keep_alive="3", backlog="9")
    settings = config.settings
    assert (settings.workers, settings.preload, settings.log_level, settings.keep_alive) == (
        3,
        False,
        "info",
        3,
    )
    assert settings.backlog == 7  # of the environment
    assert settings.app == f"config:{tmp_path}/x.ini"
    assert config.sources["workers"] == f"the file {tmp_path}/x.ini"
    assert [note for note in config.notes if note.startswith("loglevel: WARN is taken for info")]


def test_a_file_that_the_section_names_stands_below_it(tmp_path):
    (tmp_path / "web.py").write_text("workers = 2\nthreads = 2\n")
    settings = loaded(tmp_path, config="web.py", workers="3").settings
    assert (settings.workers, settings.threads) == (3, 2)


@pytest.mark.parametrize("name", ["worker", "app", "use_threads"])
def test_a_name_that_is_no_setting_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=f"{name!r}, which is no setting of gunicorn or rhebok"):
        loaded(tmp_path, **{name: "1"})


def test_what_cannot_be_is_refused_as_elsewhere(tmp_path):
    with pytest.raises(UserError, match=r"certfile .* is refused"):
        loaded(tmp_path, certfile="x")


def test_logging_of_the_file_is_taken_unless_other_is_asked_for(tmp_path):
    (tmp_path / "x.ini").write_text("[loggers]\nkeys = root\n")
    assert loaded(tmp_path).settings.log_config == f"{tmp_path}/x.ini"
    assert loaded(tmp_path, logconfig="other.ini").settings.log_config == "other.ini"
    (tmp_path / "x.ini").write_text("[app:main]\nuse = egg:x\n")
    assert loaded(tmp_path).settings.log_config is None


def test_reload_watches_the_file(tmp_path):
    assert loaded(tmp_path, reload="true").settings.reload_extra_file == ()
    (tmp_path / "x.ini").touch()
    assert loaded(tmp_path, reload="true").settings.reload_extra_file == (f"{tmp_path}/x.ini",)
