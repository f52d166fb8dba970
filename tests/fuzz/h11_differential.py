"""Mutated conformance cases, read by us and by h11. Invariant: of every request that we take, h11 says the
same to the last byte: method, target, version, fields, body, where the next request begins, and whether one
may come; and what we still wait for, h11 does not think is whole.

The exceptions, all of them ours:
- One empty line before the request line is skipped (RFC 9112 section 2.2); h11 refuses it.
- Bytes from 0x80 up are taken in a target; h11 refuses them.
- White space between the size of a chunk and its extension is skipped (RFC 9112 section 7.1.1); h11 refuses
  it.
- Content-Length and Transfer-Encoding in trailers are thrown away like all of them (RFC 9110 section 6.5.1);
  h11 judges them as if they stood in a head.
- Zeros in front of Content-Length are as many as the line may hold; h11 takes 20 digits.
- HTTP/1.0 with keep-alive is kept alive; h11 never does that.

    python3 h11_differential.py SECONDS [SEED]

test_h11_differential.py runs a fixed count of mutations.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import h11

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "conformance")]

from cases import load  # noqa: E402  (modules of this folder and of the one above)
from reference import MAX_FIELDS, Refused, Request, read_next  # noqa: E402

MAX_INPUT = 2000
MAX_REQUESTS = 5  # of one stream

SPICE = (
    b"\r\n", b"\r", b"\n", b"\0", b"\t", b" ", b":", b";", b",", b"=", b'"', b"\x0b", b"\x0c", b"\x1c",
    b"\x7f", b"\x80", b"\xff", b"0", b"1", b"5", b"a", b"f", b"G", b"%2f", b"0\r\n\r\n", b"\r\n\r\n",
    b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: a\r\n",
    b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Expect: 100-continue\r\n", b"X-A: b\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.0", b"5\r\nhello\r\n",
)  # fmt: skip


class Disagreement(AssertionError):
    """We and h11 read one stream in two ways."""


def seeds() -> list[bytes]:
    return sorted({case.raw for case in load() if 0 < len(case.raw) <= MAX_INPUT})


# ---- mutation ----


def pool_of(wires: Sequence[bytes]) -> list[bytes]:
    """What to mutate. Most cases are bad ones, of which little remains to compare: half are to be good."""
    good = [wire for wire in wires if isinstance(read_next(wire), Request)]
    return [*wires, *good * (len(wires) // len(good))]


def mutate(rng: random.Random, pool: Sequence[bytes]) -> bytes:
    """A case with one to three changes."""
    wire = rng.choice(pool)
    for _ in range(rng.randint(1, 3)):
        wire = rng.choice(MUTATIONS)(rng, wire, pool)
    return wire[:MAX_INPUT]


def _spiced(rng: random.Random, wire: bytes, pool: Sequence[bytes]) -> bytes:
    at = rng.randint(0, len(wire))
    return wire[:at] + rng.choice(SPICE) + wire[at + rng.choice((0, 0, 1, 2)) :]


def _cut(rng: random.Random, wire: bytes, pool: Sequence[bytes]) -> bytes:
    at = rng.randint(0, len(wire))
    return wire[:at] + wire[at + rng.randint(1, 8) :]


def _lines_moved(rng: random.Random, wire: bytes, pool: Sequence[bytes]) -> bytes:
    """A line taken from another case, or from this one, put somewhere else."""
    lines, others = wire.split(b"\r\n"), rng.choice((wire, rng.choice(pool))).split(b"\r\n")
    lines.insert(rng.randint(1, len(lines)), rng.choice(others))
    return b"\r\n".join(lines)


def _spliced(rng: random.Random, wire: bytes, pool: Sequence[bytes]) -> bytes:
    other = rng.choice(pool)
    return wire[: rng.randint(0, len(wire))] + other[rng.randint(0, len(other)) :]


def _pipelined(rng: random.Random, wire: bytes, pool: Sequence[bytes]) -> bytes:
    return wire + rng.choice(pool)


MUTATIONS = (_spiced, _spiced, _spiced, _cut, _lines_moved, _spliced, _pipelined)


# ---- h11 ----


def h11_next(stream: bytes) -> Request | None:
    """What h11 makes of the next request; None when it wants more. Raises h11.RemoteProtocolError."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(stream)
    head, body = connection.next_event(), b""
    if not isinstance(head, h11.Request):
        return None
    while isinstance(event := connection.next_event(), h11.Data):
        body += bytes(event.data)
    if not isinstance(event, h11.EndOfMessage):
        return None
    # Until it is answered, one that asks for another protocol may get it.
    connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
    return Request(
        head.method,
        head.target,
        head.http_version,
        tuple((bytes(name), bytes(value)) for name, value in head.headers.raw_items()),
        body,
        connection.their_state is not h11.MUST_CLOSE,
        len(stream) - len(connection.trailing_data[0]),
    )


def is_exception(ours: Request, stream: bytes) -> bool:
    """Whether h11 refuses what we take, for one of the reasons above."""
    lengths = [value for name, value in ours.fields if name.lower() == b"content-length"]
    behind = stream[: ours.used].lower().partition(b"\r\n\r\n")[2]
    is_chunked = any(name.lower() == b"transfer-encoding" for name, _ in ours.fields)
    in_trailers = b"content-length" in behind or b"transfer-encoding" in behind
    return (
        max(ours.target) >= 0x80
        or any(len(value) > 20 for value in lengths)
        or (is_chunked and re.search(rb"[0-9a-f][ \t]+;", behind) is not None)
        or (is_chunked and in_trailers)
    )


# ---- the comparison ----


def requests(stream: bytes) -> Iterator[tuple[Request | Refused | None, bytes]]:
    """Each request as we read it, with the stream that it is at the start of; last what ends them."""
    for _ in range(MAX_REQUESTS):
        ours = read_next(stream)
        yield ours, stream
        if not isinstance(ours, Request) or not ours.keep_alive:
            return
        stream = stream[ours.used :]


def compare(wire: bytes) -> int:
    """Raises Disagreement; otherwise how many requests both have read."""
    count = 0
    for ours, stream in requests(wire):
        if isinstance(ours, Request):
            compare_request(ours, stream)
            count += 1
        elif ours is None:
            compare_incomplete(stream)
    return count


def compare_request(ours: Request, stream: bytes) -> None:
    skipped = 2 if stream.startswith(b"\r\n") else 0
    if is_exception(ours, stream):
        return
    try:
        theirs = h11_next(stream[skipped:])
    except h11.RemoteProtocolError as error:
        raise Disagreement(f"h11 refuses {stream!r}: {error}; we read {ours}") from error
    if theirs is None:
        raise Disagreement(f"h11 waits for more of {stream!r}; we read {ours}")
    kept = theirs.keep_alive if ours.version == b"1.1" else ours.keep_alive
    theirs = replace(theirs, used=theirs.used + skipped, keep_alive=kept)
    ours = replace(ours, fields=tuple(_as_h11(name, value) for name, value in ours.fields))
    if theirs != ours:
        raise Disagreement(f"{stream!r}\n  we read   {ours}\n  h11 reads {theirs}")


def _as_h11(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """h11 hands out the coding in lower case."""
    return name, value.lower() if name.lower() == b"transfer-encoding" else value


def compare_incomplete(stream: bytes) -> None:
    skipped = 2 if stream.startswith(b"\r\n") else 0
    try:
        theirs = h11_next(stream[skipped:])
    except h11.RemoteProtocolError:
        return  # there is time yet
    if theirs is not None and len(theirs.fields) <= MAX_FIELDS:
        raise Disagreement(f"we wait for more of {stream!r}; h11 reads {theirs}")


def main(seconds: float, seed: int) -> None:
    rng, pool, until = random.Random(seed), pool_of(seeds()), time.monotonic() + seconds
    streams = accepted = 0
    while time.monotonic() < until:
        accepted += compare(mutate(rng, pool))
        streams += 1
    print(f"{streams} streams, {accepted} requests read alike, seed {seed}")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().getrandbits(32))
