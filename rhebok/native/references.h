/* References to Python objects, where builds without the GIL (PEP 703) need more care. */
#ifndef RHB_REFERENCES_H
#define RHB_REFERENCES_H

#include <Python.h>
#include <stdatomic.h>

/* The number of references to an object of which the caller has one. When the caller has all of
 * them, no other thread can get another one. */
static inline Py_ssize_t rhb_references(PyObject *object)
{
    Py_ssize_t count = Py_REFCNT(object);
#ifdef Py_GIL_DISABLED
    /* What other threads did with the object before they gave their references back comes first. */
    atomic_thread_fence(memory_order_acquire);
#endif
    return count;
}

/* A new reference to the first item of a list that had one a moment ago. Raises IndexError when
 * another thread has taken it out. */
static inline PyObject *rhb_first_item(PyObject *items)
{
#ifdef Py_GIL_DISABLED
    return PyList_GetItemRef(items, 0);
#else
    return Py_NewRef(PyList_GET_ITEM(items, 0));
#endif
}

#endif
