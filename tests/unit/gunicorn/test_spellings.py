"""A setting of gunicorn means the same as a flag and as text in a file, however it is spelt."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from rhebok import cli
from rhebok.gunicorn.options import BY_NAME, OPTIONS, Fate
from rhebok.settings.config import Config
from rhebok.settings.table import TABLE

# By gunicorn's name: what people write. Each of them is accepted.
SPELLINGS: dict[str, Sequence[str]] = {
    "bind": ["127.0.0.1:81, unix:x", ":81", "0:81", "localhost", "[::1]:81"],
    "backlog": ["64", " 64 ", "0"],
    "workers": ["2", " 2 "],
    "threads": ["2", "0", "1 "],
    "worker_connections": ["1000", "0"],
    "max_requests": ["0", "1000"],
    "max_requests_jitter": ["0", "50"],
    "preload_app": ["true", "false", "auto"],
    "timeout": ["0", "30", " 30 "],
    "graceful_timeout": ["0", "30"],
    "keepalive": ["0", "5"],
    "limit_request_line": ["0", "8190", "16384"],
    "limit_request_fields": ["0", " 0", "32768"],
    "limit_request_field_size": ["0", "65536"],
    "reload_engine": ["auto", "poll", "POLL", "inotify"],
    "reload_extra_files": ["a.html", "templates/"],
    "chdir": [".", "/"],
    "raw_env": ["A=1", "A=1,2", "A=", "A=b=c", "A= b"],
    "pidfile": ["x.pid", "/run/x.pid"],
    "user": ["65534", "nobody"],
    "group": ["65534"],
    "umask": ["0", "007", "0o022", "0022", "77"],
    "forwarded_allow_ips": ["*", "10.0.0.1, ::1", "10.0.0.0/8"],
    "pythonpath": ["lib", "lib,src"],
    "paste": ["x.ini", "config:x.ini#admin", "/srv/x.ini"],
    "raw_paste_global_conf": ["a=1", "a=1,2", "a\\=b=c"],
    "proxy_protocol": ["off", "auto", "V2", "true"],
    "proxy_allow_ips": ["*", "10.0.0.1,10.0.0.2"],
    "root_path": ["/shop", "/shop/", ""],
    "accesslog": ["-", "access.log"],
    "access_log_format": ["%(h)s", '"%(r)s" %({x-id}i)s'],
    "errorlog": ["-", "error.log"],
    "loglevel": ["debug", "INFO", "Warning", "warn", "WARN", "trace", "fatal"],
    "logconfig": ["log.ini"],
    "logconfig_json": ["log.json"],
    "syslog_addr": ["udp://localhost:514", "unix:///dev/log#dgram", "tcp://[::1]"],
    "syslog_prefix": ["shop"],
    "syslog_facility": ["user", "LOCAL0"],
    "statsd_host": ["localhost:8125", "statsd", "[::1]:9", "unix:///run/s.sock", "unix:8125"],
    "statsd_prefix": ["shop", "shop.", ""],
    "dogstatsd_tags": ["a:b,c", ""],
    "proc_name": ["shop", "my shop"],
}

SWITCHES = {setting.name for setting in TABLE if setting.kind.switch}
ROWS = [
    option
    for option in OPTIONS
    if option.fate is Fate.TAKEN and option.flags and option.to not in SWITCHES and option.bare is None
]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("PORT", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS", "RHEBOK_CONFIG", "SCRIPT_NAME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def loaded(*arguments: str) -> Config:
    found: list[Config] = []
    assert cli.run(arguments, found.append, found.append) == 0
    return found[0]


def test_each_row_has_spellings():
    assert [option.name for option in ROWS if option.name not in SPELLINGS] == []


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in SPELLINGS for text in SPELLINGS[name]])
def test_a_flag_takes_what_a_file_takes(site: Path, name: str, text: str) -> None:
    option = BY_NAME[name]
    (site / "file.py").write_text(f"{name} = {text!r}\n")
    arguments = [] if name == "paste" else ["a"]
    by_file = loaded(*arguments, "-c", "file.py")
    for flag in option.flags:
        by_flag = loaded(*arguments, f"{flag}={text}")
        assert getattr(by_flag.settings, option.to) == getattr(by_file.settings, option.to), flag
        assert _about(by_flag, flag) == _about(by_file, name)


def _about(config: Config, label: str) -> list[str]:
    """What is noted of its value; not that it is given in vain, for which the source counts."""
    return [note.removeprefix(label) for note in config.notes if "has no effect without" not in note]


@pytest.mark.parametrize("name", sorted({"preload_app", "reload", "daemon", "reuse_port", "syslog"}))
@pytest.mark.parametrize("text", ["true", "TRUE", " True ", "false"])
def test_a_switch_in_a_file_may_be_text(site: Path, name: str, text: str) -> None:
    (site / "file.py").write_text(f"{name} = {text!r}\n")
    settings = loaded("a", "-c", "file.py").settings
    assert getattr(settings, BY_NAME[name].to) is (text.strip().lower() == "true")


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        (["--log-level", "warn"], "--log-level: warn is taken for info, as in gunicorn"),
        (["-m", "22"], "-m: 22 is octal here, and decimal in gunicorn, where it is 0026: write 022"),
    ],
)
def test_what_a_reader_would_take_for_something_else_is_noted(site, arguments, note):
    (found,) = loaded("a", *arguments).notes
    assert found.startswith(note)


def test_words_of_a_file_are_noted_too(site):
    (site / "file.py").write_text("loglevel = 'warn'\numask = 0o22\n")
    assert [note[:13] for note in loaded("a", "-c", "file.py").notes] == ["loglevel: war"]


def test_an_ini_file_is_relative_to_the_start_and_not_to_chdir(site):
    assert loaded("--paste", "x.ini", "--chdir", "/").settings.app == f"config:{site}/x.ini"


@pytest.mark.parametrize("text", ["config:app", "config:app.wsgi", "config:create()"])
def test_a_module_may_be_named_config(site, text):
    assert loaded(text).settings.app == text
