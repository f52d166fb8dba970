/* The references to an object of which the caller has one. When it has all of them, no other thread
 * can get another one. */
#ifndef RHB_REFERENCES_H
#define RHB_REFERENCES_H

#include <Python.h>
#include <stdatomic.h>

static inline Py_ssize_t rhb_references(PyObject *object)
{
    Py_ssize_t count = Py_REFCNT(object);
#ifdef Py_GIL_DISABLED
    /* What other threads did with the object before they gave their references back comes first. */
    atomic_thread_fence(memory_order_acquire);
#endif
    return count;
}

#endif
