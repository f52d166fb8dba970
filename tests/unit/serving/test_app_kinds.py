"""What is called an application but is none is recognised; what may be one passes."""

import functools
from typing import Any

import pytest

from rhebok.serving.app_kinds import mistake


async def coroutine(scope: Any, receive: Any, send: Any) -> None: ...


async def of_three(connection: Any, get: Any, put: Any) -> None: ...


async def wsgi_but_async(environ: Any, start_response: Any) -> None: ...


async def generator(environ: Any, start_response: Any) -> Any:
    yield b""


class Asynchronous:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class Version2:
    def __init__(self, scope: Any) -> None: ...

    async def __call__(self, receive: Any, send: Any) -> None: ...


def not_async_itself(scope: Any, receive: Any, send: Any) -> Any:
    return coroutine(scope, receive, send)


def application(environ: Any, start_response: Any) -> list[bytes]:
    return []


def of_a_request(request: Any) -> Any: ...


@functools.wraps(of_a_request)
def decorated(*arguments: Any) -> list[bytes]:
    """As Request.application of Werkzeug does it."""
    return []


class Response:
    def __init__(self, environ: Any, start_response: Any) -> None: ...


class Instance:
    def __call__(self, environ: Any, start_response: Any, more: int = 1) -> list[bytes]:
        return []

    method = __call__


def with_defaults(environ: Any = None, start_response: Any = None) -> list[bytes]:
    return []


def make(config: Any = None, *, debug: bool = False) -> Any: ...


def make_of_two(config: Any = None, database: Any = None) -> Any: ...


def make_for(config: Any) -> Any: ...


def make_of_nothing() -> Any: ...


class Site:
    def __init__(self, name: str = "site") -> None: ...


@pytest.mark.parametrize(
    "found",
    [
        coroutine,
        of_three,
        functools.partial(coroutine),
        Asynchronous(),
        Asynchronous,
        Version2,
        not_async_itself,
        Asynchronous().__call__,
    ],
)
def test_an_asgi_application_is_recognised(found: Any) -> None:
    said = mistake(found, "site", "app")
    assert "is an ASGI application" in said
    assert "application = a2wsgi.ASGIMiddleware(app)" in said


@pytest.mark.parametrize("found", [wsgi_but_async, generator])
def test_an_asynchronous_function_of_another_kind_is_recognised(found: Any) -> None:
    assert "is asynchronous" in mistake(found, "site", "app")


def test_django_s_other_file_is_suggested(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    package = tmp_path / "rhb_project"
    package.mkdir()
    for name in ("__init__", "wsgi", "asgi"):
        (package / f"{name}.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    said = mistake(coroutine, "rhb_project.asgi", "application")
    assert "did you mean rhb_project.wsgi:application?" in said
    assert "a2wsgi" in mistake(coroutine, "rhb_other.asgi", "application")


@pytest.mark.parametrize("found", [make, make_of_two, make_of_nothing, Site])
def test_a_factory_without_parentheses_is_recognised(found: Any) -> None:
    assert "write 'site:make()'" in mistake(found, "site", "make")


def test_a_factory_that_needs_arguments_is_recognised() -> None:
    said = mistake(make_for, "site", "make_for")
    assert "called as make_for(config)" in said
    assert "write 'site:make_for(...)'" in said


@pytest.mark.parametrize(
    "found",
    [
        application,
        decorated,
        Response,
        Instance(),
        Instance().method,
        functools.partial(Instance().method, more=2),
        with_defaults,
        lambda *arguments: [],
        lambda *arguments, **named: [],
        dict,  # whose signature nobody knows
    ],
)
def test_what_may_be_an_application_passes(found: Any) -> None:
    assert mistake(found, "site", "app") == ""
