"""records.dataclass is what dataclasses.dataclass is, as far as it goes."""

import dataclasses

import pytest

from rhebok import records


def made(module, **options):
    @module.dataclass(**options)
    class Point:
        x: int
        y: int = 2
        tags: list = module.field(default_factory=list)

        @property
        def both(self):
            return self.x + self.y

    return Point


@pytest.fixture(params=[records, dataclasses], ids=lambda module: module.__name__)
def module(request):
    return request.param


@pytest.mark.parametrize("options", [{}, {"frozen": True}])
def test_fields_defaults_and_methods(module, options):
    point = made(module, **options)(1, tags=["a"])
    assert (point.x, point.y, point.tags, point.both) == (1, 2, ["a"], 3)
    assert repr(point).endswith("Point(x=1, y=2, tags=['a'])")


def test_a_default_is_made_for_each_object(module):
    kind = made(module)
    assert kind(1).tags is not kind(1).tags


@pytest.mark.parametrize(
    ("positional", "named"), [((), {}), ((1, 2, [], 4), {}), ((1,), {"x": 1}), ((1,), {"z": 1})]
)
def test_wrong_arguments_are_refused(module, positional, named):
    with pytest.raises(TypeError):
        made(module)(*positional, **named)


def test_objects_of_one_kind_are_equal_by_their_fields(module):
    kind = made(module)
    assert kind(1) == kind(1) != kind(2)
    assert kind(1) != made(module)(1)


def test_a_frozen_one_can_be_a_key_and_cannot_be_changed(module):
    @module.dataclass(frozen=True)
    class Key:
        name: str

    assert {Key("a"): 1}[Key("a")] == 1
    with pytest.raises(AttributeError):
        Key("a").name = "b"
    with pytest.raises(AttributeError):
        del Key("a").name


def test_one_that_can_be_changed_is_no_key(module):
    point = made(module)(1)
    point.x = 5
    assert point.x == 5
    with pytest.raises(TypeError):
        hash(point)


def test_methods_of_the_class_stay(module):
    @module.dataclass(frozen=True)
    class Named:
        name: str

        def __repr__(self):
            return "mine"

    assert repr(Named("a")) == "mine"


@pytest.mark.parametrize("kind", [made(records), made(dataclasses, frozen=True)])
def test_replace_copies_and_refuses_unknown_fields(kind):
    point = kind(1)
    assert (records.replace(point, y=7), point.y) == (kind(1, 7), 2)
    with pytest.raises(TypeError):
        records.replace(point, z=1)
