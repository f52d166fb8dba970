"""Precedence, files, and the messages for mistakes in each source."""

import tomllib

import pytest

from rhebok.errors import ExitStatus, UserError
from rhebok.settings import config
from rhebok.settings import dump as config_dump
from rhebok.settings.config import load
from rhebok.settings.cpus import auto_workers
from rhebok.settings.table import TABLE


@pytest.fixture
def file(tmp_path):
    """Writes a configuration file and returns its path."""

    def write(text: str) -> str:
        path = tmp_path / "rhebok.toml"
        path.write_text(text, "utf-8")
        return str(path)

    return write


def refused(*arguments, **options) -> str:
    with pytest.raises(UserError) as error:
        load(*arguments, **options)
    assert error.value.status == ExitStatus.USAGE
    return str(error.value)


def test_defaults_hold_when_nothing_is_given():
    loaded = load({}, {})
    assert loaded.settings.bind == ("127.0.0.1:8000",)
    assert loaded.settings.keep_alive == 75
    assert loaded.settings.preload == "auto"
    assert loaded.sources["bind"] == "default"


@pytest.mark.parametrize(
    ("flags", "environ", "in_file", "expected", "source"),
    [
        ({"backlog": "1"}, {"RHEBOK_BACKLOG": "2"}, "backlog = 3", 1, "the command line"),
        ({}, {"RHEBOK_BACKLOG": "2"}, "backlog = 3", 2, "the environment variable RHEBOK_BACKLOG"),
        ({}, {}, "backlog = 3", 3, "the file "),
        ({}, {}, "", 2048, "default"),
    ],
)
def test_flag_wins_over_environment_over_file_over_default(file, flags, environ, in_file, expected, source):
    loaded = load(flags, environ, file(in_file))
    assert loaded.settings.backlog == expected
    assert loaded.sources["backlog"].startswith(source)


def test_web_concurrency_gives_the_default_of_workers_only(file):
    environ = {"WEB_CONCURRENCY": "3"}
    assert load({}, environ).settings.workers == 3
    assert load({}, environ, file("workers = 4")).settings.workers == 4
    assert load({}, environ | {"RHEBOK_WORKERS": "5"}).settings.workers == 5


def test_port_gives_the_default_of_bind_only(file):
    environ = {"PORT": "5123"}
    loaded = load({}, environ)
    assert loaded.settings.bind == ("0.0.0.0:5123",)
    assert loaded.sources["bind"] == "the environment variable PORT"
    assert load({}, environ, file('bind = "127.0.0.1:1"')).settings.bind == ("127.0.0.1:1",)
    assert load({"bind": ("unix:x",)}, environ).settings.bind == ("unix:x",)
    assert load({}, {"PORT": ""}).settings.bind == ("127.0.0.1:8000",)
    handed_over = {"PORT": "host:80", "SERVER_STARTER_PORT": "host:80=3"}
    assert load({}, handed_over).settings.bind == ("127.0.0.1:8000",)
    assert "from the environment variable PORT" in refused({}, {"PORT": "http"})


@pytest.mark.parametrize("given", ["127.0.0.1:1,[::]:2,unix:x", ("127.0.0.1:1, [::]:2", "unix:x")])
def test_addresses_may_be_separated_by_commas(given):
    assert load({"bind": given}, {}).settings.bind == ("127.0.0.1:1", "[::]:2", "unix:x")


def test_auto_workers_are_as_many_as_the_cpus_ask_for(file):
    assert load({"workers": "auto"}, {}).settings.workers == auto_workers()
    assert load({}, {"WEB_CONCURRENCY": "auto"}).settings.workers == auto_workers()
    assert load({}, {}, file('workers = "auto"')).settings.workers == auto_workers()


@pytest.mark.parametrize(
    ("flags", "head"),
    [
        ({}, 32768),
        ({"limit_request_line": "0"}, 2**18),
        ({"limit_request_field_size": "65536"}, 4094 + 65536 + 16384),
        ({"limit_request_line": "0", "limit_request_head": "1000"}, 1000),
    ],
)
def test_limits_of_a_line_raise_the_limit_of_the_head_unless_it_is_given(flags, head):
    assert load(flags, {}).settings.limit_request_head == head


def test_an_empty_web_concurrency_is_ignored():
    assert load({}, {"WEB_CONCURRENCY": ""}).settings.workers == load({}, {}).settings.workers == 1


def test_the_environment_may_name_the_file(file):
    assert load({}, {"RHEBOK_CONFIG": file("backlog = 7")}).settings.backlog == 7


def test_keys_of_the_file_may_have_dashes_or_be_aliases(file):
    settings = load({}, {}, file("max-requests = 5\nmax_workers = 6\nmin-reqs-per-child = 7")).settings
    assert (settings.max_requests, settings.workers, settings.min_requests) == (5, 6, 7)


def test_variables_may_be_aliases():
    assert load({}, {"RHEBOK_MAX_WORKERS": "6"}).settings.workers == 6


def test_the_file_takes_toml_types(file):
    lines = [
        'bind = ["127.0.0.1:1", "unix:/x"]',
        "preload = false",
        "keep_alive = 0.5",
        'socket_mode = "0600"',
        'env = {A = "1"}',
    ]
    settings = load({}, {}, file("\n".join(lines))).settings
    assert settings.bind == ("127.0.0.1:1", "unix:/x")
    assert settings.preload is False
    assert (settings.keep_alive, settings.socket_mode, settings.env) == (0.5, 0o600, ("A=1",))


def test_a_limit_of_zero_means_the_limit_of_the_head():
    settings = load({"limit_request_line": "0", "limit_request_field_size": "0"}, {}).settings
    assert settings.limit_request_line == settings.limit_request_field_size == settings.limit_request_head


def test_a_refused_value_names_option_value_source_and_what_it_takes(file):
    takes = "but it takes a whole number of at least 1 and at most 4096, or auto"
    assert refused({"workers": "x"}, {}) == f"--workers: got 'x' from the command line, {takes}"
    variable = "the environment variable RHEBOK_WORKERS"
    assert refused({}, {"RHEBOK_WORKERS": "0"}) == f"--workers: got '0' from {variable}, {takes}"
    path = file('workers = "many"')
    assert refused({}, {}, path) == f"--workers: got 'many' from the file {path}, {takes}"
    assert "from the environment variable WEB_CONCURRENCY" in refused({}, {"WEB_CONCURRENCY": "many"})


def test_a_refused_value_gives_the_reason_where_there_is_one():
    assert refused({"bind": ("host:x",)}, {}).endswith("the port must be a number from 0 to 65535, not 'x'")


def test_a_long_refused_value_is_cut():
    assert len(refused({"workers": "9" * 10_000}, {})) < 300


def test_a_file_that_is_not_there_is_named():
    assert (
        refused({}, {}, "no/such.toml") == "--config: cannot read 'no/such.toml': no such file or directory"
    )


def test_a_file_that_is_not_toml_is_refused_with_the_line(file):
    message = refused({}, {}, file("workers = 1\nbind = x\n"))
    assert "is not valid TOML" in message
    assert "line 2" in message


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "x.toml"
    path.write_bytes(b"app = '\xff'")
    assert "is not valid TOML" in refused({}, {}, str(path))


def test_an_unknown_key_is_refused_with_the_nearest_one(file):
    assert "unknown key 'wrokers' (did you mean workers?)" in refused({}, {}, file("wrokers = 3"))


def test_a_key_given_under_two_names_is_refused(file):
    assert "twice" in refused({}, {}, file("workers = 3\nmax_workers = 4"))


def test_a_variable_given_under_two_names_is_refused():
    assert "same setting" in refused({}, {"RHEBOK_WORKERS": "3", "RHEBOK_MAX_WORKERS": "3"})


def test_a_misspelt_variable_is_refused_with_the_nearest_one():
    assert refused({}, {"RHEBOK_WROKERS": "3"}) == (
        "unknown environment variable RHEBOK_WROKERS (did you mean RHEBOK_WORKERS?)"
    )


@pytest.mark.parametrize(
    "name", ["RHEBOK_PORT", "RHEBOK_SERVICE_HOST", "RHEBOK_PORT_8000_TCP", "RHEBOK_DEBUG"]
)
def test_variables_of_other_programs_are_ignored(name):
    load({}, {name: "tcp://10.0.0.1:80"})


@pytest.mark.parametrize(
    ("given", "notes"),
    [
        ({"cache_entry": "2m"}, ["--cache-entry, which the command line gives, has no effect without --ca"]),
        ({"cache_entry": "2m", "cache": "0"}, ["--cache-entry"]),
        ({"cache_entry": "2m", "cache": "4m"}, []),
        ({"cache_entry": "1m"}, []),  # the default
        ({"static_max_age": ("60",), "static_index": "index.html"}, ["--static-max-age", "--static-index"]),
        ({"static_max_age": ("60",), "static": ("/a/=a",)}, []),
        ({"proxy_allow_ips": "*"}, ["--proxy-allow-ips"]),
        ({"proxy_allow_ips": "*", "proxy_protocol": "auto"}, []),
        ({"max_requests_jitter": "5", "statsd_prefix": "web"}, ["--max-requests-jitter", "--statsd-prefix"]),
    ],
)
def test_what_is_given_in_vain_is_noted(given, notes):
    found = load(given, {}).notes
    assert len(found) == len(notes)
    assert all(note.startswith(start) for note, start in zip(found, notes, strict=True))


def test_a_note_names_the_source_of_the_value(file):
    (note,) = load({}, {"RHEBOK_CACHE_WAIT": "1"}).notes
    assert "the environment variable RHEBOK_CACHE_WAIT" in note
    path = file("static_index = 'index.html'")
    (note,) = load({}, {}, path).notes
    assert f"the file {path}" in note


def test_what_a_setting_needs_is_a_setting_that_is_off_by_default():
    by_name = {setting.name: setting for setting in TABLE}
    needed = {setting.needs for setting in TABLE if setting.needs}
    assert {by_name[name].default for name in needed} <= {0, (), None, "off"}


def test_the_printed_configuration_reads_back_the_same(file):
    flags = {
        "app": "x:y",
        "bind": ("unix:/a b", "[::1]:80"),
        "env": ('A="quoted" \\ é',),
        "socket_mode": "0640",
        "umask": "022",
        "server_header": "",
        "keep_alive": "0.25",
        "before_fork": "m:f",
    }
    first = load(flags, {})
    again = load({}, {}, file(config_dump.dump(first)))
    assert again.settings == first.settings


def test_the_printed_configuration_has_every_value_and_its_source():
    printed = config_dump.dump(load({"workers": "3"}, {"RHEBOK_BACKLOG": "9"}))
    assert "workers = 3  # the command line\n" in printed
    assert "backlog = 9  # the environment variable RHEBOK_BACKLOG\n" in printed
    assert "keep_alive = 75  # default\n" in printed
    assert "# pid is not set\n" in printed
    assert all(setting.name in printed for setting in TABLE)
    tomllib.loads(printed)


def test_every_setting_can_be_given_by_its_variable():
    for setting in TABLE:
        value = setting.kind.show(setting.default)
        if isinstance(value, str | int):
            some = 2**20 if setting.kind.metavar == "SIZE" else 1
            text = str(value).lower() if setting.kind.switch else str(value or some)
            loaded = config.load({}, {setting.environment[0]: text})
            assert loaded.sources[setting.name] == f"the environment variable {setting.environment[0]}"
