# cython: binding=False
"""From the settings to the static files of a worker's loop, which csrc/files answers."""

import os
import resource

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from .csrc cimport (
    rhb_answerer,
    rhb_answers_add,
    rhb_file_cache_limits,
    rhb_loop,
    rhb_static_files,
    rhb_static_files_answerer,
    rhb_static_files_new,
    rhb_static_mount,
)

cdef enum:
    ENTRIES = 2048             # files that are kept, at most
    DESCRIPTORS = 512          # of these, open
    MEMORY = 16 * 1024 * 1024  # bytes of the others


cdef rhb_static_files *add_static_files(rhb_loop *loop, object settings, int loops) except? NULL:
    """Lets the loop answer with those of --static. The caller frees them after the loop; NULL without. loops: of this
    process; each keeps files of its own."""
    cdef rhb_static_files *files = new_static_files(settings, loops)
    cdef rhb_answerer answerer
    if files is not NULL:
        answerer = rhb_static_files_answerer(files)
        rhb_answers_add(loop, &answerer)
    return files


cdef rhb_static_files *new_static_files(object settings, int loops) except? NULL:
    cdef rhb_file_cache_limits limits
    cdef rhb_static_files *files
    cdef rhb_static_mount *mounts
    cdef const char *index_name = NULL
    cdef bytes index
    cdef Py_ssize_t number
    cdef list held = [(os.fsencode(url), os.fsencode(path)) for url, path in settings.static]
    if not held:
        return NULL
    if settings.static_index is not None:
        index = os.fsencode(settings.static_index)
        index_name = index
    limits.entries, limits.descriptors, limits.bytes = ENTRIES, descriptors(loops), MEMORY // loops
    mounts = <rhb_static_mount *>calloc(len(held), sizeof(rhb_static_mount))
    if mounts is NULL:
        raise MemoryError
    for number, (url, path) in enumerate(held):
        mounts[number].prefix, mounts[number].path = url, path
        mounts[number].max_age = max_age_of(settings, settings.static[number][0])
        mounts[number].immutable = settings.static_immutable
        mounts[number].only = settings.static[number][0] in settings.static_only
        mounts[number].uploads = settings.static[number][0] in settings.static_uploads
    files = rhb_static_files_new(mounts, len(held), index_name, &limits)
    free(mounts)
    if files is NULL:
        raise MemoryError
    return files


cdef int64_t max_age_of(object settings, str url) except? -1:
    """That of the URL, or that of all; -1 when there is none."""
    ages = dict(settings.static_max_age)
    return ages.get(url, ages.get("", -1))


cdef size_t descriptors(int loops) except? 0:
    """A part of what this process may have open: the rest is for connections and the application."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS if soft == resource.RLIM_INFINITY else min(DESCRIPTORS, soft // 8)
    return max(1, most // loops)
