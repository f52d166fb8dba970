"""What most sites do, in Django: a form, a redirect, a cookie, uploads and downloads.

    pip install django
    rhebok --chdir examples --env EXAMPLE_FILES=/srv/files django_app

A project in one file. For a project made by `django-admin startproject`: `rhebok mysite.wsgi`.
flask_app.py is the same site in Flask.
"""

import hashlib
import os
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template import engines
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.static import serve

FILES = os.path.abspath(os.environ.get("EXAMPLE_FILES", "files"))

PAGE = """<!doctype html>
<title>Guestbook</title>
<p>Hello, {{ name }}!</p>
<form method="post" action="/name">
  {% csrf_token %}
  <input name="name" placeholder="Your name"> <button>Say hello</button>
</form>
<form method="post" action="/upload" enctype="multipart/form-data">
  {% csrf_token %}
  <input type="file" name="file"> <button>Upload</button>
</form>
"""

settings.configure(
    SECRET_KEY=os.environ.get("EXAMPLE_SECRET_KEY", "for trying out only"),
    ALLOWED_HOSTS=["*"],  # nginx passes only its own server names
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    template = engines["django"].from_string(PAGE)
    return HttpResponse(template.render({"name": request.COOKIES.get("name", "stranger")}, request))


@require_POST
def set_name(request: HttpRequest) -> HttpResponse:
    """303 makes the browser GET the page, so that reloading it does not send the form again."""
    response = HttpResponseRedirect("/", status=303)
    response.set_cookie("name", request.POST["name"], max_age=3600, httponly=True, samesite="Lax")
    return response


@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """A file from the form."""
    return HttpResponse(digest(request.FILES["file"]))


@csrf_exempt
@require_http_methods(["PUT"])
def upload_raw(request: HttpRequest) -> HttpResponse:
    """A body of any length, with Content-Length or chunked. Rhebok receives all of it before it calls the
    application; a body that is larger than --body-buffer is in a temporary file."""
    return HttpResponse(digest(request))


@require_safe
def download(request: HttpRequest, name: str) -> Any:
    """Sent by wsgi.file_wrapper, so by sendfile(2). The response is 304 if the client's copy is valid."""
    return serve(request, name, document_root=FILES)


def digest(stream: Any) -> str:
    hashed = hashlib.sha256()
    while block := stream.read(1 << 20):
        hashed.update(block)
    return hashed.hexdigest() + "\n"


urlpatterns = [
    path("", page),
    path("name", set_name),
    path("upload", upload),
    path("digest", upload_raw),
    path("files/<path:name>", download),
]

application = get_wsgi_application()
