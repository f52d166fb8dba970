"""cfg: the settings in force by gunicorn's names, compared with those of the real gunicorn."""

import os

import pytest

from rhebok.gunicorn.cfg import GunicornConfig, address
from rhebok.gunicorn.options import BY_NAME, OPTIONS, Fate
from unit.gunicorn.loading import load


@pytest.fixture(autouse=True)
def _site(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("PORT", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS", "RHEBOK_CONFIG", "FORWARDED_ALLOW_IPS"):
        monkeypatch.delenv(name, raising=False)


def cfg_of(directory, text="", *arguments):
    config = load(directory, text, *arguments)
    return GunicornConfig(config, config.hooks)


# What differs from gunicorn without any configuration, as docs/FROM-GUNICORN.md says, or by nature.
DIFFERENT = {
    "access_log_format",
    "chdir",  # theirs is that of their import
    "config",  # the file of the test
    "control_socket",  # there is none
    "default_proc_name",  # gunicorn's command sets it to the application too
    "forwarded_allow_ips",
    "keepalive",
    "preload_app",
    "proc_name",
    "proxy_allow_ips",
    "secure_scheme_headers",
    "sendfile",
    "worker_connections",
    "wsgi_app",
}


@pytest.mark.parametrize("name", [option.name for option in OPTIONS if option.fate is not Fate.HOOK])
def test_every_setting_has_the_value_of_gunicorn_or_one_that_is_known_to_differ(tmp_path, name):
    theirs = pytest.importorskip("gunicorn.config").Config()
    ours = cfg_of(tmp_path)
    assert name in ours.settings
    expected = theirs.settings[name].get() if name in theirs.settings else None
    if name in DIFFERENT or callable(expected):
        return
    value = getattr(ours, name) if name != "worker_class" else ours.worker_class_str
    assert value == expected
    if expected is not None and name != "ssl_version":
        assert type(value) is type(expected)


def test_there_is_no_setting_of_gunicorn_that_is_missing():
    theirs = pytest.importorskip("gunicorn.config").Config()
    assert set(theirs.settings) - set(BY_NAME) == set()


FILE = """
bind = ["127.0.0.1:81", "unix:/x.sock"]
workers = "3"
threads = 2
timeout = 60
keepalive = 5
preload_app = True
raw_env = ["A=1", "B=2=3"]
umask = 0o027
proc_name = "shop"
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
worker_tmp_dir = "/dev/shm"
logconfig_dict = {"version": 1}
def on_exit(server): pass
"""


def test_values_are_those_in_force_in_the_types_of_gunicorn(tmp_path):
    cfg = cfg_of(tmp_path, FILE, "--workers", "4")
    assert (cfg.workers, cfg.threads, cfg.timeout, cfg.keepalive, cfg.umask) == (4, 2, 60, 5, 0o027)
    assert type(cfg.timeout) is int
    assert cfg.bind == ["127.0.0.1:81", "unix:/x.sock"]
    assert cfg.address == [("127.0.0.1", 81), "/x.sock"]
    assert cfg.env == {"A": "1", "B": "2=3"}
    assert cfg.preload_app is True
    assert cfg.worker_class_str == "gthread"
    assert cfg.proc_name == "shop"
    assert cfg.secure_scheme_headers == {"X-FORWARDED-PROTO": "https"}
    assert cfg.worker_tmp_dir == "/dev/shm"
    assert cfg.logconfig_dict == {"version": 1}
    assert cfg.chdir == str(tmp_path)
    assert cfg_of(tmp_path).proc_name == cfg.default_proc_name == "hello:app"
    assert (cfg.uid, cfg.gid) == (os.geteuid(), os.getegid())
    assert cfg.settings["workers"].value == cfg.settings["workers"].get() == 4
    assert cfg.on_exit.__name__ == "on_exit"
    assert cfg.when_ready(None) is None
    assert "workers = 4" in str(cfg)
    assert cfg.env_orig["PATH"] == os.environ["PATH"]


def test_an_unknown_name_is_an_attribute_error_and_nothing_can_be_set(tmp_path):
    cfg = cfg_of(tmp_path)
    assert not hasattr(cfg, "no_such_setting")
    with pytest.raises(AttributeError, match="in force already"):
        cfg.set("workers", 3)
    cfg.mine = 1
    assert cfg.mine == 1


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        (":80", ("0.0.0.0", 80)),
        ("[::1]:80", ("::1", 80)),
        ("localhost", ("localhost", 8000)),
        ("8080", ("0.0.0.0", 8080)),
        ("unix:a.sock", "a.sock"),
        ("unix:///run/a.sock", "/run/a.sock"),
        ("fd://3", 3),
    ],
)
def test_addresses_have_the_form_of_gunicorn(bound, expected):
    assert address(bound) == expected
