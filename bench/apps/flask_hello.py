"""Flask's hello, as in its own quickstart."""

from __future__ import annotations

from flask import Flask, Response

application = Flask(__name__)


@application.get("/")
def hello() -> Response:
    """12 bytes of text."""
    return Response("hello, world", mimetype="text/plain")
