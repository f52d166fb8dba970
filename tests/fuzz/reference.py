"""reference.h through ctypes: what a stream of bytes asks for, as the server reads it.

Used by h11_differential.py."""

import ctypes
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from unit.strict_parser import CField, CHead, CLimits  # noqa: E402  (a module of the folder above)

LIMIT = 1 << 20
MAX_FIELDS = 16


class CTarget(ctypes.Structure):
    _fields_ = (
        ("form", ctypes.c_int),
        ("path", ctypes.c_void_p),
        ("path_len", ctypes.c_size_t),
        ("query", ctypes.c_void_p),
        ("query_len", ctypes.c_size_t),
        ("authority", ctypes.c_void_p),
        ("authority_len", ctypes.c_size_t),
    )


class CFraming(ctypes.Structure):
    _fields_ = (
        ("status", ctypes.c_int),
        ("reason", ctypes.c_char_p),
        ("body", ctypes.c_int),
        ("content_length", ctypes.c_uint64),
        ("keep_alive", ctypes.c_bool),
        ("expect_continue", ctypes.c_bool),
        ("upgrade", ctypes.c_bool),
        ("host", ctypes.c_void_p),
        ("host_len", ctypes.c_size_t),
    )


class CReference(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_int),
        ("status", ctypes.c_int),
        ("other_status", ctypes.c_int),
        ("head", CHead),
        ("fields", CField * MAX_FIELDS),
        ("target", CTarget),
        ("framing", CFraming),
        ("head_len", ctypes.c_size_t),
        ("path", ctypes.c_void_p),
        ("path_len", ctypes.c_size_t),
        ("body", ctypes.c_void_p),
        ("body_len", ctypes.c_size_t),
        ("used", ctypes.c_size_t),
    )


@dataclass(frozen=True)
class Request:
    """One whole request; used counts its bytes in the stream."""

    method: bytes
    target: bytes
    version: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes
    keep_alive: bool
    used: int


@dataclass(frozen=True)
class Refused:
    status: int


@cache
def library() -> ctypes.CDLL:
    command = ["make", "--no-print-directory", "-s", "-C", str(HERE), "build/libreference.so"]
    subprocess.run(command, check=True)
    lib = ctypes.CDLL(str(HERE / "build" / "libreference.so"))
    lib.reference_next.restype = None
    lib.reference_next.argtypes = (
        ctypes.POINTER(CReference),
        ctypes.POINTER(CLimits),
        ctypes.c_uint64,
        ctypes.c_char_p,
        ctypes.c_size_t,
    )
    lib.reference_free.argtypes = (ctypes.POINTER(CReference),)
    lib.reference_free.restype = None
    return lib


def read_next(stream: bytes) -> Request | Refused | None:
    """The next request, its refusal, or None when it is not whole."""
    found = CReference()
    library().reference_next(found, CLimits(LIMIT, LIMIT, LIMIT), 0, stream, len(stream))
    try:
        return _outcome(found)
    finally:
        library().reference_free(found)


def _outcome(found: CReference) -> Request | Refused | None:
    if found.kind == 0:
        return None
    if found.kind == 2:
        return Refused(found.status)
    head = found.head
    return Request(
        ctypes.string_at(head.method, head.method_len),
        ctypes.string_at(head.target, head.target_len),
        b"1.%d" % head.minor_version,
        tuple(
            (ctypes.string_at(field.name, field.name_len), ctypes.string_at(field.value, field.value_len))
            for field in found.fields[: head.num_fields]
        ),
        ctypes.string_at(found.body, found.body_len) if found.body_len else b"",
        found.framing.keep_alive,
        found.used,
    )
