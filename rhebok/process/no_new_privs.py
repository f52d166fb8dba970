"""What setresuid(2) leaves of root's rights: programs with a set-user-ID bit (prctl(2), PR_SET_NO_NEW_PRIVS),
and capabilities where the securebits keep them (capabilities(7)). Called by identity."""

import ctypes
import os

_PR_GET_SECUREBITS = 27
_PR_SET_NO_NEW_PRIVS = 38
_NO_SETUID_FIXUP = 1 << 2
_VERSION_3 = 0x20080522

_LIBC = ctypes.CDLL(None, use_errno=True)


def set_no_new_privs() -> None:
    """For this process and all its descendants. Linux has it since 3.5; a failure changes nothing."""
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def drop_capabilities() -> None:
    """Of this thread, and so of those that it starts. Raises OSError."""
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    if _LIBC.capset(header, none) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def keeps_capabilities() -> bool:
    """Whether a change of the user leaves them as they are."""
    bits = _LIBC.prctl(_PR_GET_SECUREBITS, 0, 0, 0, 0)
    return bits > 0 and bool(bits & _NO_SETUID_FIXUP)  # -1: a kernel that has none
