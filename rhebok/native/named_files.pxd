cdef class NamedFiles:
    cdef object logger
    cdef list paths       # (root as it was given, root) of those without a URL, as bytes
    cdef list urls        # (URL, root), those with longer URLs first
    cdef tuple fields     # those that have a meaning, in lower case

    cdef tuple find(self, bytes field, bytes value)
