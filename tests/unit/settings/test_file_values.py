"""The values that say which files are served."""

import pytest

from rhebok.settings import file_values
from rhebok.settings.values import Kind

MOUNTS, ROOTS, AGES = file_values.mounts(), file_values.roots(), file_values.max_ages()


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (MOUNTS, ("/static/=files",), (("/static/", "files"),)),
        (MOUNTS, ("/static=files",), (("/static/", "files"),)),
        (MOUNTS, ("/=.", "/a/b=/c=d e"), (("/", "."), ("/a/b/", "/c=d e"))),
        (MOUNTS, "/a/=x '/b/=y z'", (("/a/", "x"), ("/b/", "y z"))),
        (MOUNTS, {"/a/": "x", "/b": "y"}, (("/a/", "x"), ("/b/", "y"))),
        (MOUNTS, [], ()),
        (ROOTS, ("/srv/media", "/protected/=/srv/x"), (("", "/srv/media"), ("/protected/", "/srv/x"))),
        (ROOTS, ("/srv/a", "/srv/b"), (("", "/srv/a"), ("", "/srv/b"))),
        (AGES, 60, (("", 60),)),
        (AGES, ("60", "/media/=0"), (("", 60), ("/media/", 0))),
        (file_values.mounted_urls(), ("/a", "/b/"), ("/a/", "/b/")),
        (file_values.file_name(), "index.html", "index.html"),
        (file_values.file_name(), "", None),
    ],
)
def test_a_value_is_read(kind: Kind, given: object, value: object) -> None:
    assert kind.read(given) == value


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        *(
            (MOUNTS, text)
            for text in ("files", "=files", "/a/=", "a/=b", "/a//b/=c", "/a?b=c", "/%61/=b", "/a#=b")
        ),
        (MOUNTS, "'/a b/=c'"),
        (MOUNTS, ("/a=b", "/a/=c")),
        (MOUNTS, ("/a=b\0",)),
        (MOUNTS, 5),
        (ROOTS, ("a=b",)),
        (AGES, "-1"),
        (AGES, "1.5"),
        (AGES, True),
        (AGES, ("/a/=",)),
        (AGES, ("a=5",)),
        (file_values.mounted_urls(), ("a",)),
        (file_values.file_name(), "a/b"),
        (file_values.file_name(), ".hidden"),
        (file_values.file_name(), "a\\b"),
    ],
)
def test_what_is_none_is_refused(kind: Kind, given: object) -> None:
    with pytest.raises(ValueError, match=r"|"):
        kind.read(given)


@pytest.mark.parametrize("kind", [MOUNTS, ROOTS, AGES])
def test_what_is_shown_is_read_again(kind: Kind) -> None:
    values = {MOUNTS: ("/a/=x y",), ROOTS: ("/srv/a", "/b/=/c"), AGES: ("5", "/a/=6")}[kind]
    value = kind.read(values)
    assert kind.read(kind.show(value)) == value
