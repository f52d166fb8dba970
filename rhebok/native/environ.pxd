from .csrc cimport rhb_conn, rhb_forwarded_policy, rhb_peer, rhb_request
from cpython.ref cimport PyObject
from libc.stdint cimport uint16_t, uint32_t


cdef struct Field:
    char *name          # in lower case, owned; NULL: a free slot
    size_t name_len
    uint32_t serial     # of the last request that had this field
    PyObject *key       # of the environ, owned; NULL: this field never gets there, or is a proxy's
    PyObject *proxy_key  # the key of a field that proxies speak by, owned; NULL for all others
    PyObject *value     # the last value seen, owned


cdef class Template:
    cdef dict environ            # what the next environ starts from
    cdef bint roomy              # it has been given a larger table
    cdef str method, protocol    # what stands there now
    cdef str path, target, query, host
    cdef rhb_peer peer
    cdef bint gives_hints        # environ has the key
    cdef PyObject *hints         # what stands there, an EarlyHints; environ holds it

    cdef dict start(self, const rhb_request *request, const rhb_peer *peer, PyObject *hints)
    cdef int put_hints(self, PyObject *hints) except -1
    cdef int make_room(self) except -1
    cdef str put(self, str key, const char *data, size_t size)


cdef class EnvironBuilder:
    cdef tuple templates         # a Template a listener
    cdef Field *fields           # hash table of FIELD_SLOTS
    cdef size_t n_fields
    cdef uint32_t serial
    cdef list ports              # of clients, as text, each at its number modulo PORTS
    cdef uint16_t port_numbers[256]
    cdef const rhb_forwarded_policy *forwarded  # whose word counts; the loop's own

    cdef str port(self, uint16_t number)
    cdef dict build(self, const rhb_request *request, rhb_conn *conn, object body, PyObject *hints)
    cdef int forward(self, dict environ, const rhb_request *request, rhb_conn *conn) except -1
    cdef Field *find(self, const char *name, size_t name_len) except? NULL
    cdef Field *add(self, size_t slot, const char *name, size_t name_len) except NULL
    cdef int put_fields(self, dict environ, const rhb_request *request) except -1
