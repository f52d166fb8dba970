from .csrc cimport rhb_lane
from .exchange cimport BROKEN, Exchange, Progress

cdef Progress call_application(Exchange exchange, object application, dict environ) except? BROKEN
cdef Progress resume_response(Exchange exchange, rhb_lane *lane) except? BROKEN
cdef Progress application_failed(Exchange exchange, object error) except? BROKEN
