"""Each request is logged with the time that it took, and gets a number for the application."""

import itertools
import time

errorlog = "error.log"
accesslog = "access.log"
access_log_format = "%(m)s %(s)s %(r)s"
numbers = itertools.count(1)


def pre_request(worker, req):
    req.started = time.monotonic()
    req.number = next(numbers)
    req.headers.append(("X-NUMBER", str(req.number)))
    worker.log.info("hook: begin %s %s?%s (%d so far)", req.method, req.path, req.query, worker.nr)


def post_request(worker, req, environ, resp):
    took = time.monotonic() - req.started
    assert 0 <= took < 60
    status = getattr(resp, "status_code", None)
    length = dict(resp.headers).get("Content-Length", "-")
    worker.log.info(
        "hook: end %s %s: %s, %s, %s, %d",
        req.number,
        environ["PATH_INFO"],
        status,
        length,
        req.scheme,
        worker.nr,
    )
