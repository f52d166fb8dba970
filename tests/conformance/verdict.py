"""Judges what came of a case. Called by the runner, which wants no problem at all, and by compare.py, which
wants to know of what kind they are."""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from cases import Case, Expected
from wire import Exchange, Response

# PEP 3333: these "may be empty or missing", so an empty one counts as absent.
MAY_BE_EMPTY = {"CONTENT_TYPE", "CONTENT_LENGTH", "QUERY_STRING"}


class Kind(enum.Enum):
    """What a server did with a case, from good to bad."""

    PASS = "as expected"
    OTHER_STATUS = "refused, with another status or without an answer"
    CONNECTION = "right answers, wrong about the connection"
    REFUSED = "refused what is to be accepted"
    READ_WRONG = "accepted, but read otherwise"
    ACCEPTED = "accepted what is to be refused"
    SMUGGLED = "accepted it, and a request hidden in it or behind it too"


def problems(case: Case, exchange: Exchange) -> list[str]:
    """Each one a line; none when everything is as the case says."""
    return list(_problems(case, exchange))


def _problems(case: Case, exchange: Exchange) -> Iterator[str]:
    if exchange.lead and not _answers(exchange, 0, "/first"):
        yield "the good request before it was not answered"
        return
    got = exchange.responses[exchange.lead :]
    expected = case.responses
    while len(got) < len(expected) and 0 in expected[-1].status:
        expected = expected[:-1]
    if len(got) < len(expected):
        yield f"{len(got)} of {len(expected)} responses came"
    for number, (wanted, response) in enumerate(zip(expected, got, strict=False), start=1):
        where = f"response {number}: " if len(expected) > 1 else ""
        yield from (where + problem for problem in _response_problems(wanted, response))
    if exchange.torn:
        yield f"not a response: {exchange.torn}"
    yield from _connection_problems(case, exchange, exchange.lead + len(expected))


def _response_problems(wanted: Expected, response: Response) -> Iterator[str]:
    if response.status not in wanted.status:
        yield f"status {response.status}, not {' or '.join(map(str, wanted.status))}"
        return
    if wanted.interim is not None and response.interim != wanted.interim:
        yield f"interim responses {response.interim}, not {wanted.interim}"
    if wanted.interim is None and response.interim not in ((), (100,)):
        yield f"interim responses {response.interim}"
    for name, value in (wanted.headers or {}).items():
        if response.headers.get(name.lower(), "").lower() != value.lower():
            yield f"{name} is {response.headers.get(name.lower())!r}, not {value!r}"
    if wanted.content is not None:
        if response.body != wanted.content:
            yield f"the content is {response.body[:60]!r}, not {wanted.content[:60]!r}"
    elif response.status == 200 and not wanted.bodiless:
        yield from _application_problems(wanted, _seen(response))


def _application_problems(wanted: Expected, seen: dict[str, Any] | None) -> Iterator[str]:
    if seen is None:
        yield "200, but not from the application"
        return
    environ = seen["environ"]
    for key, value in (wanted.environ or {}).items():
        if environ.get(key) != value:
            yield f"{key} is {environ.get(key)!r}, not {value!r}"
    for key in wanted.absent:
        if key in environ and not (key in MAY_BE_EMPTY and environ[key] == ""):
            yield f"{key} is there: {environ[key]!r}"
    if wanted.body is not None and seen["sha256"] != hashlib.sha256(wanted.body).hexdigest():
        got = f"{seen['length']} bytes {seen['start'][:60]!r}"
        yield f"the body is {got}, not {len(wanted.body)} {wanted.body[:60]!r}"


def _connection_problems(case: Case, exchange: Exchange, expected: int) -> Iterator[str]:
    extra = exchange.responses[expected:]
    probed = len(extra) == 1 and _answers(exchange, expected, "/probe")
    if case.survives is not False and probed:
        return
    if extra:
        yield f"{len(extra)} responses more than there were requests, first {_path(extra[0])}"
    if case.survives:
        yield "the connection did not survive"
    elif not exchange.closed:
        yield "the connection was not closed"
    elif not case.eof and not _says_close(exchange):
        yield "closed without Connection: close"


def _says_close(exchange: Exchange) -> bool:
    """RFC 9112 section 9.6. Without a response nothing can say it."""
    if not exchange.responses:
        return True
    last = exchange.responses[-1]
    if last.version == "HTTP/1.0":
        return True
    return "close" in last.headers.get("connection", "").lower().replace(" ", "").split(",")


def _answers(exchange: Exchange, at: int, path: str) -> bool:
    return at < len(exchange.responses) and _path(exchange.responses[at]) == path


def _path(response: Response) -> str:
    seen = _seen(response)
    return str(seen["environ"].get("PATH_INFO")) if seen else f"with status {response.status}"


def _seen(response: Response) -> dict[str, Any] | None:
    """What the application reported; None when it was not the one to answer."""
    try:
        seen = json.loads(response.body)
    except ValueError:
        return None
    return seen if isinstance(seen, dict) and "environ" in seen else None


def kind(case: Case, exchange: Exchange) -> Kind:
    if not problems(case, exchange):
        return Kind.PASS
    got = exchange.responses[exchange.lead :]
    wanted_200 = sum(200 in expected.status for expected in case.responses)
    got_200 = sum(response.status == 200 and _path(response) != "/probe" for response in got)
    if any(_path(response) == "/hidden" for response in got):
        return Kind.SMUGGLED
    if got_200 > wanted_200:
        return Kind.ACCEPTED
    if got_200 < wanted_200:
        return Kind.REFUSED
    if all(not _wrong(case, got, number) for number in range(len(case.responses))):
        return Kind.CONNECTION
    return Kind.READ_WRONG if wanted_200 else Kind.OTHER_STATUS


def _wrong(case: Case, got: list[Response], number: int) -> bool:
    wanted = case.responses[number]
    if number >= len(got):
        return 0 not in wanted.status
    return any(_response_problems(wanted, got[number]))
