"""The table itself, and what is derived from it."""

import tomllib
from dataclasses import fields
from logging.handlers import SysLogHandler
from pathlib import Path

import pytest

import rhebok
from rhebok import cli
from rhebok.settings import docs as settings_docs
from rhebok.settings.table import SYSLOG_FACILITIES, TABLE, Setting, Settings

ROOT = Path(__file__).resolve().parents[3]

BY_NAME = {setting.name: setting for setting in TABLE}


@pytest.fixture(params=TABLE, ids=lambda setting: setting.name)
def setting(request) -> Setting:
    return request.param


def test_every_attribute_of_settings_is_a_row():
    assert [setting.name for setting in TABLE] == [field.name for field in fields(Settings)]


def test_no_flag_and_no_name_is_used_twice():
    flags = [
        flag for setting in TABLE for flags in (*setting.flags, *setting.aliases) for flag in flags.split("/")
    ]
    names = [name for setting in TABLE for name in setting.names]
    assert len(set(flags)) == len(flags)
    assert len(set(names)) == len(names)


def test_a_row_is_named_as_its_long_flag(setting):
    if setting.flags:
        assert setting.name == setting.label.removeprefix("--").replace("-", "_")


def test_a_default_is_a_value_of_its_kind(setting):
    if setting.default is None:
        return
    assert setting.kind.read(setting.kind.show(setting.default)) == setting.default


def test_the_help_text_is_a_sentence(setting):
    assert setting.help[0].isupper()
    assert setting.help.endswith(".")


def test_help_shows_every_flag(setting, capsys):
    assert cli.main(["--help"]) == 0
    shown = "".join(capsys.readouterr().out.split())  # lines may break within a flag
    for flag in (*setting.flags, *setting.aliases):
        assert flag.split("/")[0] in shown


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("workers", "--max-workers"),
        ("max_requests", "--max-reqs-per-child"),
        ("max_requests", "--max-request-per-child"),
        ("min_requests", "--min-reqs-per-child"),
        ("limit_request_field_size", "--limit-request-field-size"),
    ],
)
def test_the_spellings_of_rhebok_and_gazelle_are_aliases(name, alias):
    assert alias in BY_NAME[name].aliases


def test_the_page_of_settings_is_current():
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert page == settings_docs.render(), "run: python -m rhebok.settings.docs > docs/settings.md"


def test_the_version_is_the_one_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == rhebok.__version__


def test_the_facilities_are_those_of_the_standard_library():
    assert tuple(SysLogHandler.facility_names) == SYSLOG_FACILITIES
