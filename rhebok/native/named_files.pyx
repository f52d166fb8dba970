# cython: binding=False
"""Files that the application names in its response, by X-Sendfile or X-Accel-Redirect, within --sendfile-root.

When the head of a response is about to be completed, `replace` looks whether it has such a field. Then the head is
written anew: with the application's own fields, but without this one, and with what the file and the request's
conditions and range say. The body of the application is not sent.
"""

import errno as errors
import os
from io import FileIO
from urllib.parse import unquote_to_bytes

cimport cython
from libc.stdint cimport uint64_t
from libc.string cimport memset

from .csrc cimport (
    RHB_FRAME_NONE,
    phr_request_head,
    rhb_bytes_append,
    rhb_head_has_field,
    rhb_named_file,
    rhb_named_file_open,
    rhb_named_file_status,
    rhb_open_file_free,
)
from .exchange cimport Exchange
from .response_head cimport write_fields

cdef str TEXT = "text/plain; charset=utf-8"
cdef dict STATUS_LINES = {
    200: "200 OK", 206: "206 Partial Content", 304: "304 Not Modified", 404: "404 Not Found",
    412: "412 Precondition Failed", 416: "416 Range Not Satisfiable", 500: "500 Internal Server Error",
    503: "503 Service Unavailable",
}
# By the reason that a file cannot be opened, where that is no fault of the application.
cdef dict STATUS_WITHOUT = {errors.ENOENT: 404, errors.EMFILE: 503, errors.ENFILE: 503, errors.ENOMEM: 503}
# What described the application's own body.
cdef frozenset OF_THE_BODY = frozenset(("content-length", "content-range", "x-sendfile", "x-accel-redirect"))
# What describes the file, when it is not sent (RFC 9110 section 15.4.5). Content-Location is not among them, nor is
# Content-Security-Policy.
cdef frozenset OF_THE_FILE = frozenset((
    "content-type", "content-encoding", "content-language", "content-disposition", "content-range", "content-digest",
    "content-md5",
))
# What would let a cache keep an answer.
cdef frozenset OF_CACHES = frozenset((
    "cache-control", "expires", "age", "pragma", "surrogate-control", "cdn-cache-control", "cache-tag", "surrogate-key",
    "x-accel-expires", "etag", "last-modified", "accept-ranges", "content-location",
))


@cython.final
cdef class NamedFiles:
    """NamedFiles(roots, logger). roots: as the setting --sendfile-root, at least one. logger: for errors."""

    def __cinit__(self, roots, logger):
        self.logger = logger
        self.paths = []
        self.urls = []
        for url, path in roots:
            root = os.fsencode(path)
            if url:
                self.urls.append((os.fsencode(url), root))
            else:
                # a root may be named by a symbolic link, and a file by what that leads to
                self.paths += [(named, root) for named in dict.fromkeys((root, os.path.realpath(root)))]
        self.urls.sort(key=len_of_url, reverse=True)
        self.fields = (((b"x-sendfile",) if self.paths else ()) + ((b"x-accel-redirect",) if self.urls else ()))

    def replace(self, Exchange exchange):
        """replace(exchange: Exchange) -> int: if the head names a file, writes it anew, and returns the length of
        the body that `put` puts behind it; otherwise -1."""
        cdef bytes field
        if not exchange.head.started:
            return -1
        for field in self.fields:
            if rhb_head_has_field(&exchange.head.written, field, len(field)):
                return replace_head(self, exchange, field)
        return -1

    def put(self, Exchange exchange):
        """put(exchange: Exchange) -> None: behind its head, which is complete, the file, or the text in its place, and
        not what the application has returned."""
        cdef bytes text = exchange.named_text
        exchange.iterator = None
        if exchange.body.framing == RHB_FRAME_NONE:
            return
        if exchange.named_file is not None:
            exchange.outgoing.put_file(exchange.named_file.fileno(), exchange.named_at, exchange.body.left)
            return
        if not rhb_bytes_append(&exchange.outgoing.out, <const char *>text, len(text)):
            raise MemoryError
        exchange.body.left = 0
        exchange.body.size = len(text)

    def blocks(self, file, left):
        """blocks(file: FileIO, left: int) -> Iterator[bytes]: of a file that sendfile(2) cannot send."""
        return blocks_of(file, left)

    cdef tuple find(self, bytes field, bytes value):
        """(root, path below it) of the file; None when it is in none of the roots."""
        if field == b"x-sendfile":
            return below(self.paths, value, b"/")
        return below(self.urls, unquote_to_bytes(value.partition(b"?")[0]), b"")


def blocks_of(file, left):
    """blocks_of(file: FileIO, left: int) -> Iterator[bytes]: so many bytes of the file."""
    while left > 0:
        block = file.read(min(left, 65536))
        if not block:
            return
        left -= len(block)
        yield block


# ---- where the file is ----

def len_of_url(pair):
    return len(pair[0])


cdef tuple below(list roots, bytes path, bytes slash):
    for named, root in roots:
        prefix = named.rstrip(b"/") + slash if slash else named
        if path.startswith(prefix):
            rest = path[len(prefix):]
            if b"\0" not in rest and not {b"", b".", b".."}.intersection(rest.split(b"/")):
                return root, rest
    return None


# ---- the head ----

cdef object replace_head(NamedFiles files, Exchange exchange, bytes field):
    cdef list headers = fields_of(exchange)
    cdef str name = field.decode("ascii")
    cdef str value = next(text for key, text in headers if key.lower() == name)
    cdef rhb_named_file named
    cdef bytes raw = value.encode("latin-1")
    cdef bytes root, path
    cdef int error = -errors.EPERM
    memset(&named, 0, sizeof(named))
    exchange.named = True
    exchange.named_text = b""
    found = files.find(field, raw)
    if found is not None:
        root, path = found
        error = rhb_named_file_open(&named, root, path)
        if error == -errors.ENOENT and not raw.isascii():  # Django hands over text as latin-1
            found = files.find(field, value.encode("utf-8"))
            if found is not None:
                root, path = found
                error = rhb_named_file_open(&named, root, path)
    if error != 0:
        reason = "in no --sendfile-root" if error == -errors.EPERM else os.strerror(-error)
        files.logger.error("the file of the response to %s cannot be sent: %s %r: %s",
                           exchange.describe(), name, value, reason)
        return write_text(exchange, STATUS_WITHOUT.get(-error, 500), [])
    return write_for_file(exchange, &named, headers)


cdef list fields_of(Exchange exchange):
    """The fields of the head that is written, as start_response got them."""
    cdef bytes written = exchange.outgoing.out.data[exchange.head.written.start:exchange.outgoing.out.len]
    cdef list headers = []
    for line in written.rstrip(b"\r\n").split(b"\r\n")[1:]:
        name, _, value = line.decode("latin-1").partition(": ")
        headers.append((name, value))
    if exchange.head.written.app_closes:
        headers.append(("Connection", "close"))
    return headers


cdef str value_of(list headers, str name):
    """Of the first field of this name, in lower case; empty when there is none."""
    return next((value for key, value in headers if key.lower() == name), "")


cdef object write_text(Exchange exchange, int status, list headers):
    """A text of the server's own in place of the file. Nothing of the application's but `headers`."""
    cdef bytes text = STATUS_LINES[status][4:].encode("ascii") + b"\n"
    exchange.named_text = text
    write_fields(&exchange.head, exchange.outgoing, STATUS_LINES[status], [("Content-Type", TEXT), *headers])
    return len(text)


cdef object write_for_file(Exchange exchange, rhb_named_file *named, list headers):
    """Frees what `named` has, or gives it to the exchange."""
    cdef int status = exchange.head.written.status
    cdef str line = written_status(exchange)
    cdef list kept = [(key, value) for key, value in headers if key.lower() not in OF_THE_BODY]
    try:
        if status in (200, 206) and reads(exchange.request_head()):
            status = decide(exchange, named, kept)
            line = STATUS_LINES[status]
            add_missing(kept, named)
        elif status not in (204, 205, 304):
            add_type(kept, named)
        return write_decided(exchange, named, status, line, kept)
    finally:
        rhb_open_file_free(&named.file)


cdef object write_decided(Exchange exchange, rhb_named_file *named, int status, str line, list kept):
    cdef uint64_t first = named.part.first, length = named.part.length, size = named.file.size
    if status == 412:
        return write_text(exchange, status, without_reuse(kept))
    if status == 416:
        return write_text(exchange, status, [*without_reuse(kept), ("Content-Range", f"bytes */{size}")])
    if status == 304:
        write_fields(&exchange.head, exchange.outgoing, line, without_content(kept))
        return 0
    if status == 206:
        kept.append(("Content-Range", f"bytes {first}-{first + length - 1}/{size}"))
    kept.append(("Content-Length", str(length)))  # also of an empty file, to HEAD
    write_fields(&exchange.head, exchange.outgoing, line, kept)
    if named.file.fd >= 0:
        exchange.named_file = FileIO(named.file.fd, "rb")  # which closes it
        named.file.fd = -1
    exchange.named_at = first
    return length


cdef str written_status(Exchange exchange):
    """The application's status line, without the version."""
    cdef bytes written = exchange.outgoing.out.data[exchange.head.written.start:exchange.outgoing.out.len]
    return written.partition(b"\r\n")[0].partition(b" ")[2].decode("latin-1")


cdef list without_content(list headers):
    """Without the fields of a body that is not sent."""
    return [(key, value) for key, value in headers if key.lower() not in OF_THE_FILE]


cdef list without_reuse(list headers):
    """Those of an answer to the fields of one client. What the application has said of its file for caches is left out:
    one that keeps the refusal under the URL gives it to everybody."""
    return [*[(key, value) for key, value in without_content(headers) if key.lower() not in OF_CACHES],
            ("Cache-Control", "no-store")]


cdef bint reads(const phr_request_head *head) except -1:
    return head is not NULL and (head.method[:head.method_len] == b"GET" or head.method[:head.method_len] == b"HEAD")


cdef int decide(Exchange exchange, rhb_named_file *named, list headers) except -1:
    """The status, by the validators of the response, or by those of the file."""
    cdef bytes etag = value_of(headers, "etag").encode("latin-1")
    cdef bytes modified = value_of(headers, "last-modified").encode("latin-1")
    return rhb_named_file_status(named, etag, len(etag), modified, len(modified), exchange.request_head())


cdef int add_type(list headers, rhb_named_file *named) except -1:
    if not any(key.lower() == "content-type" for key, _ in headers):
        headers.append(("Content-Type", named.type.decode("ascii")))
    return 0


cdef int add_missing(list headers, rhb_named_file *named) except -1:
    """What the application has not said of the file."""
    cdef set there = {key.lower() for key, _ in headers}
    cdef str modified = named.modified.decode("ascii")
    add_type(headers, named)
    for key, value in (("ETag", named.file.etag.decode("ascii")), ("Last-Modified", modified),
                       ("Accept-Ranges", "bytes")):
        if value and key.lower() not in there:
            headers.append((key, value))
    return 0
