"""The case files themselves: that each says what a case file says; and that the loader refuses one that does
not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import cases
import pytest

FILES = sorted(cases.DIRECTORY.glob("*.toml"))
CASES = cases.load()

# Answered by the server itself: these are no refusals of a request that cannot be read.
ANSWERED = {"static_paths", "static_reading"}

# What the cases are about; each stands for a file of that name.
SUBJECTS = {
    "request_line", "method", "version", "target", "path", "absolute_form", "leading_crlf", "line_ends",
    "field_name", "field_value", "folding", "host", "repeated_fields", "underscore_names", "environ",
    "content_length", "transfer_encoding", "framing_conflict", "chunk_size", "chunk_extension", "chunk_data",
    "trailers", "limits", "body_size", "expect", "persistence", "pipelining", "hidden_request", "incomplete",
    "head_method", "other_protocols", "published", "forwarded", "static_paths", "static_reading",
}  # fmt: skip


def table(path: Path) -> dict[str, Any]:
    return cases.read(path)


def write(directory: Path, text: str) -> Path:
    path = directory / "rule.toml"
    path.write_text(f'rule = "x"\nrfc = "RFC 9112 section 3"\n{text}')
    return path


def test_there_is_a_file_for_every_subject_and_no_other() -> None:
    assert {path.stem for path in FILES} == SUBJECTS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_opens_with_its_rule_and_section(path: Path) -> None:
    loaded = table(path)
    assert loaded["rule"].endswith(".")
    assert cases.SECTION.fullmatch(loaded["rfc"])
    assert path.read_text().startswith("rule = ")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_frame_is_used(path: Path) -> None:
    loaded = table(path)
    used = {case.get("frame", loaded.get("defaults", {}).get("frame")) for case in loaded["case"]}
    assert set(loaded.get("frames", {})) <= used


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_sentences_of_a_file_are_unique(path: Path) -> None:
    counts = Counter(case["name"] for case in table(path)["case"])
    assert [name for name, count in counts.items() if count > 1] == []


def test_case_ids_are_unique() -> None:
    counts = Counter(case.id for case in CASES)
    assert [id for id, count in counts.items() if count > 1] == []


def test_no_two_cases_send_the_same_and_expect_the_same() -> None:
    """They would test one thing twice. The same bytes may stand in `published` and under their rule."""
    seen: dict[Any, str] = {}
    twice = []
    for case in CASES:
        if case.file == "published":
            continue
        key = (case.steps, case.eof, repr(case.responses))
        twice += [(seen[key], case.id)] if key in seen else []
        seen[key] = case.id
    assert twice == []


def test_cases_that_send_the_same_expect_compatible_statuses() -> None:
    seen: dict[Any, cases.Case] = {}
    for case in CASES:
        other = seen.setdefault((case.steps, case.eof), case)
        assert set(other.responses[0].status) & set(case.responses[0].status), (other.id, case.id)


def test_every_case_names_a_section_that_is_one() -> None:
    assert [case.id for case in CASES if not cases.SECTION.fullmatch(case.rfc)] == []


def test_every_vulnerability_is_named_by_its_number() -> None:
    assert [name for case in CASES for name in case.cve if not cases.CVE.fullmatch(name)] == []


def test_only_statuses_that_the_policy_knows_are_expected() -> None:
    known = {0, 200, 400, 413, 414, 417, 431, 501, 505}
    refusing = [case for case in CASES if case.file not in ANSWERED]
    answering = [case for case in CASES if case.file in ANSWERED]
    assert {status for case in refusing for expected in case.responses for status in expected.status} == known
    assert {status for case in answering for expected in case.responses for status in expected.status} == {
        200, 206, 304, 400, 404, 405, 412, 416,
    }  # fmt: skip
    assert {status for case in CASES for expected in case.responses for status in expected.interim or ()} == {
        100
    }


def test_a_refused_request_does_not_keep_its_connection() -> None:
    refusing = [case for case in CASES if case.file not in ANSWERED]
    assert [case.id for case in refusing if case.survives and case.responses[-1].status[-1] != 200] == []


def test_every_published_case_names_a_vulnerability_or_where_it_was_reported() -> None:
    written = table(cases.DIRECTORY / "published.toml")["case"]
    unnamed = [case for case in written if "cve" not in case and "reported" not in case.get("note", "")]
    assert unnamed == []


@pytest.mark.parametrize(
    "text",
    [
        'case = [{ name = "a", send = "x", stauts = 400 }]',
        'case = [{ name = "a", send = 5 }]',
        'case = [{ name = "a", send = [{ repeat = "x" }] }]',
        'case = [{ name = "a", send = { each = true } }]',
        'case = [{ name = "a", send = "x", frame = "none" }]',
        'case = [{ name = "a", send = "x", then = "wait" }]',
        'case = [{ name = "a", send = "x", survives = "maybe" }]',
        'case = [{ name = "a", send = "\u20ac" }]',
        'case = [{ name = "a", send = "x", status = 200, responses = [{}] }]',
        "cases = []\ncase = []",
    ],
)
def test_the_loader_refuses(tmp_path: Path, text: str) -> None:
    with pytest.raises(cases.BadCase):
        cases.load_file(write(tmp_path, text))


def test_each_stands_in_the_bytes_and_in_what_is_expected(tmp_path: Path) -> None:
    text = """
        [[case]]
        name = "a"
        send = ["<", { each = true }, ">"]
        each = ["b"]
        each_byte = ["0a-0b"]
        environ = { K = "{each}!" }
    """
    loaded = cases.load_file(write(tmp_path, text))
    assert [case.raw for case in loaded] == [b"<b>", b"<\n>", b"<\x0b>"]
    assert [case.name for case in loaded] == ["a [b]", "a [\\n]", "a [\\x0b]"]
    assert [case.responses[0].environ for case in loaded] == [{"K": "b!"}, {"K": "\n!"}, {"K": "\x0b!"}]


def test_parts_become_steps(tmp_path: Path) -> None:
    send = '["x", { repeat = "y", times = 3 }, { split = true }, "z", { until = 100 }]'
    text = f'case = [{{ name = "a", send = {send} }}]'
    (case,) = cases.load_file(write(tmp_path, text))
    assert case.steps == (b"xyyy", b"z", cases.Until(100))


def test_a_frame_stands_around_what_is_sent(tmp_path: Path) -> None:
    text = 'frames.f = { before = "<", after = ">" }\ncase = [{ name = "a", frame = "f", send = "x" }]'
    (case,) = cases.load_file(write(tmp_path, text))
    assert case.raw == b"<x>"


def test_defaults_for_a_single_response_do_not_touch_a_list_of_them(tmp_path: Path) -> None:
    text = 'case = [{ name = "a", send = "x", responses = [{}, { status = 414 }] }]'
    (case,) = cases.load_file(write(tmp_path, "defaults = { status = 400 }\n" + text))
    assert [expected.status for expected in case.responses] == [(200,), (414,)]
    assert case.survives is False
