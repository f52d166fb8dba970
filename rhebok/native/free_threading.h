/* Whether this is a build of Python that can do without the GIL (PEP 703), as a constant. */
#ifndef RHB_FREE_THREADING_H
#define RHB_FREE_THREADING_H

#include <Python.h>

enum {
#ifdef Py_GIL_DISABLED
    RHB_FREE_THREADED_PYTHON = 1
#else
    RHB_FREE_THREADED_PYTHON = 0
#endif
};

#endif
