"""Writes starting inputs for the fuzz targets, made of the conformance cases, in the input format that each
fuzz_*.c opens with. Called by `make seeds`: python3 seeds.py DIRECTORY."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "conformance"))

from cases import Case, load  # noqa: E402  (a module of the folder above)

MAX_SEED = 2000  # bytes; longer cases are about limits that the targets set lower

# fuzz_loop.c, enum step and enum behaviour_flag.
SEND, SEND_16, SHUT, CLOSE, READ, CONNECT, STEP, RUN, PASS, BEHAVIOUR, STOP, WAKE, FAULT, FILL = range(14)
CLOSES, HOLDS, PARTIAL_SENDS, LARGE, HUGE = 1, 2, 8, 32, 48

FORMATS = (
    '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
    "%(m)s %(U)s?%(q)s %(H)s %(B)s %(T)s %(M)s %(D)s %(L)s %(p)s %%",
    "%({host}i)s %({x-a}i)s %({content-type}o)s %({date}o)s %({wsgi.url_scheme}e)s %({REMOTE_ADDR}e)s",
)
RESPONSE = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n\r\n"
RESPONSE_HEADS: tuple[tuple[bytes, ...], ...] = (
    (b"200 OK", b"Content-Type\xfetext/plain", b"Content-Length\xfe12"),
    (b"204 No Content", b"Connection\xfeclose", b"X-A\xfe"),
    (b"304 Not Modified", b"Date\xfeSun, 06 Nov 1994 08:49:37 GMT", b"Server\xfemine"),
    (b"404 Not Found", b"Transfer-Encoding\xfechunked", b"Upgrade\xfeh2c", b"Content-Length\xfe5"),
    (
        b"200 OK",
        b"Trailer\xfea",
        b"TE\xfea",
        b"Keep-Alive\xfea",
        b"Proxy-Connection\xfea",
        b"Set-Cookie\xfea",
    ),
)


def split(raw: bytes) -> tuple[bytes, bytes]:
    """The head with its empty line, and what follows."""
    head, end, rest = raw.partition(b"\r\n\r\n")
    return head + end, rest


def target_of(raw: bytes) -> bytes:
    words = raw.split(b"\r\n", 1)[0].split(b" ")
    return words[1] if len(words) > 1 else raw


def hosts_of(raw: bytes) -> Iterator[bytes]:
    for line in raw.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"host":
            yield value.strip()


def is_chunked(raw: bytes) -> bool:
    return b"chunked" in split(raw)[0].lower()


def sending(data: bytes) -> bytes:
    if len(data) < 256:
        return bytes([SEND, len(data)]) + data
    return bytes([SEND_16]) + len(data).to_bytes(2, "big") + data


def script(*parts: int | bytes) -> bytes:
    return b"".join(bytes([part]) if isinstance(part, int) else part for part in parts)


def hand_written_scripts() -> Iterator[bytes]:
    """What no conformance case does. Options and steps are listed in fuzz_loop.c."""
    head = b"POST / HTTP/1.1\r\nHost: a\r\n"
    get = sending(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    post = sending(head + b"Content-Length: 100000\r\n\r\n")
    chunked = sending(head + b"Transfer-Encoding: chunked\r\n\r\nbb8\r\n")
    many = sending(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 40)
    late, much = 0x70 | PASS, 0xF0 | FILL
    yield script(8, HUGE, get, RUN, late, RUN, READ)  # a client that does not read in time
    yield script(8, HUGE, get, RUN, READ, RUN, CLOSE, RUN)
    yield script(64, HOLDS, get, RUN, get)  # the loop ends with a request in hand
    yield script(64 | 8, HUGE, get, RUN)  # and with an owner
    yield script(0, HOLDS, get, STEP | 0x20, CLOSE, RUN)
    for options in (32, 32 | 1):  # bodies in memory and in a file
        yield script(options, 0, post, RUN, much, RUN, much, RUN, much, RUN)
        yield script(options, 0, post, much, RUN, late, RUN)  # 408
        yield script(options, 0, chunked, FILL, RUN, sending(b"\r\n0\r\n\r\n"), RUN)
    yield script(0, 0, chunked, FILL, RUN)  # 413
    yield script(0, 0, chunked, RUN, FILL, RUN)
    yield script(0, 0, many, CONNECT, RUN, READ)
    yield script(8, 0, get, RUN, BEHAVIOUR, HUGE, get, RUN, READ, RUN)  # suspended when epoll knows it
    yield script(8, PARTIAL_SENDS | LARGE, get, RUN, get, RUN, READ, BEHAVIOUR, 0, get, RUN)
    for options in (0, 1):  # from memory to the file, and a next request right behind the body
        pieces = [b"5\r\nhello", b"\r\n20\r\n" + b"x" * 32, b"\r\n0\r\n\r\n"]
        pieces[2] += b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        wire = head + b"Transfer-Encoding: chunked\r\n\r\n"
        yield script(options, 0, *(sending(piece) + bytes([RUN]) for piece in (wire, *pieces)))
    pause = 0x20 | PASS
    for step in (get, sending(b"GET"), post):  # more than there may be; the byte's upper half is the client
        crowd = [bytes([number << 4 | step[0]]) + step[1:] for number in range(6)]
        yield script(128, 0, *(bytes([CONNECT]) + one + bytes([RUN]) for one in crowd))
        idle = [script(CONNECT, one, RUN) for one in crowd[:3]]
        yield script(128, 0, *idle, crowd[0], CONNECT, crowd[3], RUN)  # nobody has looked at the first one's
        yield script(128, 0, *[CONNECT] * 6, *(one + bytes([RUN, pause, RUN]) for one in crowd), late, RUN)
        yield script(128 | 32, 0, *[CONNECT] * 3, RUN, late, *[CONNECT] * 3, *crowd, RUN, crowd[5], RUN)
    for length in (20, 50, 2990):  # in blocks; more clients than may receive a large body at a time
        begun = sending(head + b"Content-Length: %d\r\n\r\nbegun" % length)
        rest = sending(b"x" * (length - 5))
        first, second = (
            [bytes([number << 4 | step[0]]) + step[1:] for number in range(8)] for step in (begun, rest)
        )
        eight = script(32, 128, *[CONNECT] * 8, *first)
        yield script(eight, RUN, *second, RUN, RUN)
        yield script(eight, *second, STEP | 0xF0, STEP | 0xF0, RUN)
        yield script(eight, STEP | 0xF0, *second, pause, RUN, *first, RUN, STOP, *second)
        three = script(32 | 128, 128, *[CONNECT] * 3, *first[:3])
        yield script(three, RUN, CLOSE, 0x10 | SHUT, second[2], RUN, late, RUN)
    line, wanted = b"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    for proxied in (
        line + wanted + wanted,
        b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\x03\4\0\0" + wanted,
        wanted,
        line + line,
    ):
        for at in (0, 5, 18, len(line), len(line) + 9):
            pieces = script(sending(proxied[:at]), RUN, sending(proxied[at:]), RUN, get, RUN, READ)
            yield script(0, 64, pieces)
            yield script(0, 64, sending(proxied[:at]), RUN, sending(proxied[at : len(line)]), RUN, get, RUN)
            yield script(0, 64, sending(proxied[:at]), RUN, STOP, RUN, sending(proxied[at:]), RUN)
            yield script(0, 64, RUN, sending(proxied[:at]), RUN, late, RUN, SHUT, RUN)
    for call in range(6):
        for which in (0, 1, 6, 9):
            fault = script(call << 4 | FAULT, which)
            yield script(49, PARTIAL_SENDS, fault, get, RUN, post, RUN, much, RUN, STOP)
            yield script(1, LARGE, get, RUN, CONNECT, fault, many, RUN, WAKE, RUN)


def loop_scripts(case: Case) -> Iterator[bytes]:
    """As the case sends it; in two halves with a slow application; behind a good request."""
    steps = [step for step in case.steps if isinstance(step, bytes)]
    ending = bytes([SHUT, RUN] if case.eof else [RUN, READ])
    good = b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n"
    half = len(case.raw) // 2
    yield b"\x00\x00" + b"".join(sending(step) + bytes([RUN]) for step in steps) + ending
    yield (
        bytes([1, HOLDS | PARTIAL_SENDS | LARGE]) + sending(case.raw[:half]) + bytes([RUN])
        + sending(case.raw[half:]) + ending
    )  # fmt: skip
    yield b"\x18\x00" + sending(good + case.raw) + bytes([RUN, STOP]) + ending


def log_inputs(case: Case) -> Iterator[bytes]:
    for text in FORMATS:
        yield b"\xff".join((text.encode(), split(case.raw)[0], RESPONSE, b"value", b"2" * 33))


def chunked_inputs(header: bytes) -> Callable[[Case], Iterator[bytes]]:
    def inputs(case: Case) -> Iterator[bytes]:
        if is_chunked(case.raw):
            yield header + split(case.raw)[1]

    return inputs


def target_inputs(case: Case) -> Iterator[bytes]:
    for text in (target_of(case.raw), *hosts_of(case.raw)):
        yield b"\x00" + text
        yield b"\x01" + text


READING_FIELDS = (
    "range", "if-match", "if-none-match", "if-range", "if-modified-since", "if-unmodified-since",
    "accept-encoding",
)  # fmt: skip


def reading_inputs(case: Case) -> Iterator[bytes]:
    for line in case.raw.split(b"\r\n"):
        name, _, value = line.partition(b": ")
        if (lower := name.decode("latin-1").lower()) in READING_FIELDS:
            yield bytes([10, READING_FIELDS.index(lower)]) + value
            yield bytes([10, READING_FIELDS.index(lower) | 0xF8]) + value


def file_path_inputs(case: Case) -> Iterator[bytes]:
    for prefix in (b"/static/", b"/only/"):
        if (target := target_of(case.raw)).startswith(prefix):
            yield target.removeprefix(prefix)


def forwarded_inputs(case: Case) -> Iterator[bytes]:
    if b"forwarded" in case.raw.lower():
        yield b"\x7f" + case.raw
        yield b"\xff" + case.raw


def lenient_inputs(case: Case) -> Iterator[bytes]:
    fields = case.raw.partition(b"\r\n")[2]
    yield b"\x00\x00" + case.raw
    yield b"\x01\x00HTTP/1.1 200 OK\r\n" + fields
    yield b"\x02\x00" + fields


INPUTS: dict[str, Callable[[Case], Iterable[bytes]]] = {
    "parse_strict": lambda case: (bytes(5) + case.raw, bytes([3, 40, 40, 25, 6]) + case.raw),
    "parse_lenient": lenient_inputs,
    "chunked_strict": chunked_inputs(b"\x00\x00\x00"),
    "chunked_lenient": chunked_inputs(b"\x01"),
    "framing": lambda case: (b"\x02" + case.raw,),
    "target": target_inputs,
    "forwarded": forwarded_inputs,
    "file_path": file_path_inputs,
    "reading": reading_inputs,
    "saved_head": lambda case: (case.raw,),
    "access_log": log_inputs,
    "loop": loop_scripts,
}


def proxy_headers() -> Iterator[bytes]:
    """Of both versions, whole and cut, good and bad; what follows is the first request."""
    lines = (
        b"TCP4 192.0.2.1 10.0.0.1 4711 80", b"TCP6 2001:db8::1 ::1 4711 80", b"UNKNOWN", b"UNKNOWN ffff::1 x",
        b"TCP4 ::1 ::1 1 2", b"TCP4 192.0.2.1 10.0.0.1 04711 80", b"TCP4 192.0.2.1 10.0.0.1 4711 80 ",
    )  # fmt: skip
    signature = b"\r\n\r\n\0\r\nQUIT\n"
    four = bytes([192, 0, 2, 1, 10, 0, 0, 1, 18, 103, 0, 80])
    addresses = {
        0x00: b"",
        0x11: four,
        0x12: four,
        0x21: bytes(15) + four + bytes(9),
        0x31: b"/run/a".ljust(216),
    }
    tlvs = (b"", b"\x04\0\0", b"\x01\0\2h2\x03\0\4abcd", b"\x04\0\5abcd", b"\x04\0")
    for line in lines:
        yield b"PROXY " + line + b"\r\nGET / HTTP/1.1\r\n"
        yield b"PROXY " + line + b"\n"
    for kind, block in addresses.items():
        for tlv in tlvs:
            behind = block + tlv
            for command in (0x20, 0x21):
                yield signature + bytes([command, kind]) + len(behind).to_bytes(2, "big") + behind + b"GET"


TRACING = (
    b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    b"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
    b"t=1512379167.574",
    b"1512379167574",
    b"t=1512379167574000",
    b"6f9619ff-8b86-d011-b42d-00cf4fc964ff",
)

CACHE_CONTROL = (
    b'public, max-age=60, s-maxage=61, stale-while-revalidate=5, stale-if-error="6"',
    b'private="a, b", no-cache="set-cookie", must-understand, no-store, x="\\", y"',
    b"max-age=60, max-age=61,,no-transform , proxy-revalidate;a;b=?1",
    b"only-if-cached, min-fresh=1, max-stale, max-stale=99999999999999999999",
    b'max-age=60+30;rhebok, no-store;other, content="ESI/1.0"',
    b"max-age=60, must-revalidate=?0, a=(b c);d, e=:Zg==:, f=-1.5",
)


def inputs(cases: Iterable[Case]) -> Iterator[tuple[str, bytes]]:
    """Every seed with the target that it is for."""
    for case in cases:
        if len(case.raw) > MAX_SEED:
            continue
        for target, make in INPUTS.items():
            for data in make(case):
                yield target, data
    for script in hand_written_scripts():
        yield "loop", script
    for header in proxy_headers():
        for versions in (1, 2, 3):
            yield "proxy_protocol", bytes([versions]) + header
    for value in TRACING:
        yield "tracing", value
    for value in CACHE_CONTROL:
        for reader in (b"\0", b"\1"):
            yield "cache_control", reader + value
    for lines in RESPONSE_HEADS:
        for flags in (0x1D, 0x00, 0x1F, 0x15):
            yield "response_head", bytes([flags, 0, flags]) + b"\xff".join(lines)


def write(directory: Path) -> None:
    for target, data in inputs(load()):
        folder = directory / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
