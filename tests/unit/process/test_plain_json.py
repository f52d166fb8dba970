"""JSON without json."""

import json
from typing import Any

import pytest

from rhebok.process.plain_json import dumps, loads

VALUES = [
    None, True, False, 0, -7, 2**70, 1.5, 1e-9, "", "é\"\\\n\x00\U0001f600", [], [1, [2]], {},
    {"a": {"b": [None]}},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_both_directions_agree_with_json(value: Any) -> None:
    assert json.loads(dumps(value)) == value
    assert loads(json.dumps(value)) == value


def test_keys_become_text() -> None:
    assert json.loads(dumps({1: 2})) == {"1": 2}


@pytest.mark.parametrize("text", ["", "{", "nul", "1 2", "[" * 100_000, '"\\x"'])
def test_what_is_not_json_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text)
