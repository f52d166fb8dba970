"""The strict parser (csrc/picohttpparser/strict.h) through ctypes, for tests that compare it with another."""

import ctypes
from dataclasses import dataclass
from functools import cache

from unit.c_build import build

MAX_FIELDS = 64
LIMIT = 1 << 20


class CField(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_len", ctypes.c_size_t),
        ("value", ctypes.c_void_p),
        ("value_len", ctypes.c_size_t),
    )


class CHead(ctypes.Structure):
    _fields_ = (
        ("method", ctypes.c_void_p),
        ("method_len", ctypes.c_size_t),
        ("target", ctypes.c_void_p),
        ("target_len", ctypes.c_size_t),
        ("minor_version", ctypes.c_int),
        ("fields", ctypes.POINTER(CField)),
        ("num_fields", ctypes.c_size_t),
    )


class CLimits(ctypes.Structure):
    _fields_ = (("line", ctypes.c_size_t), ("head", ctypes.c_size_t), ("field", ctypes.c_size_t))


class CChunked(ctypes.Structure):
    _fields_ = (
        ("max_extension", ctypes.c_size_t),
        ("max_trailer", ctypes.c_size_t),
        ("chunk_left", ctypes.c_uint64),
        ("used", ctypes.c_size_t),
        ("state", ctypes.c_uint8),
        ("digits", ctypes.c_uint8),
        ("extension", ctypes.c_uint8),
    )


@dataclass(frozen=True)
class Head:
    """A head that was accepted."""

    method: bytes
    target: bytes
    version: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    consumed: int


@cache
def library() -> ctypes.CDLL:
    lib = ctypes.CDLL(str(build("libphr.so")))
    lib.phr_parse_request_strict.restype = ctypes.c_int
    lib.phr_parse_request_strict.argtypes = (
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.POINTER(CLimits),
        ctypes.POINTER(CHead),
        ctypes.c_size_t,
    )
    lib.phr_decode_chunked_strict.restype = ctypes.c_ssize_t
    lib.phr_decode_chunked_strict.argtypes = (
        ctypes.POINTER(CChunked),
        ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_size_t),
    )
    return lib


def parse(wire: bytes) -> Head | int:
    """The head, or the negative result."""
    buf = ctypes.create_string_buffer(wire, len(wire)) if wire else ctypes.create_string_buffer(1)
    fields = (CField * MAX_FIELDS)()
    head = CHead(fields=fields, num_fields=MAX_FIELDS)
    limits = CLimits(LIMIT, LIMIT, LIMIT)
    result: int = library().phr_parse_request_strict(buf, len(wire), limits, head, 0)
    if result < 0:
        return result
    return Head(
        ctypes.string_at(head.method, head.method_len),
        ctypes.string_at(head.target, head.target_len),
        b"1.%d" % head.minor_version,
        tuple(
            (ctypes.string_at(f.name, f.name_len), ctypes.string_at(f.value, f.value_len))
            for f in fields[: head.num_fields]
        ),
        result,
    )


def decode_chunked(wire: bytes) -> tuple[bytes, bytes] | int:
    """The data and what was left behind the end, or the negative result."""
    buf = ctypes.create_string_buffer(wire, len(wire)) if wire else ctypes.create_string_buffer(1)
    size = ctypes.c_size_t(len(wire))
    decoder = CChunked(max_extension=LIMIT, max_trailer=LIMIT)
    left: int = library().phr_decode_chunked_strict(decoder, buf, size)
    if left < 0:
        return left
    return buf.raw[: size.value], buf.raw[size.value : size.value + left]
