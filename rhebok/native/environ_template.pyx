# cython: binding=False
"""The keys of an environ that do not depend on the request. environ.pyx copies them for each request."""

from .file_wrapper cimport FileWrapper
from .request_body cimport EmptyBody

from rhebok import __version__


cdef dict environ_template(object listener, object settings, object errors, bint multiprocess):
    """The environ of a listener, with every key that all its requests have (PEP 3333, "environ Variables"). Keys of the
    request have a value of the right type, which environ.pyx replaces."""
    template = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "",
        "QUERY_STRING": "",
        "RAW_URI": "",
        "REQUEST_URI": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": listener.server_name,
        "SERVER_PORT": listener.server_port,
        "SERVER_SOFTWARE": f"rhebok/{__version__}",
        "REMOTE_ADDR": "",
        "REMOTE_PORT": "0",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": EmptyBody(),
        "wsgi.input_terminated": True,
        "wsgi.errors": errors,
        "wsgi.multithread": settings.threads > 1,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    if settings.early_hints:
        template["wsgi.early_hints"] = None  # environ.pyx puts that of the exchange there
    return template
