"""The grammar of the application's name."""

import pytest

from rhebok.settings.app_spec import AppSpec, parse_app


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("a", AppSpec("a")),
        ("a.b_c", AppSpec("a.b_c")),
        ("my-app.2:b", AppSpec("my-app.2", "b")),
        ("a:b", AppSpec("a", "b")),
        ("a:b.c.d", AppSpec("a", "b.c.d")),
        ("a:b()", AppSpec("a", "b", True)),
        ("a:b.c('x', 1, k=[True])", AppSpec("a", "b.c", True, ("x", 1), {"k": [True]})),
    ],
)
def test_the_name_of_an_application_is_read(text, spec):
    assert parse_app(text) == spec


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "'' is not the name of a module"),
        (":app", "'' is not the name of a module"),
        ("a b:app", "'a b' is not the name of a module"),
        ("a..b", "'a..b' is not the name of a module"),
        ("app.py", "did you mean app?"),
        ("./src/app.py", "did you mean src.app?"),
        ("a:", "neither an attribute nor a call"),
        ("a:b+c", "neither an attribute nor a call"),
        ("a:b(", "neither an attribute nor a call"),
        ("a:b[0]", "neither an attribute nor a call"),
        ("a:b(os.environ)", "must be literals"),
        ("a:b()()", "neither an attribute nor a call"),
    ],
)
def test_a_wrong_name_is_refused_with_the_reason(text, reason):
    with pytest.raises(ValueError, match=r".") as refused:
        parse_app(text)
    assert reason in str(refused.value)
