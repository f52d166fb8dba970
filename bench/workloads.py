"""The workloads: one row each, with the request and the response that must come back.

bench/run.py picks rows by name, bench/wrk.py makes arguments of wrk from one, bench/client.py compares a
server's response with it, and the floor (bench/servers.py) sends the bytes that are made here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from bench.apps import bodies, hello
from bench.browser_headers import BROWSER_HEADERS, Headers


@dataclass(frozen=True)
class Workload:
    """One kind of request and the response that it must get."""

    name: str
    about: str
    app: str = "hello:application"
    method: str = "GET"
    headers: Headers = ()
    body_size: int = 0
    answer: bytes | None = hello.BODY  # None: only the status is checked
    answer_headers: Headers = tuple(hello.HEADERS)
    chunk_size: int = 0  # the floor's response has chunks of this size
    file: str = ""  # of the directory that is served at /static/; the application is not asked
    by_file: bool = False  # the floor sends the body by sendfile(2), as wsgi.file_wrapper lets a server do
    fixed: bool = True  # the floor can answer it without an application
    peers: frozenset[str] = frozenset({"wsgi"})  # kinds of server that can serve it, besides the floor
    mix: str = ""  # a rotation of requests by wrk.lua

    @property
    def path(self) -> str:
        """Of the request."""
        return f"/static/{self.file}" if self.file else "/"


def lengthy(size: int) -> Headers:
    """Response headers of a body of that size."""
    return (("Content-Type", "text/plain"), ("Content-Length", str(size)))


TEXT: Headers = (("Content-Type", "text/plain"),)
EVERYONE = frozenset({"wsgi", "rack", "nginx"})
MIB = 1 << 20
CACHED: Headers = (
    ("Cache-Control", "public, max-age=86400"),
    ("Age", "0"),
    ("Cache-Status", "rhebok; hit; ttl=86400"),
)
STATIC_FILES = {"1k": bodies.BODY_1M[:1024], "64k": bodies.BODY_64K, "1m": bodies.BODY_1M}

WORKLOADS: tuple[Workload, ...] = (
    Workload("hello", "12 bytes with Content-Length", peers=EVERYONE),
    Workload(
        "nolength",
        "the same from an iterator, without a length",
        app="hello:without_length",
        answer_headers=TEXT,
        chunk_size=12,
    ),
    Workload("browser", "hello, asked with 2 KB of headers", headers=BROWSER_HEADERS, peers=EVERYONE),
    Workload(
        "headers20",
        "hello under 20 response headers",
        app="hello:twenty_headers",
        answer_headers=tuple(hello.TWENTY),
    ),
    Workload(
        "post1k",
        "POST of 1 KiB, read by the application",
        app="bodies:sink",
        method="POST",
        body_size=1024,
        answer=b"1024",
        answer_headers=lengthy(4),
    ),
    Workload(
        "post1m",
        "POST of 1 MiB, read by the application",
        app="bodies:sink",
        method="POST",
        body_size=MIB,
        answer=b"1048576",
        answer_headers=lengthy(7),
    ),
    Workload(
        "body64k",
        "64 KiB in one block",
        app="bodies:body_64k",
        answer=bodies.BODY_64K,
        answer_headers=lengthy(65536),
    ),
    Workload(
        "body1m",
        "1 MiB in one block",
        app="bodies:body_1m",
        answer=bodies.BODY_1M,
        answer_headers=lengthy(MIB),
    ),
    Workload(
        "chunks100",
        "a generator of 100 blocks of 128 bytes",
        app="bodies:chunks_100",
        answer=bodies.CHUNK * bodies.CHUNKS,
        answer_headers=TEXT,
        chunk_size=128,
    ),
    Workload(
        "file1m",
        "a file of 1 MiB by wsgi.file_wrapper",
        app="bodies:file_1m",
        answer=bodies.BODY_1M,
        answer_headers=lengthy(MIB),
        by_file=True,
    ),
    *(
        Workload(
            f"static{size}",
            f"a static file of {size}",
            answer=content,
            answer_headers=lengthy(len(content)),
            file=f"{size}.txt",
            by_file=size == "1m",
            peers=frozenset({"nginx", "files"}),
        )
        for size, content in STATIC_FILES.items()
    ),
    *(
        Workload(
            f"cached{name}",
            f"a page of {name}, from the cache where there is one",
            app=f"bodies:cached_{name}",
            answer=bodies.BODY_1M[:size],
            answer_headers=(*CACHED, *lengthy(size)),
            peers=frozenset({"nginx", "cache"}),
        )
        for name, size in (("2k", 2048), ("200k", 204800))
    ),
    Workload("flask", "Flask's hello", app="flask_hello:application", fixed=False),
    Workload("django", "Django's hello", app="django_hello:application", fixed=False),
    Workload(
        "notes",
        "Flask and SQLite: eight pages, three lists, one insert",
        app="notes:application",
        fixed=False,
        answer=None,
        mix="notes",
    ),
)

BY_NAME = {workload.name: workload for workload in WORKLOADS}


def chunked(body: bytes, size: int) -> bytes:
    """The body in chunked coding (RFC 9112, 7.1)."""
    blocks = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(block), block) for block in blocks) + b"0\r\n\r\n"


def fixed_answer(workload: Workload, close: bool) -> bytes:
    """The bytes that the floor sends: as long as a server's response, and computed once."""
    headers = [("Server", "floor"), ("Date", "Sat, 21 Nov 2026 00:00:00 GMT"), *workload.answer_headers]
    body = workload.answer or b""
    if workload.chunk_size:
        headers.append(("Transfer-Encoding", "chunked"))
        body = chunked(body, workload.chunk_size)
    if close:
        headers.append(("Connection", "close"))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode("latin-1") + body


def fault_in_answer(workload: Workload, status: int, body: bytes) -> str | None:
    """What is wrong with a server's response, or None."""
    if status != 200:
        return f"status {status} instead of 200, body {body[:200]!r}"
    if workload.answer is None or body == workload.answer:
        return None
    digest = hashlib.sha256(body).hexdigest()[:12]
    return f"body of {len(body)} bytes (sha256 {digest}…) instead of {len(workload.answer)}: {body[:80]!r}"
