# cython: binding=False
"""The environ of a request (PEP 3333), made from the parsed head.

The request handler builds one for each request, so as much as possible is prepared: a template for each listener,
which has all constant keys and is copied whole; a table from field names to environ keys; and the last value of
each field, which is used again when the same bytes arrive again.

Clients choose names. So the table is bounded in size, and in the slots that are looked at for one name; and only keys
of our own names are interned, since CPython 3.12 never frees an interned string.

Lifetime: the table owns its names, keys and values. The strings in an environ are ordinary Python objects.
"""

from sys import getsizeof, intern

cimport cython
from cpython.dict cimport PyDict_Copy, PyDict_DelItem, PyDict_SetItem
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc
from cpython.ref cimport Py_INCREF, Py_XDECREF, PyObject
from libc.stdint cimport uint16_t, uint64_t
from libc.string cimport memcpy

from .csrc cimport (
    RHB_BODY_CHUNKED,
    RHB_PEER_TEXT,
    RHB_SCHEME_HTTPS,
    phr_header,
    phr_request_head,
    rhb_conn,
    rhb_forwarded,
    rhb_forwarded_read,
    rhb_forwarded_server_port,
    rhb_lap_front,
    rhb_peer,
    rhb_peer_same_address,
    rhb_peer_text,
    rhb_request,
    rhb_request_start_find,
    rhb_same_name,
    rhb_score_client,
)

from .early_hints cimport EarlyHints
from .text cimport decimal, equals, latin1, rhb_latin1

cdef enum:
    FIELD_SLOTS = 1024        # a power of two
    MAX_FIELDS = 512          # names in the table; other ones are converted for each request
    MAX_PROBES = 8            # slots for one name: that many names with one hash are in the table at most
    MAX_CACHED_VALUE = 1024   # bytes
    PORTS = 256
    ORDINARY_SIZE = 42        # entries that fit into the dict of an ordinary environ: two thirds of 64

# Fields that many requests have. The table learns others when they first arrive, up to MAX_FIELDS.
KNOWN_FIELDS = (
    "accept", "accept-charset", "accept-encoding", "accept-language", "access-control-request-headers",
    "access-control-request-method", "authorization", "cache-control", "connection", "content-encoding",
    "content-length", "content-type", "cookie", "date", "dnt", "expect", "forwarded", "from", "host",
    "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "keep-alive",
    "last-event-id", "max-forwards", "origin", "pragma", "priority", "proxy-authorization", "range",
    "referer", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "sec-fetch-dest", "sec-fetch-mode",
    "sec-fetch-site", "sec-fetch-user", "sec-websocket-key", "sec-websocket-version", "te",
    "traceparent", "tracestate", "upgrade", "upgrade-insecure-requests", "user-agent", "via",
    "x-csrf-token", "x-csrftoken", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port",
    "x-forwarded-proto", "x-forwarded-protocol", "x-forwarded-ssl", "x-real-ip", "x-request-id",
    "x-request-start", "x-requested-with",
)

# Without HTTP_ (RFC 3875 section 4.1).
BARE_KEYS = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}

# transfer-encoding: the body has been decoded. proxy: would become HTTP_PROXY, which HTTP clients in the
# application take for their configuration (CVE-2016-5385).
HIDDEN_FIELDS = ("transfer-encoding", "proxy")

# The fields of proxies, which are read only for requests that have one of them (put_forwarded).
PROXY_FIELDS = (
    "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto",
    "x-forwarded-protocol", "x-forwarded-ssl", "x-request-start",
)

cdef str HTTP_1_0 = "HTTP/1.0"
cdef str HTTP_1_1 = "HTTP/1.1"
cdef str K_METHOD = "REQUEST_METHOD"
cdef str K_PATH = "PATH_INFO"
cdef str K_QUERY = "QUERY_STRING"
cdef str K_RAW_URI = "RAW_URI"
cdef str K_REQUEST_URI = "REQUEST_URI"
cdef str K_PROTOCOL = "SERVER_PROTOCOL"
cdef str K_REMOTE_ADDR = "REMOTE_ADDR"
cdef str K_REMOTE_PORT = "REMOTE_PORT"
cdef str K_INPUT = "wsgi.input"
cdef str K_EARLY_HINTS = "wsgi.early_hints"
cdef str K_HOST = "HTTP_HOST"
cdef str K_CONTENT_LENGTH = "CONTENT_LENGTH"
cdef str K_SERVER_PORT = "SERVER_PORT"
cdef str K_URL_SCHEME = "wsgi.url_scheme"
cdef str HTTPS = "https"


cdef inline size_t hash_name(const char *name, size_t size) noexcept:
    """Of a field name, independent of case: |0x20 folds letters. It folds other characters too, which the comparison
    of the whole names tells apart."""
    cdef size_t first = <unsigned char>name[0] | 0x20
    cdef size_t middle = <unsigned char>name[size >> 1] | 0x20
    cdef size_t last = <unsigned char>name[size - 1] | 0x20
    return (size * 37 + first * 131 + middle * 29 + last * 7) & (FIELD_SLOTS - 1)


cdef object key_of(str name):
    """The environ key of a field name in lower case; None when the field is not passed to applications."""
    if name in HIDDEN_FIELDS or "_" in name:
        return None
    return BARE_KEYS.get(name) or "HTTP_" + name.upper().replace("-", "_")


@cython.final
cdef class Template:
    """Template(environ): the environ that each request of one listener copies. Values that often stay the same from
    one request to the next (path, Host, the peer's address) are changed here, before the copy, if they differ."""

    def __cinit__(self, environ):
        # A dict with only str keys that has grown from empty has a table smaller by a third.
        # One that was created in its full size has not, and neither have its copies, which are then too large for
        # the free lists of malloc.
        environ, given = {}, environ
        for key, value in given.items():
            environ[key] = value
        self.method = environ[K_METHOD]
        self.protocol = environ[K_PROTOCOL]
        self.path = environ[K_PATH]
        self.target = environ[K_RAW_URI]
        self.query = environ[K_QUERY]
        self.host = environ.setdefault(K_HOST, "")
        self.gives_hints = K_EARLY_HINTS in environ
        self.environ = environ

    cdef dict new_environ(self, const rhb_request *request, const rhb_peer *peer, PyObject *hints):
        """A new environ with everything but the fields and the body."""
        cdef const phr_request_head *head = &request.head
        cdef char address[RHB_PEER_TEXT]
        cdef dict environ
        if not equals(self.method, head.method, head.method_len):
            self.method = self.put(K_METHOD, head.method, head.method_len)
        if not equals(self.path, request.path, request.path_len):
            self.path = self.put(K_PATH, request.path, request.path_len)
        if not equals(self.target, head.target, head.target_len):
            self.target = self.put(K_RAW_URI, head.target, head.target_len)
            PyDict_SetItem(self.environ, K_REQUEST_URI, self.target)
        if not equals(self.query, request.target.query, request.target.query_len):
            self.query = self.put(K_QUERY, request.target.query, request.target.query_len)
        if (self.protocol is HTTP_1_0) != (head.minor_version == 0):
            self.protocol = HTTP_1_0 if head.minor_version == 0 else HTTP_1_1
            PyDict_SetItem(self.environ, K_PROTOCOL, self.protocol)
        if not rhb_peer_same_address(&self.peer, peer):
            self.peer = peer[0]
            self.put(K_REMOTE_ADDR, address, rhb_peer_text(peer, address))
        if not equals(self.host, request.framing.host, request.framing.host_len):
            self.host = self.put(K_HOST, request.framing.host, request.framing.host_len)
        if self.hints is not hints:
            self.put_hints(hints)
        environ = PyDict_Copy(self.environ)
        if request.framing.host is NULL:
            PyDict_DelItem(environ, K_HOST)
        return environ

    cdef int enlarge(self) except -1:
        """An environ had to grow for its fields: gives the template a larger table, which the next ones copy. A dict
        grows, and drops its deleted entries, when an entry is added and none is free."""
        cdef object size = getsizeof(self.environ)
        self.enlarged = True
        for number in range(MAX_FIELDS):
            spare = f"rhebok.{number}"
            self.environ[spare] = None
            del self.environ[spare]
            if getsizeof(self.environ) > size:
                break
        return 0

    cdef int put_hints(self, PyObject *hints) except -1:
        """Another exchange has this request, or the application has kept the last EarlyHints."""
        if not self.gives_hints:
            self.hints = hints  # so that the next request does not get here
            return 0
        if self.hints is not NULL:
            (<EarlyHints>self.hints).held -= 1
        (<EarlyHints>hints).held += 1
        self.hints = hints
        PyDict_SetItem(self.environ, K_EARLY_HINTS, <object>hints)  # which may free the previous one
        return 0

    cdef str put(self, str key, const char *data, size_t size):
        """Sets a key of the template; returns the value."""
        cdef str text = latin1(data, size)
        PyDict_SetItem(self.environ, key, text)
        return text


@cython.final
cdef class EnvironBuilder:
    """EnvironBuilder(templates): builds environs. templates: dicts with every key that does not depend on the request,
    one for each listener, in the order of the listeners."""

    def __cinit__(self, templates):
        self.fields = <Field *>PyMem_Calloc(FIELD_SLOTS, sizeof(Field))
        if self.fields is NULL:
            raise MemoryError
        self.ports = ["0"] * PORTS
        self.templates = tuple(Template(template) for template in templates)

    def __init__(self, templates):
        for name in KNOWN_FIELDS + HIDDEN_FIELDS:
            self.learn(name)

    def __dealloc__(self):
        if self.fields is NULL:
            return
        for slot in range(FIELD_SLOTS):
            PyMem_Free(self.fields[slot].name)
            Py_XDECREF(self.fields[slot].key)
            Py_XDECREF(self.fields[slot].proxy_key)
            Py_XDECREF(self.fields[slot].value)
        PyMem_Free(self.fields)

    cdef dict build(self, const rhb_request *request, rhb_conn *conn, object body, PyObject *hints):
        """The environ of a request. body: its wsgi.input, None for the template's empty one. hints: its
        wsgi.early_hints."""
        cdef Template template = <Template>self.templates[conn.listener]
        cdef dict environ = template.new_environ(request, &conn.peer, hints)
        if conn.peer.family != 0:
            PyDict_SetItem(environ, K_REMOTE_PORT, self.port(conn.peer.port))
        cdef bint has_proxy_field = self.put_fields(environ, request)
        if len(environ) > ORDINARY_SIZE and not template.enlarged:
            template.enlarge()
        if request.target.authority is not NULL:
            PyDict_SetItem(environ, K_HOST, latin1(request.target.authority, request.target.authority_len))
        if body is not None:
            PyDict_SetItem(environ, K_INPUT, body)
        if request.framing.body == RHB_BODY_CHUNKED:
            PyDict_SetItem(environ, K_CONTENT_LENGTH, str(request.body_len))
        if has_proxy_field and self.forwarded is not NULL:
            self.put_forwarded(environ, request, conn)
        return environ

    cdef int put_forwarded(self, dict environ, const rhb_request *request, rhb_conn *conn) except -1:
        """Puts what the proxies in front report about the client, if they are trusted (csrc/http/forwarded.h)."""
        cdef rhb_forwarded said
        cdef char address[RHB_PEER_TEXT]
        cdef const char *host = NULL
        cdef size_t host_size = 0
        cdef uint64_t start
        rhb_forwarded_read(&said, self.forwarded, &conn.peer, request.head.fields, request.head.num_fields)
        conn.has_client = said.has_client
        if rhb_request_start_find(
                &self.forwarded.allowed, &conn.peer, request.head.fields, request.head.num_fields, &start):
            rhb_lap_front(self.loop, self.lane, start)
        if said.has_client:
            conn.client = said.client
            rhb_score_client(self.lane.score, &said.client)
            PyDict_SetItem(environ, K_REMOTE_ADDR, latin1(address, rhb_peer_text(&said.client, address)))
            PyDict_SetItem(environ, K_REMOTE_PORT, self.port(said.client.port))
        if said.scheme == RHB_SCHEME_HTTPS:
            PyDict_SetItem(environ, K_URL_SCHEME, HTTPS)
        if said.host is not NULL:
            PyDict_SetItem(environ, K_HOST, latin1(said.host, said.host_len))
        if K_HOST in environ:
            rhb_latin1(environ[K_HOST], &host, &host_size)
        cdef uint16_t port = rhb_forwarded_server_port(&said, host, host_size)
        if port != 0:
            PyDict_SetItem(environ, K_SERVER_PORT, self.port(port))
        return 0

    cdef str port(self, uint16_t number):
        """A client's port as text, which the next request of the connection finds again."""
        cdef size_t slot = number % PORTS
        if self.port_numbers[slot] != number:
            self.ports[slot] = decimal(number)
            self.port_numbers[slot] = number
        return <str>self.ports[slot]

    cdef int put_fields(self, dict environ, const rhb_request *request) except -1:
        """Puts all fields; repeated ones are joined (RFC 9110 section 5.3). True if there is one of PROXY_FIELDS."""
        cdef const phr_header *header
        cdef bint has_proxy_field = False
        cdef Field *field
        cdef object key, value, joined
        self.serial += 1
        for i in range(request.head.num_fields):
            header = &request.head.fields[i]
            if header.value == request.framing.host:  # the template has it
                continue
            field = self.find(header.name, header.name_len)
            if field is NULL:
                key = key_of(latin1(header.name, header.name_len).lower())
                value = latin1(header.value, header.value_len)
            elif field.key is NULL:
                if field.proxy_key is NULL:
                    continue
                has_proxy_field = True
                key = <object>field.proxy_key
                value = value_of(field, header)
            else:
                key = <object>field.key
                value = value_of(field, header)
            if key is None:
                continue
            if field is NULL or field.serial == self.serial:
                joined = environ.get(key)
                if joined is not None:
                    value = joined + ("; " if key == "HTTP_COOKIE" else ", ") + value
            if field is not NULL:
                field.serial = self.serial
            PyDict_SetItem(environ, key, value)
        return has_proxy_field

    def probes(self, bytes name):
        """probes(name: bytes) -> int: how many slots are looked at for a field with this name, which is added."""
        cdef size_t first = hash_name(name, <size_t>len(name))
        cdef Field *field = self.find(name, <size_t>len(name))
        return MAX_PROBES if field is NULL else ((<size_t>(field - self.fields) - first) & (FIELD_SLOTS - 1)) + 1

    cdef int learn(self, str name) except -1:
        """Adds a name of ours."""
        cdef bytes encoded = name.encode("ascii")
        cdef Field *field = self.find(encoded, <size_t>len(encoded))
        cdef object key
        if field is NULL:
            raise RuntimeError(f"no slot for the field {name}")
        if field.key is not NULL:
            key = intern(<object>field.key)
            Py_INCREF(key)
            Py_XDECREF(field.key)
            field.key = <PyObject *>key
        return 0

    cdef Field *find(self, const char *name, size_t name_len) except? NULL:
        """The table's entry for a field name, which is added when it is missing; NULL when there is no slot for it."""
        cdef size_t slot = hash_name(name, name_len)
        cdef size_t last = slot + MAX_PROBES
        cdef Field *field
        while slot < last:
            field = &self.fields[slot & (FIELD_SLOTS - 1)]
            if field.name is NULL:
                break
            if field.name_len == name_len and rhb_same_name(name, field.name, name_len):
                return field
            slot += 1
        if slot == last or self.n_fields >= MAX_FIELDS or name_len > 128:
            return NULL
        return self.add(field, name, name_len)

    cdef Field *add(self, Field *field, const char *name, size_t name_len) except NULL:
        """Fills a free slot."""
        cdef str lower = latin1(name, name_len).lower()
        cdef bytes encoded = lower.encode("latin-1")
        cdef object key = key_of(lower)
        cdef char *copy = <char *>PyMem_Malloc(name_len)
        if copy is NULL:
            raise MemoryError
        memcpy(copy, <char *>encoded, name_len)
        if key is not None:
            Py_INCREF(key)
            if lower in PROXY_FIELDS:
                field.proxy_key = <PyObject *>key
            else:
                field.key = <PyObject *>key
        field.name = copy
        field.name_len = name_len
        self.n_fields += 1
        return field


cdef inline object value_of(Field *field, const phr_header *header):
    """The field's value: the last object when the bytes are the same."""
    cdef object value
    if field.value is not NULL and equals(<object>field.value, header.value, header.value_len):
        return <object>field.value
    value = latin1(header.value, header.value_len)
    if header.value_len <= MAX_CACHED_VALUE:
        Py_INCREF(value)
        Py_XDECREF(field.value)
        field.value = <PyObject *>value
    return value
