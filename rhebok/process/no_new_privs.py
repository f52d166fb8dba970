"""After a change of user no program that is executed gets more rights, by a set-user-ID bit for instance
(prctl(2), PR_SET_NO_NEW_PRIVS). Called by identity."""

import ctypes

_PR_SET_NO_NEW_PRIVS = 38

_LIBC = ctypes.CDLL(None)


def set_no_new_privs() -> None:
    """For this process and all its descendants. Linux has it since 3.5; a failure changes nothing."""
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
