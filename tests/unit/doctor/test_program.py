"""What a deploy would run: versions, configuration, paths, and the application, loaded in a child."""

import sys

import pytest

from rhebok.doctor import program
from rhebok.doctor.finding import Level
from rhebok.settings.configuration import Config


@pytest.fixture
def directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text("def app(environ, start_response): ...\n")
    return tmp_path


def found(machine, settings, check, arguments=("app:app",), config=None, **more):
    given = config or Config(settings, {})
    return [each for each in program.check(given, arguments, machine.system(**more)) if each.check == check]


@pytest.mark.usefixtures("directory")
def test_versions_of_all_that_runs_are_named(machine, settle):
    (finding,) = found(machine, settle(), "versions")
    assert finding.level is Level.OK
    assert f"Python {sys.version.split()[0]}" in finding.says
    assert "Linux 6.1.0-13-amd64" in finding.says


@pytest.mark.usefixtures("directory")
@pytest.mark.parametrize("kernel", ["4.4.0-210-generic", "3.10.0-1160.el7.x86_64"])
def test_an_old_kernel_wakes_all_workers(machine, settle, kernel):
    machine.write("proc/sys/kernel/osrelease", kernel)
    (finding,) = found(machine, settle(), "versions")
    assert finding.level is Level.CHANGE


@pytest.mark.usefixtures("directory")
def test_an_application_that_can_be_loaded_is_well(machine, settle):
    (finding,) = found(machine, settle(), "application")
    assert (finding.level, finding.says) == (Level.OK, "app:app can be loaded")


@pytest.mark.usefixtures("directory")
def test_one_that_cannot_is_named_with_the_reason(machine, settle):
    (finding,) = found(machine, settle(app="app:none"), "application", ["app:none"])
    assert finding.level is Level.CHANGE
    assert "module 'app' has no attribute 'none'" in finding.says


def test_an_application_that_does_not_get_loaded_in_time(directory, machine, settle):
    (directory / "slow.py").write_text("import threading\nthreading.Event().wait()\n")
    (finding,) = found(machine, settle(app="slow:app", start_timeout=1), "application", ["slow:app"])
    assert finding.level is Level.CHANGE
    assert "not loaded within 1 s" in finding.says


@pytest.mark.usefixtures("directory")
def test_without_an_application_the_machine_alone_is_looked_at(machine, settle):
    (finding,) = found(machine, settle(app=None), "application", [])
    assert finding.level is Level.NOTE


@pytest.mark.usefixtures("directory")
def test_paths_that_cannot_be_written_are_named(machine, settle):
    settings = settle(error_logfile="none/error.log", access_logfile="-", pid="x.pid")
    bad, good = found(machine, settings, "paths")
    assert (bad.level, good.level) == (Level.CHANGE, Level.OK)
    assert "there is no directory" in bad.says


@pytest.mark.usefixtures("directory")
def test_a_directory_of_files_that_is_not_there_is_named(machine, settle):
    (finding,) = found(machine, settle(static=(("/static/", "nowhere"),)), "files")
    assert finding.level is Level.CHANGE
    assert "'nowhere' is no directory" in finding.says


@pytest.mark.usefixtures("directory")
def test_a_directory_of_files_that_has_the_application_is_named(machine, settle):
    (finding,) = found(machine, settle(static=(("/", "."),)), "files")
    assert finding.level is Level.CHANGE
    assert "is where the application is" in finding.says


@pytest.mark.usefixtures("directory")
def test_a_user_that_does_not_exist_is_named(machine, settle):
    (finding,) = found(machine, settle(user="nobody-of-this-name"), "user")
    assert finding.level is Level.CHANGE


def test_a_configuration_that_others_can_write_is_theirs(directory, machine, settle):
    file = directory / "x.toml"
    file.touch(0o644)
    config = Config(settle(), {"app": "the command line", "bind": "default"}, "x.toml")
    (finding,) = found(machine, None, "configuration", config=config)
    assert finding.says == "the file x.toml; set: app"
    file.chmod(0o646)
    _, finding = found(machine, None, "configuration", config=config)
    assert finding.level is Level.CHANGE
    assert "everybody can write" in finding.says


@pytest.mark.usefixtures("directory")
def test_what_gunicorns_words_mean_here_is_noted(machine, settle):
    config = Config(settle(), {}, None, ("--worker-class is ignored",))
    _, finding = found(machine, None, "configuration", config=config)
    assert (finding.level, finding.says) == (Level.NOTE, "--worker-class is ignored")
