"""What clients do while calls fail, and what they see in words: the statuses, and how the connection ended.

200 200      two answers, and the connection is open still
200 end      the answer said close, and the end came
400 end
closed       the end instead of an answer        torn     in the middle of one
reset        the same by a reset                 wrong    the answer before has another body
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from integration.apps.answers import blocks
from integration.http_client import Address, connect

LARGE = 300_000  # a response that takes several writes
HUGE = 8_000_000  # one that no socket takes at once
FITS = 20_000  # a body that stays in memory, and
SPILLS = 100_000  # one that does not, by
BODY_BUFFER = 32_768
BODY_LIMIT = 1 << 20

ENDINGS = ("closed", "torn", "reset")


class Talk:
    """One connection. After the end nothing is said or heard any more."""

    def __init__(self, address: Address) -> None:
        self.words: list[str] = []
        self._socket = connect(address)
        self._got = b""
        self._over = False

    def close(self) -> None:
        self._socket.close()

    def say(self, *parts: bytes) -> None:
        for part in parts:
            try:
                self._socket.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                return  # what the server said before can be heard still

    def hear(self, body: bytes = b"", to: str = "GET") -> bool:
        """Takes the next answer, whose body should be this. Whether it was one of 200, or a 100."""
        if self._over:
            return False
        while b"\r\n\r\n" not in self._got:
            if not self._more():
                return self._end("torn" if self._got else "closed")
        head, _, self._got = self._got.partition(b"\r\n\r\n")
        status = head[9:12].decode()
        if status == "100":
            self.words.append(status)
            return True
        fields = head.lower() + b"\r\n"
        said = self._body(fields)
        if said is None:
            return self._end("torn")
        self.words.append(status)
        if status == "200" and said != body:
            self.words.append("wrong")
        if b"\r\nconnection: close\r\n" in fields:
            if not self._over:
                while self._more():
                    pass
            self.words.append(self._reset or "end")
            self._over = True
        return status == "200"

    _reset = ""

    def _more(self) -> bool:
        if self._over:
            return False
        try:
            data = self._socket.recv(1 << 20)
        except ConnectionResetError:
            self._reset = "reset"
            data = b""
        self._got += data
        return data != b""

    def _end(self, how: str) -> bool:
        self.words.append(self._reset or how)
        self._over = True
        return False

    def _body(self, fields: bytes) -> bytes | None:
        length = re.search(rb"\r\ncontent-length: (\d+)\r\n", fields)
        if length:
            return self._take(int(length[1]))
        if b"\r\ntransfer-encoding: chunked\r\n" in fields:
            return self._chunks()
        while self._more():
            pass
        self._over = True
        return None if self._reset else self._got

    def _take(self, size: int) -> bytes | None:
        while len(self._got) < size:
            if not self._more():
                return None
        taken, self._got = self._got[:size], self._got[size:]
        return taken

    def _chunks(self) -> bytes | None:
        body = b""
        while True:
            while b"\r\n" not in self._got:
                if not self._more():
                    return None
            line, _, self._got = self._got.partition(b"\r\n")
            data = self._take(int(line, 16) + 2)
            if data is None:
                return None
            if data == b"\r\n":
                return body
            body += data[:-2]


def answer(size: int) -> bytes:
    return b"".join(blocks(size))


def get(path: str = "/", *fields: str, version: str = "1.1") -> bytes:
    return "\r\n".join([f"GET {path} HTTP/{version}", "Host: a", *fields, "", ""]).encode()


def post(size: int, *fields: str) -> tuple[bytes, bytes, bytes]:
    """Head, body and the answer to it."""
    body = answer(size)
    head = "\r\n".join(
        ["POST /checksum HTTP/1.1", "Host: a", *(fields or [f"Content-Length: {size}"]), "", ""]
    )
    return head.encode(), body, b"%08x" % zlib.crc32(body)


def chunked(body: bytes) -> bytes:
    parts = [body[at : at + 5000] for at in range(0, len(body), 5000)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


SMALL = answer(16)


def plain(talk: Talk) -> None:
    talk.say(get("/", "Connection: close"))
    talk.hear(SMALL)


def kept(talk: Talk) -> None:
    for _ in range(3):
        talk.say(get())
        talk.hear(SMALL)


def in_pieces(talk: Talk) -> None:
    """The second request, on a connection that epoll knows, comes in three pieces."""
    talk.say(get())
    talk.hear(SMALL)
    request = get("/", "X-Filler: " + 100 * "x")
    talk.say(request[:5], request[5:60], request[60:])
    talk.hear(SMALL)


def pipeline(talk: Talk) -> None:
    head, body, checksum = post(50)
    talk.say(get())
    talk.hear(SMALL)
    talk.say(get() + head + body + get("/?20") + get("/", "Connection: close"))
    for expected in (SMALL, checksum, answer(20), SMALL):
        talk.hear(expected)


def body_in_memory(talk: Talk) -> None:
    head, body, checksum = post(FITS)
    talk.say(head, body[:7000], body[7000:])
    if talk.hear(checksum):
        talk.say(head + body)
        talk.hear(checksum)


def body_in_a_file(talk: Talk) -> None:
    head, body, checksum = post(SPILLS)
    talk.say(head + body)
    talk.hear(checksum)


def chunks_in_memory(talk: Talk) -> None:
    head, body, checksum = post(FITS, "Transfer-Encoding: chunked")
    talk.say(head, chunked(body))
    talk.hear(checksum)


def chunks_in_a_file(talk: Talk) -> None:
    head, body, checksum = post(SPILLS, "Transfer-Encoding: chunked")
    talk.say(head + chunked(body))
    talk.hear(checksum)


def expectation(talk: Talk) -> None:
    head, body, checksum = post(FITS, "Expect: 100-continue", f"Content-Length: {FITS}")
    talk.say(head)
    if talk.hear():
        talk.say(body)
        talk.hear(checksum)


def refusal(talk: Talk) -> None:
    talk.say(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + 1000 * b"x")
    talk.hear()


def refusal_of_a_body(talk: Talk) -> None:
    talk.say(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (BODY_LIMIT + 1) + 1000 * b"x")
    talk.hear()


def large(path: str, version: str = "1.1") -> Callable[[Talk], None]:
    def exchange(talk: Talk) -> None:
        talk.say(get(f"{path}?{LARGE}", version=version))
        talk.hear(answer(LARGE))

    return exchange


def kept_and_large(talk: Talk) -> None:
    """The response that waits is on a connection that epoll knows."""
    talk.say(get())
    talk.hear(SMALL)
    talk.say(get(f"/list?{HUGE}"))
    talk.hear(answer(HUGE))


def gone_early(talk: Talk) -> None:
    talk.say(b"GET / HT")


def gone_in_mid_response(talk: Talk) -> None:
    talk.say(get(f"/generator?{20 * LARGE}"))


@dataclass(frozen=True)
class Exchange:
    happens: Callable[[Talk], None]
    normally: str

    def words(self, address: Address) -> str:
        talk = Talk(address)
        try:
            self.happens(talk)
        finally:
            talk.close()
        return " ".join(talk.words)


EXCHANGES = {
    "plain": Exchange(plain, "200 end"),
    "kept": Exchange(kept, "200 200 200"),
    "in-pieces": Exchange(in_pieces, "200 200"),
    "pipeline": Exchange(pipeline, "200 200 200 200 200 end"),
    "body-in-memory": Exchange(body_in_memory, "200 200"),
    "body-in-a-file": Exchange(body_in_a_file, "200"),
    "chunks-in-memory": Exchange(chunks_in_memory, "200"),
    "chunks-in-a-file": Exchange(chunks_in_a_file, "200"),
    "expectation": Exchange(expectation, "100 200"),
    "refusal": Exchange(refusal, "400 end"),
    "refusal-of-a-body": Exchange(refusal_of_a_body, "413 end"),
    "list": Exchange(large("/list"), "200"),
    "generator": Exchange(large("/generator"), "200"),
    "generator-to-1.0": Exchange(large("/generator", "1.0"), "200 end"),
    "file": Exchange(large("/file"), "200"),
    "kept-and-large": Exchange(kept_and_large, "200 200"),
    "write": Exchange(large("/write"), "200"),
    "gone-early": Exchange(gone_early, ""),
    "gone-in-mid-response": Exchange(gone_in_mid_response, ""),
}


def acceptable(words: str, normally: str, statuses: tuple[int, ...], may_end: bool) -> bool:
    """Whether the client saw what it normally sees, but for answers of these statuses and a visible end."""
    seen, usual = words.split(), normally.split()
    for at, word in enumerate(seen):
        told = word.isdigit() and int(word) in statuses
        last = at == len(seen) - 1
        if last and may_end and word in ENDINGS:
            return True
        if last and word == "end" and seen[at - 1].isdigit() and int(seen[at - 1]) in statuses:
            return True
        if not told and (at >= len(usual) or word != usual[at]):
            return False
    return len(seen) == len(usual)
