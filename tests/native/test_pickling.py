"""What Cython adds to a class for pickle and copy: nothing (`auto_pickle` in setup.py)."""

import copy
import importlib
import io
import pickle
from pathlib import Path

import pytest

import rhebok.native
from rhebok.native.file_wrapper import FileWrapper
from rhebok.native.request_body import EmptyBody

NAMES = sorted(path.stem for path in Path(rhebok.native.__path__[0]).glob("*.pyi"))


def reducing(module: object) -> set[str]:
    """Its classes that say how they are pickled."""
    classes = {value for value in vars(module).values() if isinstance(value, type)}
    return {
        each.__name__ for each in classes if each.__module__ == module.__name__ and "__reduce__" in vars(each)
    }


def test_only_a_body_says_how_it_is_pickled():
    assert {
        name for each in NAMES for name in reducing(importlib.import_module(f"rhebok.native.{each}"))
    } == {"ArrivedBody"}


def test_an_empty_body_is_copied_and_pickled_all_the_same():
    for other in (
        copy.copy(EmptyBody()),
        copy.deepcopy(EmptyBody()),
        pickle.loads(pickle.dumps(EmptyBody())),
    ):
        assert other.read() == b""


def test_an_object_with_state_is_refused_rather_than_copied_without_it():
    with pytest.raises(TypeError, match="cannot pickle 'rhebok"):
        copy.copy(FileWrapper(io.BytesIO()))
