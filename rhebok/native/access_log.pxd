from .csrc cimport rhb_access_log

cdef rhb_access_log *compile_format(str format) except NULL
cdef rhb_access_log *open_access_log(object settings, object file, object errors) except? NULL
