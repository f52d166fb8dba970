from .csrc cimport rhb_static_files

cdef rhb_static_files *new_static_files(object settings) except? NULL
