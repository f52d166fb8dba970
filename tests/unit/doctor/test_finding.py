"""How findings are shown, and the command as a whole."""

import json

import pytest

from rhebok import cli, command
from rhebok.doctor.examination import shown
from rhebok.doctor.finding import note, ok, to_change

FINDINGS = [to_change("a", "is wrong", "mend it"), ok("b", "is well"), note("c", "is so")]


def test_lines_end_with_what_has_to_change():
    assert shown(FINDINGS, in_json=False) == (
        "ok      b: is well\nnote    c: is so\nchange  a: is wrong\n        -> mend it\nto change: 1\n"
    )
    assert shown(FINDINGS[1:], in_json=False).endswith("\nnothing has to change\n")


def test_json_has_them_as_they_were_found():
    data = json.loads(shown(FINDINGS, in_json=True))
    assert data["healthy"] is False
    assert data["findings"][0] == {"check": "a", "level": "change", "says": "is wrong", "change": "mend it"}
    assert json.loads(shown(FINDINGS[1:], in_json=True))["healthy"] is True


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--wrokers", "3"], "No such option '--wrokers'"),
        (["--workers", "x"], "it takes a whole number"),
        (["-c", "none.toml"], "none.toml"),
        (["--chdir", "/none"], "/none"),
    ],
)
def test_a_mistake_in_the_configuration_is_a_finding(words, says, capsys):
    assert cli.doctor([*words, "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["check"] == "configuration"
    assert says in finding["says"]


def test_help_names_the_options(capsys):
    assert command.main(["doctor", "--help"]) == 0
    assert "--json" in capsys.readouterr().out


def test_only_the_first_word_is_the_command(capsys):
    assert command.main(["--print-config", "doctor"]) == 0
    assert 'app = "doctor"' in capsys.readouterr().out
