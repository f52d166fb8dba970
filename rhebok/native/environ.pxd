from .csrc cimport rhb_conn, rhb_forwarded_policy, rhb_lane, rhb_loop, rhb_peer, rhb_request
from cpython.ref cimport PyObject
from libc.stdint cimport uint16_t, uint32_t


cdef struct Field:
    char *name          # in lower case, owned; NULL in a free slot
    size_t name_len
    uint32_t serial     # of the last request that had this field
    PyObject *key       # of the environ, owned; NULL for a field of proxies, or one that is not passed to applications
    PyObject *proxy_key  # the same for a field of proxies; NULL for all others
    PyObject *value     # the last value seen, owned


cdef class Template:
    cdef dict environ            # what the next environ is copied from
    cdef bint enlarged           # enlarge() has been called
    cdef str method, protocol    # the values it has now
    cdef str path, target, query, host
    cdef rhb_peer peer
    cdef bint gives_hints        # environ has the key wsgi.early_hints
    cdef PyObject *hints         # the value it has now, an EarlyHints; environ owns it

    cdef dict new_environ(self, const rhb_request *request, const rhb_peer *peer, PyObject *hints)
    cdef int put_hints(self, PyObject *hints) except -1
    cdef int enlarge(self) except -1
    cdef str put(self, str key, const char *data, size_t size)


cdef class EnvironBuilder:
    cdef tuple templates         # a Template for each listener
    cdef Field *fields           # hash table of FIELD_SLOTS
    cdef size_t n_fields
    cdef uint32_t serial
    cdef list ports              # of clients, as text; the index is the number modulo PORTS
    cdef uint16_t port_numbers[256]
    cdef const rhb_forwarded_policy *forwarded  # which proxies are trusted; owned by the loop
    cdef rhb_loop *loop          # NULL with `forwarded`: nobody is
    cdef rhb_lane *lane          # whose requests they are

    cdef str port(self, uint16_t number)
    cdef dict build(self, const rhb_request *request, rhb_conn *conn, object body, PyObject *hints)
    cdef int put_forwarded(self, dict environ, const rhb_request *request, rhb_conn *conn) except -1
    cdef Field *find(self, const char *name, size_t name_len) except? NULL
    cdef Field *add(self, Field *field, const char *name, size_t name_len) except NULL
    cdef int learn(self, str name) except -1
    cdef int put_fields(self, dict environ, const rhb_request *request) except -1
