"""Bytes of the wire as str, and back; inline, for the modules of native."""

from libc.string cimport memcmp

cdef extern from "Python.h":
    str PyUnicode_DecodeLatin1(const char *s, Py_ssize_t size, const char *errors)

cdef extern from "text.h":
    bint rhb_latin1(object text, const char **data, size_t *size)


cdef inline str latin1(const char *data, size_t size):
    return PyUnicode_DecodeLatin1(data, <Py_ssize_t>size, NULL)


cdef inline str decimal(unsigned value):
    """A port as text."""
    cdef char digits[10]
    cdef int at = sizeof(digits)
    while True:
        at -= 1
        digits[at] = <char>(c'0' + value % 10)
        value //= 10
        if value == 0:
            return latin1(&digits[at], sizeof(digits) - at)


cdef inline bint equals(object text, const char *data, size_t size) noexcept:
    """Whether text (latin-1) has just these bytes."""
    cdef const char *held = NULL
    cdef size_t held_size = 0
    rhb_latin1(text, &held, &held_size)
    return held_size == size and memcmp(held, data, size) == 0
