"""Variables and kept applications of PasteDeploy."""

import pytest

from rhebok.errors import UserError
from rhebok.serving import paste
from rhebok.settings.app_spec import PasteSpec, parse_paste


def test_a_key_may_have_an_equals_sign_behind_a_backslash():
    assert paste.as_mapping(["a=1", "b=c=d", "e\\=f=g"]) == {"a": "1", "b": "c=d", "e=f": "g"}


def test_a_mapping_is_written_as_the_setting_reads_it():
    given = {"a": "1", "e=f": "g=h", "set x": "no", "p": "50%"}
    written = list(paste.as_variables(given))
    assert paste.as_mapping(written) == {"a": "1", "e=f": "g=h", "p": "50%"}


def test_an_application_that_is_kept_is_not_loaded(tmp_path):
    spec = PasteSpec(str(tmp_path / "no.ini"))
    with pytest.raises(UserError, match="there is no file"):
        paste.load(spec, [])
    paste.keep(spec, print)
    assert paste.load(spec, []) is print


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("config:x.ini", PasteSpec("x.ini")),
        ("config:x.ini#admin", PasteSpec("x.ini", "admin")),
        ("config:/etc/x.conf", PasteSpec("/etc/x.conf")),
        ("config:app", None),
        ("config", None),
        ("module:config.ini_app", None),
    ],
)
def test_which_names_are_of_a_file(text, spec):
    assert parse_paste(text) == spec
