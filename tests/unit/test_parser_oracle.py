"""h11 as an independent oracle of the strict parser: what that accepts, h11 accepts and reads the same way.

The exceptions, all of them ours:
- One empty line before the request line is skipped (RFC 9112 section 2.2); h11 refuses it.
- Bytes from 0x80 up are taken in a target; h11 refuses them.
- White space between the size of a chunk and its extension is skipped (RFC 9112 section 7.1.1); h11 refuses
  it.
- h11 judges Host, Content-Length and Transfer-Encoding while it parses; here the framing policy does
  (csrc/http_framing.c).

The other way round much differs on purpose: STRICTER lists it.
"""

import re

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unit.strict_parser import Head, decode_chunked, library, parse

# The machine is shared: no example is judged by its time.
steady = settings(deadline=None)
mutations = settings(deadline=None, max_examples=600)

INCOMPLETE = -2
BAD = -1
METHOD_TOO_LONG = -8

TCHAR = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
VISIBLE = bytes(range(0x21, 0x7F))
TEXT = VISIBLE + bytes(range(0x80, 0x100))
# What mutations put in: the bytes that parsers disagree about.
SPICE = b'\r\n\0\t :;\x0b\x0c\x1c\x7f\x80\xff,="0aZ/'


@pytest.fixture(scope="module", autouse=True)
def built_library() -> None:
    """So that no example pays for the build."""
    library()


def strings(alphabet: bytes, min_size: int, max_size: int) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(alphabet), min_size=min_size, max_size=max_size).map(bytes)


blanks = strings(b" \t", 0, 3)
tokens = strings(TCHAR, 1, 40)
values = st.builds(
    lambda words, gap: gap.join(words),
    st.lists(strings(TEXT, 1, 40), max_size=3),
    strings(b" \t", 1, 2),
)
# Names that h11 judges would only be in the way.
names = tokens.filter(lambda name: name.lower() not in (b"host", b"content-length", b"transfer-encoding"))
methods = st.one_of(st.sampled_from([b"GET", b"HEAD", b"POST", b"OPTIONS"]), strings(TCHAR, 1, 32))
targets = st.one_of(
    st.just(b"/"),
    st.builds(lambda rest: b"/" + rest, strings(VISIBLE, 0, 80)),
    strings(VISIBLE, 1, 40),
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, Head]:
    """A well-formed head, and what is in it."""
    fields = [(b"Host", b"example.org"), *draw(st.lists(st.tuples(names, values), max_size=6))]
    method, target, version = draw(methods), draw(targets), draw(st.sampled_from([b"1.0", b"1.1"]))
    wire = method + b" " + target + b" HTTP/" + version + b"\r\n"
    for name, value in fields:
        wire += name + b":" + draw(blanks) + value + draw(blanks) + b"\r\n"
    wire += b"\r\n"
    return wire, Head(method, target, version, tuple(fields), len(wire))


@st.composite
def extensions(draw: st.DrawFn) -> bytes:
    """One extension of a chunk. White space before the first one is not for h11, see loose_size()."""
    value = draw(st.one_of(st.none(), strings(TCHAR, 1, 6), strings(TEXT, 0, 6)))
    wire = b";" + draw(blanks) + draw(strings(TCHAR, 1, 6))
    if value is None:
        return wire
    if not value or set(value) - set(TCHAR):
        value = b'"' + re.sub(rb'(["\\])', rb"\\\1", value) + b'"'
    return wire + draw(blanks) + b"=" + draw(blanks) + value


def loose_size(wire: bytes) -> bool:
    """Whether there may be white space between a size and its extension, which h11 refuses."""
    return re.search(rb"[0-9A-Fa-f][ \t]+;", wire) is not None


@st.composite
def chunked_bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A well-formed chunked body, and its data."""
    chunks = draw(st.lists(st.binary(min_size=1, max_size=40), max_size=4))
    some = st.lists(extensions(), max_size=2).map(b"".join)
    wire = b""
    for chunk in [*chunks, b""]:
        size = draw(st.sampled_from([b"%x", b"%X", b"%03x"])) % len(chunk)
        wire += size + draw(some) + b"\r\n" + chunk + (b"\r\n" if chunk else b"")
    for name, value in draw(st.lists(st.tuples(names, values), max_size=2)):
        wire += name + b": " + value + b"\r\n"
    return wire + b"\r\n", b"".join(chunks)


@st.composite
def mutated(draw: st.DrawFn, wires: st.SearchStrategy[bytes]) -> bytes:
    """A wire with a few bytes replaced, put in or taken out, and perhaps something behind it."""
    wire = bytearray(draw(wires))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(wire)))
        gone = draw(st.integers(0, 2))
        wire[at : at + gone] = draw(strings(SPICE, 0, 2))
    return bytes(wire) + draw(st.sampled_from([b"", b"", b"\r\n", b"next"]))


def h11_reads(wire: bytes) -> Head | None:
    """What h11 makes of a head; None when it wants more. Raises h11.RemoteProtocolError."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(wire)
    event = connection.next_event()
    if not isinstance(event, h11.Request):
        return None
    left, _ = connection.trailing_data
    return Head(
        event.method,
        event.target,
        event.http_version,
        tuple((bytes(name), bytes(value)) for name, value in event.headers.raw_items()),
        len(wire) - len(left),
    )


def h11_decodes(body: bytes) -> tuple[bytes, bytes] | None:
    """Data and what is left; None when h11 wants more. Raises h11.RemoteProtocolError."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert isinstance(connection.next_event(), h11.Request)
    data = b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.EndOfMessage):
            return data, connection.trailing_data[0]
        if not isinstance(event, h11.Data):
            return None
        data += bytes(event.data)


def judged_by_framing(head: Head) -> bool:
    """Whether fields decide that are not the parser's to judge."""
    lower = [name.lower() for name, _ in head.fields]
    return lower.count(b"host") != 1 or b"content-length" in lower or b"transfer-encoding" in lower


@steady
@given(requests())
def test_well_formed_heads_are_read_as_they_were_made(made: tuple[bytes, Head]) -> None:
    wire, head = made
    assert parse(wire) == head
    assert h11_reads(wire) == head


@steady
@given(requests(), st.data())
def test_a_part_of_a_well_formed_head_is_incomplete(made: tuple[bytes, Head], data: st.DataObject) -> None:
    wire, _ = made
    assert parse(wire[: data.draw(st.integers(0, len(wire) - 1))]) == INCOMPLETE


@mutations
@given(mutated(requests().map(lambda made: made[0])))
@example(b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
@example(b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n")
@example(b"GET / HTTP/1.1\r\n\r\nHost: x\r\n\r\n")
def test_h11_accepts_and_reads_alike_whatever_is_accepted(wire: bytes) -> None:
    ours = parse(wire)
    if not isinstance(ours, Head) or judged_by_framing(ours) or max(ours.target) >= 0x80:
        return
    skipped = 2 if wire.startswith(b"\r\n") else 0
    theirs = h11_reads(wire[skipped:])
    assert theirs is not None
    assert ours == Head(
        theirs.method, theirs.target, theirs.version, theirs.fields, theirs.consumed + skipped
    )


@steady
@given(chunked_bodies(), st.sampled_from([b"", b"GET / HTTP/1.1\r\n"]))
def test_well_formed_chunked_bodies_are_decoded(made: tuple[bytes, bytes], rest: bytes) -> None:
    wire, data = made
    assert decode_chunked(wire + rest) == (data, rest)
    assert h11_decodes(wire + rest) == (data, rest)


@mutations
@given(mutated(chunked_bodies().map(lambda made: made[0])))
def test_h11_decodes_alike_whatever_is_decoded(wire: bytes) -> None:
    ours = decode_chunked(wire)
    if isinstance(ours, int):
        return
    lower = wire.lower()
    if b"content-length" in lower or b"transfer-encoding" in lower:
        return  # h11 judges these in trailers too
    if loose_size(wire):
        return
    assert h11_decodes(wire) == ours


# What h11 accepts and the strict parser refuses.
STRICTER = {
    "bare LF behind the request line": b"GET / HTTP/1.1\nHost: x\r\n\r\n",
    "bare LF behind a field": b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
    "bare LF for the empty line": b"GET / HTTP/1.1\r\nHost: x\r\n\n",
    "folding": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "control in a value": b"GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n",
    "DEL in a value": b"GET / HTTP/1.1\r\nHost: x\r\nA: \x7f\r\n\r\n",
}
STRICTER_CHUNKED = {
    "white space behind a size": b"1 \r\na\r\n0\r\n\r\n",
    "16 digits": b"0000000000000001\r\na\r\n0\r\n\r\n",
    "extension without a name": b"1;\r\na\r\n0\r\n\r\n",
    "quotes without an end": b'1;a="b\r\na\r\n0\r\n\r\n',
    "control in an extension": b"1;\x01\r\na\r\n0\r\n\r\n",
    "bare LF in the trailers": b"0\r\nA: b\n\r\n",
    "folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
}


@pytest.mark.parametrize("wire", STRICTER.values(), ids=STRICTER.keys())
def test_heads_that_h11_accepts_are_refused_here(wire: bytes) -> None:
    assert h11_reads(wire) is not None
    assert parse(wire) == BAD


def test_a_method_that_h11_accepts_is_too_long_here() -> None:
    wire = b"A" * 33 + b" / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert h11_reads(wire) is not None
    assert parse(wire) == METHOD_TOO_LONG


@pytest.mark.parametrize("wire", STRICTER_CHUNKED.values(), ids=STRICTER_CHUNKED.keys())
def test_chunked_bodies_that_h11_decodes_are_refused_here(wire: bytes) -> None:
    assert h11_decodes(wire) is not None
    assert decode_chunked(wire) == BAD
