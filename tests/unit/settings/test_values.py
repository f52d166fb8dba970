"""The kinds of value, from text and from TOML."""

import pytest

from rhebok.settings import field_values, log_values, values

KINDS = {
    "whole": values.whole_number(1, 10),
    "seconds": values.seconds(),
    "size": values.size(2),
    "size or 0": values.size(0, 2**20),
    "switch": values.switch(),
    "octal": values.octal(0o777),
    "choice": values.choice("a", "b"),
    "path": values.path(),
    "text": values.text(),
    "field": field_values.field_value(),
    "field name": field_values.field_name("X-Usual"),
    "share": log_values.share(),
    "url paths": log_values.url_paths(),
    "function": values.callable_name(),
    "bind": values.bind_addresses(),
    "directories": values.directories(),
    "variables": values.variables(),
    "mode": values.mode("off", "v1", "auto", bare="auto"),
    "some": values.some_of("a-b", "c", "d"),
    "peers": values.peers(),
}


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("whole", "7", 7),
        ("whole", 7, 7),
        ("seconds", "0.5", 0.5),
        ("seconds", "30", 30),
        ("seconds", 2.0, 2),
        ("size", "16k", 16 * 1024),
        ("size", "1M", 2**20),
        ("size", "1MiB", 2**20),
        ("size", "2gb", 2**31),
        ("size", 4094, 4094),
        ("size or 0", "0", 0),
        ("size or 0", "1m", 2**20),
        ("switch", "on", True),
        ("switch", "No", False),
        ("switch", True, True),
        ("octal", "0660", 0o660),
        ("octal", "0o22", 0o22),
        ("octal", "", None),
        ("choice", "A", "a"),
        ("path", "x/y", "x/y"),
        ("path", "", None),
        ("text", "", ""),
        ("field", " Rhebok ", "Rhebok"),
        ("field name", "x-My-1d", "x-My-1d"),
        ("field name", "on", "X-Usual"),
        ("field name", True, "X-Usual"),
        ("field name", "off", None),
        ("field name", False, None),
        ("field name", "", None),
        ("share", "0.25", 0.25),
        ("share", "10%", 0.1),
        ("share", 1, 1),
        ("share", "100%", 1),
        ("share", 0.5, 0.5),
        ("url paths", "/livez, /static/*,", ("/livez", "/static/*")),
        ("url paths", ("/a,/b", "/c"), ("/a", "/b", "/c")),
        ("function", "a.b:c.d", "a.b:c.d"),
        ("function", "", None),
        ("bind", "127.0.0.1:1 unix:/a", ("127.0.0.1:1", "unix:/a")),
        ("bind", '"unix:/a b"', ("unix:/a b",)),
        ("bind", ("unix:/a b",), ("unix:/a b",)),
        ("bind", [":1", ":2"], (":1", ":2")),
        ("directories", "a, b,", ("a", "b")),
        ("directories", ("a,b", "c"), ("a", "b", "c")),
        ("variables", "A=1 'B=x y'", ("A=1", "B=x y")),
        ("variables", ("A=x y",), ("A=x y",)),
        ("variables", {"A": "x=y", "B": 2}, ("A=x=y", "B=2")),
        ("variables", "A=", ("A=",)),
        ("mode", "V1", "v1"),
        ("mode", "off", "off"),
        ("mode", True, "auto"),
        ("mode", "no", "off"),
        ("some", "d, A-B", ("a-b", "d")),
        ("some", ("c", "c,d"), ("c", "d")),
        ("some", "", ()),
        ("peers", "127.0.0.1, ::1,unix", ("127.0.0.1", "::1", "unix")),
        ("peers", ("10.0.0.0/8 *", "2001:db8::/32"), ("10.0.0.0/8", "*", "2001:db8::/32")),
        ("peers", ["10.0.0.0/8"], ("10.0.0.0/8",)),
        ("peers", "", ()),
    ],
)
def test_a_value_is_read(kind, given, expected):
    read = KINDS[kind].read(given)
    assert (read, type(read)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        *[
            ("whole", bad)
            for bad in ("", "x", "1.5", "0", "11", "-1", "1_0", "٣", "0x1", 1.0, True, None, [1])
        ],
        *[
            ("seconds", bad)
            for bad in ("", "x", "nan", "inf", "-1", "1e3", "1e9", "200000000", -0.1, True, [])
        ],
        *[("size", bad) for bad in ("", "k", "1x", "-1", "1.5m", "1", "99999999999999999g", 1.5, True)],
        *[("size or 0", bad) for bad in ("64", "1023k", 1048575, "-1")],
        *[("switch", bad) for bad in ("", "maybe", 1, 0)],
        *[("octal", bad) for bad in ("8", "x", "1000", "-1", 640, 0o640)],
        *[("choice", bad) for bad in ("", "c", 1)],
        *[("path", bad) for bad in ("a\0b", 1)],
        *[("text", bad) for bad in ("a\nb", "a\rb", "\0", 1)],
        *[("share", bad) for bad in (0, "0", "1.1", "101%", "-1", True, "half", 2, "", "1e-3")],
        *[("url paths", bad) for bad in ("livez", "/a?b", "/a#b", "/a*b", "/a b", 7)],
        *[("field", bad) for bad in ("a\r\nb", "\x7f", "é", "\0", 1)],
        *[("function", bad) for bad in ("a", "a:", ":b", "a:b:c", "a b:c", 1)],
        *[("mode", bad) for bad in ("", "v2", "site:app", 1, None)],
        *[("some", bad) for bad in ("a", "a-b c", 1, [1])],
        *[("peers", bad) for bad in ("10.0.0.1/8", "localhost", "127.0.0.1;::1", 1, [1])],
        *[("bind", bad) for bad in ("", "host:port", [], [1], 1, "'unclosed")],
        *[("directories", bad) for bad in (1, [1])],
        *[("variables", bad) for bad in ("A", "=x", "A B=1'", ["A B=1"], [1], {"A": []}, {"A": True}, 1)],
    ],
)
def test_a_value_of_another_kind_is_refused(kind, given):
    with pytest.raises(ValueError):  # noqa: PT011 - the kinds that have a reason are tested for it elsewhere
        KINDS[kind].read(given)


def test_permissions_are_shown_as_octal_text():
    assert KINDS["octal"].show(0o20) == "0020"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "true"),
        (5, "5"),
        (0.5, "0.5"),
        ('a"b\\\n\x7fé', '"a\\"b\\\\\\n\\u007fé"'),
        (["a", "b"], '["a", "b"]'),
    ],
)
def test_values_are_written_as_toml(value, shown):
    assert values.toml_text(value) == shown
