# cython: binding=False
"""Opens what a worker reports requests to: the access log, and statsd. csrc/log writes them."""

import os

from libc.stdint cimport UINT64_MAX, uint64_t

from .csrc cimport (
    RHB_ERROR_JSON,
    RHB_ERROR_PRIORITY,
    RHB_ERROR_TEXT,
    rhb_access_log,
    rhb_access_log_errors_to,
    rhb_access_log_free,
    rhb_access_log_new,
    rhb_access_log_open,
    rhb_records,
    rhb_records_free,
    rhb_records_new,
    rhb_reports,
    rhb_selection,
    rhb_selection_exclude,
    rhb_selection_free,
    rhb_selection_new,
    rhb_statsd,
    rhb_statsd_free,
    rhb_statsd_new,
)

cdef dict ERROR_FORMS = {"text": RHB_ERROR_TEXT, "json": RHB_ERROR_JSON, "journal": RHB_ERROR_PRIORITY}

cdef uint64_t SECOND = 1_000_000_000  # ns

cdef enum:
    STDOUT = 1


cdef rhb_access_log *compile_format(str format) except NULL:
    """A log that is not open yet; the caller frees it. Raises ValueError with the place in the format."""
    cdef const char *error = NULL
    cdef size_t at = 0
    cdef bytes encoded = format.encode("utf-8")
    cdef rhb_access_log *log = rhb_access_log_new(encoded, &error, &at)
    if log is NULL and error is NULL:
        raise MemoryError
    if log is NULL:
        raise ValueError(f"{error.decode()} at offset {at}: {format[at:at + 20]!r}")
    return log


cdef rhb_access_log *open_access_log(object settings, object file, object errors) except? NULL:
    """The log that the settings name, which the caller frees; NULL when they name none. file: the open file, with fd
    and path (None: it is not opened again after a rename); None: it is opened here. errors: a text stream, for the
    warning that the log cannot be opened again. Raises ValueError for the format, OSError for the file."""
    cdef bytes path = None  # name points into it
    cdef const char *name = NULL
    cdef rhb_access_log *log
    cdef int result, fd = -1
    if settings.access_logfile is None:
        return NULL
    log = compile_format(settings.access_logformat)
    if file is not None:
        path = None if file.path is None else os.fsencode(file.path)
        fd = file.fd
    elif settings.access_logfile == "-":
        fd = STDOUT
    else:
        path = os.fsencode(settings.access_logfile)
    if path is not None:
        name = path
    result = rhb_access_log_open(log, name, fd)
    if result < 0:
        rhb_access_log_free(log)
        raise OSError(-result, os.strerror(-result), settings.access_logfile)
    rhb_access_log_errors_to(log, descriptor_of(errors), ERROR_FORMS[getattr(errors, "form", "text")])
    return log


cdef rhb_records *new_records(object records) except? NULL:
    """For lines that are handled in Python (see Worker), which the caller frees; NULL for None. Raises ValueError for
    the format."""
    cdef const char *error = NULL
    cdef const char *second = NULL
    cdef size_t at = 0
    cdef bytes format, line = None
    cdef rhb_records *made
    if records is None:
        return NULL
    format = records.format.encode("utf-8")
    if records.line_format is not None:
        line = records.line_format.encode("utf-8")
        second = line
    made = rhb_records_new(format, second, &error, &at)
    if made is NULL and error is NULL:
        raise MemoryError
    if made is NULL:
        raise ValueError(f"{error.decode()} at offset {at}")
    return made


cdef rhb_selection *new_selection(object settings) except? NULL:
    """Which requests are logged, which the caller frees; NULL for all."""
    cdef rhb_selection *selection
    cdef uint64_t slow = <uint64_t>(settings.access_log_slow * SECOND) if settings.access_log_slow else UINT64_MAX
    if settings.access_log_sample == 1 and not settings.access_log_exclude:
        return NULL
    selection = rhb_selection_new(settings.access_log_sample, slow)
    if selection is NULL:
        raise MemoryError
    for path in settings.access_log_exclude:
        if not rhb_selection_exclude(selection, path.encode("ascii")):
            rhb_selection_free(selection)
            raise MemoryError
    return selection


cdef rhb_statsd *open_statsd(object statsd) except? NULL:
    """The metrics for a socket (see Worker), which the caller frees; NULL for None."""
    cdef bytes path, prefix, tags
    cdef const char *name = NULL
    cdef rhb_statsd *metrics
    if statsd is None:
        return NULL
    prefix, tags = statsd.prefix.encode("ascii"), statsd.tags.encode("ascii")
    if statsd.path is not None:
        path = os.fsencode(statsd.path)
        name = path
    metrics = rhb_statsd_new(statsd.fileno(), name, prefix, tags)
    if metrics is NULL:
        raise MemoryError
    return metrics


cdef int close_reports(rhb_reports *reports) noexcept:
    """Frees what has been opened here."""
    rhb_access_log_free(reports.access_log)
    rhb_statsd_free(reports.statsd)
    rhb_records_free(reports.records)
    rhb_selection_free(reports.selection)
    return 0


cdef int descriptor_of(object stream) except -2:
    """-1 when it has none."""
    try:
        return stream.fileno()
    except (AttributeError, OSError, ValueError):
        return -1
