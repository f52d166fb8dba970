"""What most sites do, in Flask: a form, a redirect, a cookie, uploads and downloads.

    pip install flask
    rhebok --chdir examples --env EXAMPLE_FILES=/srv/files flask_app

django_app.py is the same site in Django.
"""

import hashlib
import os
from typing import IO

import flask
from flask import Flask, request
from werkzeug.wrappers import Response

FILES = os.path.abspath(os.environ.get("EXAMPLE_FILES", "files"))

PAGE = """<!doctype html>
<title>Guestbook</title>
<p>Hello, {{ name }}!</p>
<form method="post" action="/name">
  <input name="name" placeholder="Your name"> <button>Say hello</button>
</form>
<form method="post" action="/upload" enctype="multipart/form-data">
  <input type="file" name="file"> <button>Upload</button>
</form>
"""

app = Flask(__name__)


@app.get("/")
def page() -> str:
    return flask.render_template_string(PAGE, name=request.cookies.get("name", "stranger"))


@app.post("/name")
def set_name() -> Response:
    """303 makes the browser GET the page, so that reloading it does not send the form again."""
    response = flask.make_response(flask.redirect("/", code=303))
    response.set_cookie("name", request.form["name"], max_age=3600, httponly=True, samesite="Lax")
    return response


@app.post("/upload")
def upload() -> str:
    """A file from the form."""
    return digest(request.files["file"].stream)


@app.put("/digest")
def upload_raw() -> str:
    """A body of any length, with Content-Length or chunked. Rhebok receives all of it before it calls the
    application; a body that is larger than --body-buffer is in a temporary file."""
    return digest(request.stream)


@app.get("/files/<path:name>")
def download(name: str) -> Response:
    """Sent by wsgi.file_wrapper, so by sendfile(2). The response is 304 if the client's copy is valid."""
    return flask.send_from_directory(FILES, name)


def digest(stream: IO[bytes]) -> str:
    hashed = hashlib.sha256()
    while block := stream.read(1 << 20):
        hashed.update(block)
    return hashed.hexdigest() + "\n"
