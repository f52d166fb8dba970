"""Requests for metrics and probes: what is asked, what is refused. Bytes only; client has the sockets."""

from __future__ import annotations

import re
from email.utils import formatdate
from http import HTTPStatus

from rhebok.records import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_HEAD = 8192
METRICS, LIVEZ, READYZ = "/metrics", "/livez", "/readyz"
PATHS = (METRICS, LIVEZ, READYZ)
METHODS = ("GET", "HEAD")
TEXT = "text/plain; charset=utf-8"

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_LINE = re.compile(rb"(" + _TOKEN + rb") ([!-~]+) HTTP/1\.([01])")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_ORIGIN = re.compile(r"http://[^/?#]+", re.IGNORECASE)
_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Request:
    """One that is answered by its path."""

    path: str
    accept: str
    without_body: bool  # HEAD


class Refused(Exception):
    """The request is answered with this status at once."""

    def __init__(self, status: HTTPStatus, without_body: bool = False) -> None:
        super().__init__(status.phrase)
        self.status, self.without_body = status, without_body


def read_request(received: bytes) -> Request | None:
    """None: it is not complete yet. Raises Refused."""
    head, ended, _ = received.partition(_END)
    if not ended:
        if len(received) > LONGEST_HEAD or not _may_begin(received):
            raise Refused(HTTPStatus.BAD_REQUEST)
        return None
    line, *lines = head.split(b"\r\n")
    matched = _LINE.fullmatch(line)
    if not matched or len(head) > LONGEST_HEAD:
        raise Refused(HTTPStatus.BAD_REQUEST)
    method, target, minor = (part.decode("ascii") for part in matched.groups())
    fields = _fields(lines)
    if minor == "1" and len(fields.get("host", ())) != 1:
        raise Refused(HTTPStatus.BAD_REQUEST)
    path = _ORIGIN.sub("", target, count=1).partition("?")[0] or "/"
    if path not in PATHS:
        raise Refused(HTTPStatus.NOT_FOUND, method == "HEAD")
    if method not in METHODS:
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED)
    return Request(path, ", ".join(fields.get("accept", ())), method == "HEAD")


def _may_begin(received: bytes) -> bool:
    """Whether a request line may begin so: TLS and other protocols are refused at once."""
    line, ended, _ = received.partition(b"\r\n")
    if ended:
        return _LINE.fullmatch(line) is not None
    return re.fullmatch(rb"[!-~]*( [!-~]*){0,2}\r?", line) is not None


def _fields(lines: list[bytes]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        matched = _FIELD.fullmatch(line)
        if not matched:
            raise Refused(HTTPStatus.BAD_REQUEST)
        name, value = matched[1].decode("ascii").lower(), matched[2].decode("latin-1").strip(" \t")
        found.setdefault(name, []).append(value)
    return found


def response(status: HTTPStatus, body: bytes, kind: str = TEXT, without_body: bool = False) -> bytes:
    """All bytes of a response, after which the connection ends."""
    fields: Mapping[str, str] = {
        "Date": formatdate(usegmt=True),
        "Content-Type": kind,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Connection": "close",
        **({"Allow": ", ".join(METHODS)} if status == HTTPStatus.METHOD_NOT_ALLOWED else {}),
    }
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{name}: {text}" for name, text in fields.items()),
    ]
    head = "\r\n".join(lines).encode("ascii") + _END
    return head if without_body else head + body


def refusal(status: HTTPStatus, without_body: bool = False) -> bytes:
    return response(status, f"{status.phrase}\n".encode(), without_body=without_body)
