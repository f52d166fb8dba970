"""`req` and `resp`, as pre_request and post_request see them. Made by request_hooks for each request."""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

Environ = dict[str, Any]
Fields = list[tuple[str, str]]

# Fields that have no HTTP_ in front (PEP 3333).
_BARE = {"CONTENT-TYPE": "CONTENT_TYPE", "CONTENT-LENGTH": "CONTENT_LENGTH"}


class Request:
    """req: made of the environ. What pre_request changes in it, the application sees (apply)."""

    def __init__(self, environ: Environ) -> None:
        self._environ = environ
        self._given: Fields | None = None  # the fields, once somebody has looked
        self._headers: Fields | None = None
        self.method: str = environ["REQUEST_METHOD"]
        self.uri: str = environ["RAW_URI"]
        self.path, self.query, self.fragment = _parts(self.uri)
        self.version = _version(environ["SERVER_PROTOCOL"])
        self.scheme: str = environ["wsgi.url_scheme"]
        self.remote_addr = self.peer_addr = (environ["REMOTE_ADDR"], int(environ["REMOTE_PORT"]))
        self.body = environ["wsgi.input"]
        self.proxy_protocol_info = None
        self.must_close = False
        self._first = self._line()

    @property
    def headers(self) -> Fields:
        """(NAME, value): names in capitals, and what a client has sent twice is one field."""
        if self._headers is None:
            self._given = _fields(self._environ)
            self._headers = list(self._given)
        return self._headers

    @headers.setter
    def headers(self, fields: Iterable[tuple[str, str]]) -> None:
        self._given = self._given or _fields(self._environ)
        self._headers = list(fields)

    @property
    def trailers(self) -> Fields:
        return []

    def should_close(self) -> bool:
        """Whether the client or HTTP/1.0 asks for the end of the connection."""
        said = str(self._environ.get("HTTP_CONNECTION", "")).lower()
        return "close" in said or (self.version < (1, 1) and "keep-alive" not in said)

    def force_close(self) -> None:
        """Nothing: the response says whether the connection stays."""

    def apply(self) -> None:
        """Puts what a hook has changed into the environ."""
        if self._line() != self._first:
            self._apply_line()
        if self._headers is not None and self._headers != self._given:
            self._apply_fields(self._headers)

    def _line(self) -> tuple[Any, ...]:
        return self.method, self.uri, self.path, self.query, self.scheme

    def _apply_line(self) -> None:
        environ = self._environ
        method, uri, path, query, scheme = self._first
        if self.method != method:
            environ["REQUEST_METHOD"] = self.method
        if self.uri != uri:
            environ["RAW_URI"] = environ["REQUEST_URI"] = self.uri
        if self.path != path:
            environ["PATH_INFO"] = unquote_to_bytes(self.path.encode("latin-1")).decode("latin-1")
        if self.query != query:
            environ["QUERY_STRING"] = self.query
        if self.scheme != scheme:
            environ["wsgi.url_scheme"] = self.scheme

    def _apply_fields(self, fields: Fields) -> None:
        before, after = _joined(self._given or []), _joined(fields)
        for key in before.keys() - after.keys():
            self._environ.pop(key, None)
        for key, value in after.items():
            if before.get(key) != value:
                self._environ[key] = value


class Response:
    """resp. status and headers are set by start_response; the server may add fields of its own."""

    def __init__(self, request: Request, cfg: Any) -> None:
        self.req = request
        self.cfg = cfg
        self.version = "rhebok"
        self.status: str | None = None
        self.status_code: int | None = None
        self.headers: Fields = []
        self.headers_sent = False
        self.response_length: int | None = None  # by the application's Content-Length
        self.sent = 0  # bytes of the body
        self.chunked = False
        self.must_close = False
        self.upgrade = False

    def noting(self, start_response: Callable[..., Any]) -> Callable[..., Any]:
        """start_response, which notes what it is given. What it refuses is not noted."""

        def noted(status: str, headers: Fields, exc_info: Any = None) -> Any:
            write = start_response(status, headers, exc_info)
            self._note(status, headers)
            return write

        return noted

    def ended(self, sent: int) -> None:
        self.sent = sent
        self.headers_sent = self.status is not None

    def should_close(self) -> bool:
        return self.must_close or self.req.should_close()

    def _note(self, status: str, headers: Fields) -> None:
        self.status, self.headers = status, list(headers)
        self.status_code = int(status[:3])
        lengths = [value for name, value in headers if name.lower() == "content-length"]
        self.response_length = int(lengths[0]) if lengths else None


def _parts(uri: str) -> tuple[str, str, str]:
    """Path, query and fragment. A target may be a whole URL."""
    if not uri.startswith("/") and "://" in uri:
        rest = uri.partition("://")[2]
        uri = rest[rest.find("/") :] if "/" in rest else "/"
    rest, _, fragment = uri.partition("#")
    path, _, query = rest.partition("?")
    return path, query, fragment


def _version(protocol: str) -> tuple[int, int]:
    major, _, minor = protocol.removeprefix("HTTP/").partition(".")
    return int(major), int(minor or 0)


def _fields(environ: Environ) -> Fields:
    bare = [(name, environ[key]) for name, key in _BARE.items() if environ.get(key)]
    rest = [(key[5:].replace("_", "-"), value) for key, value in environ.items() if key.startswith("HTTP_")]
    return rest + bare


def _joined(fields: Fields) -> dict[str, str]:
    """By the keys of the environ."""
    found: dict[str, str] = {}
    for name, value in fields:
        upper = name.upper()
        key = _BARE.get(upper) or "HTTP_" + upper.replace("-", "_")
        found[key] = f"{found[key]},{value}" if key in found and upper not in _BARE else value
    return found
