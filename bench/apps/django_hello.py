"""Django's hello: one view, no middleware, no database, settings in the module."""

# mypy: disable-error-code="import-untyped,import-not-found,no-any-return"

from __future__ import annotations

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="bench", MIDDLEWARE=[])


def hello(_request: HttpRequest) -> HttpResponse:
    """12 bytes of text."""
    return HttpResponse("hello, world", content_type="text/plain")


urlpatterns = [path("", hello)]
application = get_wsgi_application()
