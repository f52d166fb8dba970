"""Files in Python, GUNICORN_CMD_ARGS, and which of them wins."""

import sys
from pathlib import Path

import pytest

from rhebok import cli
from rhebok.errors import UserError
from rhebok.gunicorn import config_file
from rhebok.settings.config import Config
from unit.server_process import run_command


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("PORT", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS", "RHEBOK_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def loaded(*arguments: str) -> Config:
    found: list[Config] = []
    status = cli.run(arguments, found.append, found.append)
    assert status == 0
    return found[0]


def failed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.run(arguments, lambda _config: None, lambda _config: None) == 2
    return capsys.readouterr().err


EVERYTHING = """
import multiprocessing
from pathlib import Path

bind = "127.0.0.1:81, unix:x"
workers = "3"
threads = 2
timeout = "60"
keepalive = 5
preload_app = "false"
reuse_port = True
accesslog = "-"
errorlog = "-"
loglevel = "WARN"
access_log_format = "%(h)s"
raw_env = ["A=1", "B=2,3"]
pidfile = Path("/run/x.pid")
worker_connections = 1000
max_requests = 10
limit_request_fields = 0
proc_name = None
wsgi_app = "a:b"
umask = 0o027
user = 65534
worker_class = "gthread"
secure_scheme_headers = {"X-FORWARDED-PROTO": "https", "X-Forwarded-Ssl": "on"}
forwarded_allow_ips = "*"
pythonpath = "lib,src"
chdir = None
host = "not.ours"
log_level = "debug"
env = "production"
def nothing(): pass
"""


def test_names_of_gunicorn_are_translated_and_others_ignored(site):
    (site / "gunicorn.conf.py").write_text(EVERYTHING)
    settings = loaded().settings
    assert settings.bind == ("127.0.0.1:81", "unix:x")
    assert (settings.workers, settings.threads, settings.timeout, settings.keep_alive) == (3, 2, 60, 5)
    assert (settings.preload, settings.reuse_port) == (False, True)
    assert (settings.access_logfile, settings.error_logfile, settings.log_level) == ("-", "-", "info")
    assert settings.access_logformat == "%(h)s"
    assert (settings.env, settings.pid) == (("A=1", "B=2,3"), "/run/x.pid")
    assert (settings.max_connections, settings.max_requests) == (1000, 10)
    assert settings.limit_request_fields == 32768
    assert (settings.app, settings.umask, settings.user) == ("a:b", 0o027, "65534")
    assert settings.forwarded_headers == ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-ssl")
    assert settings.forwarded_allow_ips == ("*",)
    assert (settings.pythonpath, settings.chdir) == (("lib", "src"), None)


def test_a_setting_that_gunicorn_does_not_have_is_ignored_with_a_note(site):
    others = "import json as board\nname = object()\napp = [lambda: 1]\n"
    (site / "gunicorn.conf.py").write_text(f"static = {{'/static/': '/srv'}}\ncache = '64m'\n{others}")
    config = loaded("a:b")
    assert (config.settings.static, config.settings.cache) == ((), 0)
    why = "(from the file gunicorn.conf.py) is ignored, since a file in Python has gunicorn's names alone"
    assert config.notes == (
        f"static {why}: give --static or RHEBOK_STATIC",
        f"cache {why}: give --cache or RHEBOK_CACHE",
    )


def test_flags_win_over_cmd_args_over_the_file_over_variables_with_defaults(site, monkeypatch):
    (site / "gunicorn.conf.py").write_text("workers = 2\nthreads = 2\nbacklog = 2\nbind = '127.0.0.1:2'\n")
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--workers 3 --thread=3 ignored:app --worker-conn 3")
    monkeypatch.setenv("PORT", "1")
    config = loaded("-w", "4", "a")
    settings = config.settings
    assert (settings.workers, settings.threads, settings.backlog) == (4, 3, 2)
    assert (settings.bind, settings.app, settings.max_connections) == (("127.0.0.1:2",), "a", 3)
    assert config.sources["workers"] == "the command line"
    assert config.sources["threads"] == "the environment variable GUNICORN_CMD_ARGS"
    assert config.sources["backlog"] == "the file gunicorn.conf.py"


def test_the_file_is_the_one_of_the_flag_then_that_of_cmd_args_then_the_default(site, monkeypatch):
    for number, name in enumerate(("gunicorn.conf.py", "args.py", "flag.py"), 1):
        (site / name).write_text(f"backlog = {number}\n")
    assert loaded("a").settings.backlog == 1
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "-c args.py")
    assert loaded("a").settings.backlog == 2
    assert loaded("a", "-c", "flag.py").settings.backlog == 3


@pytest.mark.parametrize("name", ["python:its_config", "file:its_config.py", "./its_config.py"])
def test_a_file_can_be_named_in_each_of_gunicorns_ways(site, name):
    (site / "its_config.py").write_text("import beside\nbacklog = beside.number\n")
    (site / "beside.py").write_text("number = 77\n")
    try:
        assert loaded("-c", name, "a").settings.backlog == 77
    finally:
        for module in ("its_config", "beside"):
            sys.modules.pop(module, None)


@pytest.mark.parametrize(
    ("name", "text", "python"),
    [
        ("x.toml", "import os", False),
        ("gunicorn.conf", "import os\nworkers = 1", True),
        ("gunicorn.conf", "keepalive = 5", True),
        ("rhebok.conf", "keep_alive = 5", False),
        ("rhebok.conf", "keep_alive = [", False),
    ],
)
def test_a_file_without_a_usual_suffix_is_toml_if_it_has_our_keys(site, name, text, python):
    (site / name).write_text(text)
    assert config_file.is_python(name) is python


def test_toml_stays(site):
    (site / "gunicorn.conf.py").write_text("backlog = 1\n")
    (site / "rhebok.toml").write_text("backlog = 9\n")
    assert loaded("-c", "rhebok.toml", "a").settings.backlog == 9


def test_hooks_are_functions_by_name_and_no_note(site):
    (site / "gunicorn.conf.py").write_text(
        "def post_fork(server, worker): pass\non_exit = print\nx = print\nwhen_ready = 'builtins.print'\n"
    )
    config = loaded("a")
    assert set(config.hooks) == {"post_fork", "on_exit", "when_ready"}
    assert config.hooks["on_exit"] is config.hooks["when_ready"] is print
    assert config.notes == ()


@pytest.mark.parametrize(
    "hook",
    [
        "post_request(worker, req)",
        "post_request(worker, req, environ)",
        "post_request(worker, req, environ, resp)",
        "post_request(worker, req, *rest)",
        "pre_fork(*arguments)",
        "on_exit(server, seconds=1)",
    ],
)
def test_a_hook_may_have_any_parameters_that_take_its_arguments(site, hook):
    (site / "gunicorn.conf.py").write_text(f"def {hook}: pass\n")
    assert list(loaded("a").hooks) == [hook.partition("(")[0]]


@pytest.mark.parametrize(
    ("hook", "takes"),
    [
        ("def post_request(worker): pass", "worker, req, environ, resp"),
        ("def pre_fork(server): pass", "server, worker"),
        ("def on_exit(): pass", "server"),
        ("on_exit = 3", "server"),
        ("on_exit = 'nowhere'", "server"),
    ],
)
def test_a_hook_that_cannot_be_called_is_one_line(site, capsys, hook, takes):
    (site / "gunicorn.conf.py").write_text(hook + "\n")
    error = failed(capsys, "a")
    assert f"it takes a function with the arguments {takes}" in error
    assert error.count("\n") == 1


def test_settings_without_effect_are_kept_for_hooks(site):
    (site / "gunicorn.conf.py").write_text("worker_tmp_dir = '/x'\nstatsd_prefix = 'p'\n")
    config = loaded("a", "--worker-tmp-dir", "/y")
    assert config.others["worker_tmp_dir"] == "/y"


def test_logconfig_dict_is_kept(site):
    (site / "gunicorn.conf.py").write_text("logconfig_dict = {'version': 1}\n")
    assert loaded("a").logging == {"version": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\nfrom gunicorn.glogging import Logger\n", "line 2, imports gunicorn"),
        ("certfile = 'x'", "certfile (from the file gunicorn.conf.py) is refused: "),
        ("workers = 'many'", "--workers: got 'many' from the file gunicorn.conf.py"),
        ("post_fork = 3", "post_fork: got 3 from the file gunicorn.conf.py, but it takes a function"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(site, capsys, monkeypatch, text, message):
    monkeypatch.setitem(sys.modules, "gunicorn", None)  # as if it were not installed
    (site / "gunicorn.conf.py").write_text(text)
    said = failed(capsys, "a")
    assert message in said
    assert said.count("\n") == 1


def test_an_exception_in_the_file_is_shown_without_our_frames(site):
    (site / "gunicorn.conf.py").write_text("workers = 1 / 0\n")
    result = run_command(site, "a")
    assert result.returncode == 2
    assert 'gunicorn.conf.py", line 1' in result.stderr
    assert "rhebok/" not in result.stderr
    assert result.stderr.splitlines()[-1] == (
        "rhebok: error: --config: 'gunicorn.conf.py' failed: ZeroDivisionError: division by zero"
    )


def test_print_config_shows_where_each_value_comes_from(site):
    (site / "gunicorn.conf.py").write_text("keepalive = 5\n")
    shown = run_command(site, "a", "--print-config", GUNICORN_CMD_ARGS="--backlog 3", PORT="80").stdout
    assert "keep_alive = 5  # the file gunicorn.conf.py\n" in shown
    assert "backlog = 3  # the environment variable GUNICORN_CMD_ARGS\n" in shown
    assert 'bind = ["0.0.0.0:80"]  # the environment variable PORT\n' in shown


def test_a_second_argument_is_ignored_with_a_note(site):
    config = loaded("a:b", "c")
    assert config.settings.app == "a:b"
    assert config.notes == ("the argument 'c' is ignored",)


def test_cmd_args_that_are_no_words_are_refused(site, monkeypatch, capsys):
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--env 'A")
    assert "GUNICORN_CMD_ARGS: got" in failed(capsys, "a")


def test_what_cmd_args_ask_for_is_judged_too(site, monkeypatch, capsys):
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--certfile x")
    assert "--certfile (from the environment variable GUNICORN_CMD_ARGS) is refused" in failed(capsys, "a")


def test_a_file_that_cannot_be_read_is_named(site):
    with pytest.raises(UserError, match=r"cannot read 'no\.py': no such file"):
        config_file.load("no.py")


@pytest.mark.parametrize(
    ("argument", "app"),
    [
        (["b.ini"], "config:{site}/b.ini"),
        (["b.ini#admin"], "config:{site}/b.ini#admin"),
        ([], "config:{site}/a.ini"),
    ],
)
def test_with_paste_in_the_file_the_argument_is_such_a_file_too(site, argument, app):
    (site / "gunicorn.conf.py").write_text("paste = 'a.ini'\n")
    assert loaded(*argument).settings.app == app.format(site=site)


def test_an_application_beside_paste_is_ignored_with_a_note(site):
    config = loaded("a:b", "--paste", "x.ini")
    assert (config.settings.app, config.notes) == (f"config:{site}/x.ini", ("the argument 'a:b' is ignored",))


def test_the_module_of_the_file_has_a_loader(site):
    """Python 3.15 warns otherwise, when it writes a traceback through the file."""
    (site / "gunicorn.conf.py").write_text("proc_name = __spec__.loader.get_source(__name__)[:9]\n")
    assert loaded().settings.name == "proc_name"
