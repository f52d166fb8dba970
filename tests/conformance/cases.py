"""Reads the conformance cases: one TOML file a rule, each case the raw bytes of what a client sends and what
must come of it. Used by the runner, by compare.py and by the tests of the case files themselves.

A case is a table of a file's `case` array. What it says:

    name        the sentence that the case stands for
    send        what goes out: text (each character one byte, Latin-1) or a list of parts
    frame       which of the file's `frames` stands around `send` (its `before` and `after`)
    each        texts; the case is repeated with each of them in the place of the part {each = true}
    each_byte   the same for single bytes: "0a" or "00-08"
    then        "eof": the client shuts down its writing side afterwards
    status      of the response: a number, or a list of acceptable ones; 0 is a close without an answer
    environ     keys that the application must have seen, with their values
    absent      keys that it must not have seen
    body        what it must have read: text or a list of parts
    content     the content of a response that is not the application's
    headers     fields that the response must have; an empty one it must not have
    bodiless    the response has no content (HEAD)
    interim     the 1xx statuses that must come before the response; unless given, none or a 100 is fine
    responses   a list of such expectations when there is more than one response
    survives    whether the connection takes another request afterwards; "any" when either is fine. Unless
                given, it survives a 200 and nothing else
    rfc, cve    the section, and the published vulnerabilities that have this byte pattern
    note        why, where the name does not say it

Parts of a list: text, {repeat = "a", times = 9000}, {each = true}, {split = true} (the bytes before and
behind it are sent apart), {until = 100} (the client waits for that interim response). A file's `defaults`
apply to all of its cases, its `rfc` to those that name no other section.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).with_name("cases")

CASE_KEYS: dict[str, type | tuple[type, ...]] = {
    "name": str, "send": (str, list, dict), "frame": str, "each": list, "each_byte": list, "then": str,
    "status": (int, list), "environ": dict, "absent": list, "body": (str, list), "content": str,
    "headers": dict,
    "bodiless": bool, "interim": list, "responses": list, "survives": (bool, str), "rfc": str, "cve": list,
    "note": str,
}  # fmt: skip
EXPECTATION_KEYS = {"status", "environ", "absent", "body", "content", "headers", "bodiless", "interim"}
FILE_KEYS = {"rule", "rfc", "note", "defaults", "frames", "case"}


SECTION = re.compile(r"RFC \d{4} section \d+(\.\d+)*|RFC \d{4} appendix [A-Z](\.\d+)*|PEP 3333")
CVE = re.compile(r"CVE-\d{4}-\d{4,}")


class BadCase(ValueError):
    """A case file does not say what a case file says."""


@dataclass(frozen=True)
class Until:
    """Send nothing further before this interim response is there."""

    status: int


Step = bytes | Until


@dataclass(frozen=True)
class Expected:
    """One response, and what the application saw when it was the one to answer."""

    status: tuple[int, ...] = (200,)
    environ: Mapping[str, str | bool] | None = None
    absent: tuple[str, ...] = ()
    body: bytes | None = None
    content: bytes | None = None
    headers: Mapping[str, str] | None = None
    bodiless: bool = False
    interim: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Case:
    file: str
    name: str
    rfc: str
    cve: tuple[str, ...]
    steps: tuple[Step, ...]
    eof: bool
    responses: tuple[Expected, ...]
    survives: bool | None  # None: either is fine
    source: str  # the name of the case as written, the same for all that `each` makes of it

    @property
    def id(self) -> str:
        return f"{self.file}: {self.name}"

    @property
    def raw(self) -> bytes:
        return b"".join(step for step in self.steps if isinstance(step, bytes))


def to_bytes(text: str) -> bytes:
    """Each character is one byte; TOML has no other way to write bytes."""
    return text.encode("latin-1")


def load(directory: Path = DIRECTORY) -> list[Case]:
    return [case for path in sorted(directory.glob("*.toml")) for case in load_file(path)]


def read(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file)


def load_file(path: Path) -> list[Case]:
    table = read(path)
    unknown = set(table) - FILE_KEYS
    if unknown:
        raise BadCase(f"{path.name}: unknown keys {sorted(unknown)}")
    return [case for written in table["case"] for case in _expand(path.stem, table, written)]


def _expand(file: str, table: Mapping[str, Any], written: Mapping[str, Any]) -> Iterator[Case]:
    case = {"rfc": table["rfc"], **_defaults_for(written, table.get("defaults", {})), **written}
    try:
        _check_keys(case)
        fillings = list(_fillings(case))
        for filling in fillings:
            yield _case(file, table, case, filling)
    except (BadCase, KeyError, UnicodeEncodeError) as error:
        raise BadCase(f"{file}: {written.get('name', written)}: {error}") from error


def _defaults_for(written: Mapping[str, Any], defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a single response is expected to be says nothing about a case that lists several."""
    if "responses" not in written:
        return defaults
    return {key: value for key, value in defaults.items() if key not in EXPECTATION_KEYS}


def _check_keys(case: Mapping[str, Any]) -> None:
    for key, value in case.items():
        if key not in CASE_KEYS:
            raise BadCase(f"unknown key {key!r}")
        if not isinstance(value, CASE_KEYS[key]):
            raise BadCase(f"{key} is {type(value).__name__}")
    if "responses" in case and EXPECTATION_KEYS & set(case):
        raise BadCase("responses beside the keys of a single one")


def _fillings(case: Mapping[str, Any]) -> Iterator[bytes | None]:
    if "each" not in case and "each_byte" not in case:
        yield None
    for text in case.get("each", []):
        yield to_bytes(text)
    for span in case.get("each_byte", []):
        first, _, last = span.partition("-")
        yield from (bytes([byte]) for byte in range(int(first, 16), int(last or first, 16) + 1))


def _case(file: str, table: Mapping[str, Any], case: Mapping[str, Any], filling: bytes | None) -> Case:
    parts = _parts(case["send"])
    if "frame" in case:
        frame = table["frames"][case["frame"]]
        parts = [*_parts(frame.get("before", "")), *parts, *_parts(frame.get("after", ""))]
    responses = tuple(_expected(each, filling) for each in case.get("responses", [case]))
    return Case(
        file=file,
        name=case["name"] + _label(filling),
        rfc=case["rfc"],
        cve=tuple(case.get("cve", ())),
        steps=tuple(_steps(parts, filling)),
        eof=_is_eof(case.get("then", "")),
        responses=responses,
        survives=_survives(case.get("survives"), responses),
        source=case["name"],
    )


def _label(filling: bytes | None) -> str:
    if filling is None:
        return ""
    return f" [{filling.decode('latin-1').encode('unicode_escape').decode('ascii')[:90]}]"


def _parts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _part_bytes(part: Any, filling: bytes | None) -> bytes:
    match part:
        case str():
            return to_bytes(part)
        case {"repeat": str(text), "times": int(times), **rest} if not rest:
            return to_bytes(text) * times
        case {"each": True, **rest} if not rest and filling is not None:
            return filling
    raise BadCase(f"no such part: {part!r}")


def _steps(parts: Sequence[Any], filling: bytes | None) -> Iterator[Step]:
    pending = b""
    for part in parts:
        if part == {"split": True} or (isinstance(part, dict) and set(part) == {"until"}):
            if pending:
                yield pending
            pending = b""
            if "until" in part:
                yield Until(part["until"])
        else:
            pending += _part_bytes(part, filling)
    if pending:
        yield pending


def _expected(table: Mapping[str, Any], filling: bytes | None) -> Expected:
    status = table.get("status", 200)
    expected = Expected(
        status=tuple(status) if isinstance(status, list) else (status,),
        environ={key: _filled(value, filling) for key, value in table.get("environ", {}).items()},
        absent=tuple(table.get("absent", ())),
        content=to_bytes(table["content"]) if "content" in table else None,
        headers=table.get("headers"),
        bodiless=table.get("bodiless", False),
        interim=tuple(table["interim"]) if "interim" in table else None,
    )
    if "body" not in table:
        return expected
    return replace(expected, body=b"".join(_part_bytes(part, filling) for part in _parts(table["body"])))


def _filled(value: str | bool, filling: bytes | None) -> str | bool:
    """The text {each} in an expected value stands for the filling."""
    if isinstance(value, bool) or filling is None:
        return value
    return value.replace("{each}", filling.decode("latin-1"))


def _is_eof(then: str) -> bool:
    if then not in ("", "eof"):
        raise BadCase(f"then is {then!r}")
    return then == "eof"


def _survives(value: bool | str | None, responses: Sequence[Expected]) -> bool | None:
    if value is None:
        return responses[-1].status == (200,)
    if isinstance(value, str) and value != "any":
        raise BadCase(f"survives is {value!r}")
    return None if value == "any" else bool(value)
