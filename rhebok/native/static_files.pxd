from .csrc cimport rhb_loop, rhb_static_files

cdef rhb_static_files *add_static_files(rhb_loop *loop, object settings, int loops) except? NULL
