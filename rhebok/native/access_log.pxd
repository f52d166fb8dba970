from .csrc cimport rhb_access_log, rhb_records, rhb_reports, rhb_selection, rhb_statsd

cdef rhb_access_log *compile_format(str format) except NULL
cdef rhb_access_log *open_access_log(object settings, object file, object errors) except? NULL
cdef rhb_records *new_records(object records) except? NULL
cdef rhb_selection *new_selection(object settings) except? NULL
cdef rhb_statsd *open_statsd(object statsd) except? NULL
cdef int close_reports(rhb_reports *reports) noexcept
