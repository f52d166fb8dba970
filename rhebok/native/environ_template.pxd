cdef dict environ_template(object listener, object settings, object errors, bint multiprocess)
