"""The real command: each mistake is one line on stderr and a status that is not 0, without our traceback."""

import os
import re
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import rhebok
from rhebok.errors import ExitStatus
from unit.server_process import run_command

APPLICATION = """
number = 5
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]
def make():
    return app
"""


@pytest.fixture
def site(tmp_path) -> Path:
    """A directory with an application."""
    (tmp_path / "site_one.py").write_text(APPLICATION)
    (tmp_path / "broken.py").write_text("import no_such_dependency\n")
    (tmp_path / "syntax.py").write_text("def x(:\n")
    (tmp_path / "bad.toml").write_text("workers =\n")
    (tmp_path / "typo.toml").write_text("wrokers = 3\n")
    (tmp_path / "file").write_text("")
    return tmp_path


def error_of(result: "subprocess.CompletedProcess[str]", status: ExitStatus) -> str:
    """The only line on stderr behind the log's first one, if there is a log by then; without its prefix."""
    assert result.stdout == ""
    assert result.returncode == status
    error = re.sub(r"^\[.* \[INFO\] rhebok [0-9.]+, Python .*\n", "", result.stderr)
    assert error.count("\n") == 1, result.stderr
    assert error.startswith("rhebok: error: ")
    return error.removeprefix("rhebok: error: ")


USAGE_MISTAKES = [
    ([], "no application given"),
    (["site_one", "--wrokers", "3"], "No such option"),
    (
        ["site_one", "--django-settings", "x"],
        "(docs/FROM-GUNICORN.md: what became of each option of gunicorn)",
    ),
    (["site_one", "--workers"], "requires an argument"),
    (["site_one", "--workers", "many"], "--workers: got 'many' from the command line"),
    (["site_one", "--workers", "-1"], "--workers: got '-1'"),
    (["site_one", "--workers", "0"], "--workers: got '0'"),
    (["site_one", "--workers", "99999999"], "--workers: got '99999999'"),
    (["site_one", "--max-workers", "x"], "--workers: got 'x'"),
    (["site_one", "--keep-alive", "nan"], "--keep-alive: got 'nan'"),
    (["site_one", "--graceful-timeout", "-3"], "--graceful-timeout: got '-3'"),
    (["site_one", "--body-buffer", "1x"], "--body-buffer: got '1x'"),
    (["site_one", "--proxy-protocol=3"], "--proxy-protocol: got '3' from the command line"),
    (["site_one", "--forwarded-allow-ips", "nginx"], "'nginx' is neither an address nor a network"),
    (["site_one", "--forwarded-headers", "x-real-ip"], "but it takes names out of x-forwarded-for, "),
    (["site_one", "--limit-request-head", "0"], "--limit-request-head: got '0'"),
    (["site_one", "--backlog", "1e3"], "--backlog: got '1e3'"),
    (["site_one", "--socket-mode", "rwx"], "--socket-mode: got 'rwx'"),
    (["site_one", "--umask", "9"], "--umask: got '9'"),
    (["site_one", "--reload-engine", "loud"], "it takes one of auto, poll, inotify"),
    (["site_one", "--bind", "localhost:"], "the port must be a number from 0 to 65535"),
    (["site_one", "--bind", "::1:80"], "stands in brackets"),
    (["site_one", "--bind", "127.0.0.1:99999"], "from 0 to 65535"),
    (["site_one", "--bind", "unix:" + "x" * 200], "at most 107 bytes"),
    (["site_one", "--env", "NOVALUE"], "--env: got 'NOVALUE'"),
    (["site_one", "--before-fork", "nocolon"], "it takes MODULE:FUNCTION"),
    (["site_one", "--chdir", "nowhere"], "--chdir: cannot change to 'nowhere': no such file"),
    (["site_one", "--pythonpath", "nowhere"], "--pythonpath: there is no directory 'nowhere'"),
    (["site_one", "--config", "nowhere.toml"], "--config: cannot read 'nowhere.toml': no such file"),
    (["site_one", "--config", "."], "--config: cannot read '.': is a directory"),
    (["site_one", "--config", "bad.toml"], "'bad.toml' is not valid TOML"),
    (["site_one", "--config", "typo.toml"], "unknown key 'wrokers' (did you mean workers?)"),
    (["site_one.py"], "did you mean site_one?"),
    (["site one"], "'site one' is not the name of a module"),
    (["site_one:app+"], "neither an attribute nor a call"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE_MISTAKES, ids=lambda value: str(value)[:40])
def test_a_mistake_on_the_command_line_is_one_line(site, arguments, message):
    assert message in error_of(run_command(site, *arguments), ExitStatus.USAGE)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("RHEBOK_WORKERS", "many", "--workers: got 'many' from the environment variable RHEBOK_WORKERS"),
        ("RHEBOK_WROKERS", "3", "unknown environment variable RHEBOK_WROKERS (did you mean RHEBOK_WORKERS?)"),
        ("WEB_CONCURRENCY", "many", "--workers: got 'many' from the environment variable WEB_CONCURRENCY"),
        ("RHEBOK_CONFIG", "nowhere.toml", "--config: cannot read 'nowhere.toml'"),
        ("RHEBOK_BIND", "'unclosed", "--bind: got"),
        ("SERVER_STARTER_PORT", "8000", "SERVER_STARTER_PORT: got '8000'"),
    ],
)
def test_a_mistake_in_the_environment_is_one_line(site, variable, value, message):
    assert message in error_of(run_command(site, "site_one", **{variable: value}), ExitStatus.USAGE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_such_module"], "cannot find module 'no_such_module'"),
        (["site_on"], "(did you mean site_one?)"),
        (["site_one:application"], "module 'site_one' has no attribute 'application'"),
        (["site_one:number"], "'site_one:number' is not callable: it is of type int"),
        (["site_one:make(1)"], "cannot be called with these arguments"),
        (["file_without_app"], "has neither 'application' nor 'app'"),
        (["site_one", "--before-fork", "no_such:hook"], "--before-fork: cannot find module 'no_such'"),
        (
            ["site_one", "--after-fork", "site_one:hook"],
            "--after-fork: module 'site_one' has no attribute 'hook'",
        ),
        (
            ["site_one", "--on-child-reap", "site_one:number"],
            "--on-child-reap: 'site_one:number' is not callable",
        ),
    ],
)
@pytest.mark.parametrize("check", [[], ["--check-config"]], ids=["serve", "check"])
def test_an_application_that_cannot_be_found_is_one_line(site, arguments, message, check):
    (site / "file_without_app.py").write_text("")
    result = run_command(site, *arguments, "--bind", "127.0.0.1:0", *check)
    assert message in error_of(result, ExitStatus.APPLICATION)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--bind", "unix:nowhere/s"],
            "--bind: cannot listen on unix:nowhere/s: cannot open its directory 'nowhere': no",
        ),
        (
            ["--bind", "unix:file"],
            "--bind: cannot listen on unix:file: something that is not a socket is there",
        ),
        (
            ["--bind", "192.0.2.1:80"],
            "--bind: cannot listen on 192.0.2.1:80: cannot assign requested address",
        ),
        (["--bind", "fd://77"], "--bind fd://77: descriptor 77 is not open"),
        (["--pid", "nowhere/pid"], "--pid: cannot write to 'nowhere/pid': no such file or directory"),
        (["--error-logfile", "nowhere/log"], "--error-logfile: cannot write to 'nowhere/log': no such file"),
        (["--error-logfile", "."], "--error-logfile: cannot write to '.': is a directory"),
        (
            ["--access-logfile", "nowhere/log"],
            "--access-logfile: cannot write to 'nowhere/log': no such file",
        ),
    ],
)
def test_a_file_or_address_that_cannot_be_opened_is_one_line(site, arguments, message):
    result = run_command(site, "site_one", "--bind", "127.0.0.1:0", *arguments)
    assert message in error_of(result, ExitStatus.FAILED)


def test_a_port_in_use_is_one_line(site):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        message = error_of(run_command(site, "site_one", "--bind", where), ExitStatus.FAILED)
    assert message == f"--bind: cannot listen on {where}: address already in use\n"


def test_a_path_in_use_is_one_line(site):
    with closing(socket.socket(socket.AF_UNIX)) as taken:
        taken.bind(str(site / "s"))
        taken.listen()
        result = run_command(site, "site_one", "--bind", "unix:s")
    assert "another process is listening there" in error_of(result, ExitStatus.FAILED)


@pytest.mark.parametrize("check", [[], ["--check-config"]], ids=["serve", "check"])
@pytest.mark.parametrize(
    ("module", "last_line"),
    [
        ("broken", "ModuleNotFoundError: No module named 'no_such_dependency'"),
        ("syntax", "SyntaxError: invalid syntax"),
    ],
)
def test_an_error_inside_the_application_shows_its_own_traceback(site, module, last_line, check):
    result = run_command(site, module, "--bind", "127.0.0.1:0", *check)
    assert result.returncode == ExitStatus.APPLICATION
    *traceback, last, ours = result.stderr.splitlines()
    assert last == last_line
    assert ours == f"rhebok: error: could not import '{module}': {last_line}"
    assert any(f'{module}.py", line 1' in line for line in traceback)
    assert not any("rhebok/" in line or "importlib" in line for line in traceback)


def test_version_is_printed(site):
    for flag in ("--version", "-v"):
        assert run_command(site, flag).stdout == f"rhebok {rhebok.__version__}\n"


def test_help_is_printed_without_loading_anything(site):
    for flag in ("--help", "-h"):
        result = run_command(site, "broken", flag, RHEBOK_WORKERS="nonsense")
        assert result.returncode == 0
        assert result.stdout.startswith("Usage: rhebok [OPTIONS] [MODULE[:ATTRIBUTE]]\n")
        assert result.stderr == ""


def test_print_config_does_not_load_the_application(site):
    result = run_command(site, "broken", "-w", "3", "--print-config")
    assert (result.returncode, result.stderr) == (0, "")
    assert "workers = 3  # the command line\n" in result.stdout


def test_check_config_says_what_is_in_vain_and_what_is_dangerous(site):
    result = run_command(site, "site_one", "--check-config", "--cache-entry", "2m", "--static", "/=.")
    assert result.returncode == 0
    vain, dangerous = result.stderr.splitlines()
    assert vain.startswith("rhebok: warning: --cache-entry, which the command line gives, has no effect")
    assert dangerous.startswith("rhebok: warning: --static: the directory of /, ")


def test_a_flag_given_twice_has_the_last_value(site):
    assert (
        "workers = 4  #" in run_command(site, "site_one", "-w3", "--max-workers=4", "--print-config").stdout
    )


def test_a_switch_turns_off_what_the_file_turned_on(site):
    (site / "on.toml").write_text("preload = true\nreuse_port = true\n")
    arguments = ["site_one", "-c", "on.toml", "--no-preload", "--no-reuse-port", "--print-config"]
    shown = run_command(site, *arguments).stdout
    assert "preload = false  # the command line" in shown
    assert "reuse_port = false  # the command line" in shown


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["site_one"], '"auto"  # default'),
        (["--preload", "site_one"], "true"),
        (["--no-preload", "site_one"], "false"),
        (["--preload=auto", "site_one"], '"auto"'),
        (["--no-preload", "--preload", "site_one"], "true"),
        (["site_one", "--preload", "auto"], '"auto"'),
    ],
)
def test_preload_is_on_off_or_auto(site, arguments, shown):
    assert f"preload = {shown}" in run_command(site, *arguments, "--print-config").stdout


@pytest.mark.parametrize(("value", "shown"), [("1", "true"), ("false", "false"), ("auto", '"auto"')])
def test_so_it_is_in_the_environment_and_in_a_file(site, value, shown):
    result = run_command(site, "site_one", "--print-config", RHEBOK_PRELOAD=value)
    assert f"preload = {shown}" in result.stdout
    (site / "file.toml").write_text(f"preload = {shown}\n")
    assert f"preload = {shown}" in run_command(site, "site_one", "-c", "file.toml", "--print-config").stdout


@pytest.mark.parametrize(
    ("arguments", "mode"),
    [
        (["site_one"], "off"),
        (["--proxy-protocol", "site_one"], "auto"),
        (["site_one", "--proxy-protocol"], "auto"),
        (["--proxy-protocol", "--preload", "site_one"], "auto"),
        (["--proxy-protocol", "v2", "site_one"], "v2"),
        (["--proxy-protocol=v1", "site_one"], "v1"),
    ],
)
def test_the_value_of_proxy_protocol_may_be_omitted(site, arguments, mode):
    result = run_command(site, *arguments, "--print-config")
    assert f'proxy_protocol = "{mode}"' in result.stdout
    assert 'app = "site_one"' in result.stdout


def test_the_console_script_is_the_same_command():
    pyproject = Path(rhebok.__file__).parents[1] / "pyproject.toml"
    assert 'rhebok = "rhebok.command:main"' in pyproject.read_text("utf-8")


def test_a_closed_stdout_is_not_a_traceback():
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "rhebok", "x", "--print-config"]
    result = subprocess.run(
        command, cwd=Path(rhebok.__file__).parents[1], stdout=write_end, stderr=subprocess.PIPE, check=False
    )
    os.close(write_end)
    assert b"Traceback" not in result.stderr
