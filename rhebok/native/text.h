/* The bytes of a str, for the Cython modules. The ordinary case needs no function call. */
#ifndef RHB_TEXT_H
#define RHB_TEXT_H

#include <Python.h>

/* Whether text is a str of latin-1 characters only (PEP 3333, "Unicode Issues"). If so, *data and
 * *size are its bytes, valid while text lives. */
static inline int rhb_latin1(PyObject *text, const char **data, size_t *size)
{
    if (!PyUnicode_Check(text))
        return 0;
    if (PyUnicode_IS_COMPACT_ASCII(text)) {
        *data = (const char *)((PyASCIIObject *)text + 1);
    } else {
        if (PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND)
            return 0;
        *data = (const char *)PyUnicode_1BYTE_DATA(text);
    }
    *size = (size_t)((PyASCIIObject *)text)->length;
    return 1;
}

#endif
