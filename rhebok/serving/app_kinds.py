"""Recognises what is no WSGI application although it can be called. Called by app_loading.

ASGI applications, other asynchronous functions, and factories whose name was given without parentheses. Only
what cannot work is refused: an object whose signature is unknown, or open as `*args` is, passes.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
from collections.abc import Callable

from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_ASGI_NAMES = (["scope", "receive", "send"], ["scope"])  # of its parameters: version 3, version 2
_BRIDGE = "a2wsgi.ASGIMiddleware"


def mistake(found: Callable[..., Any], module: str, attribute: str) -> str:
    """What is wrong with MODULE:ATTRIBUTE as a WSGI application, and what to write instead; "" if nothing."""
    signature = _signature(found)
    if _is_asgi(found, signature):
        return _about_asgi(module, attribute)
    if _is_asynchronous(found):
        return (
            "is asynchronous (`async def`); rhebok serves WSGI applications, which are plain functions: "
            "write `def`, or use an ASGI server"
        )
    if signature is None or _takes_a_request(signature):
        return ""
    return _about_factory(signature, module, attribute)


def _signature(found: Callable[..., Any]) -> inspect.Signature | None:
    """Without what functools.wraps says: a decorator may make an application of something else."""
    try:
        return inspect.signature(found, follow_wrapped=False)
    except (TypeError, ValueError):
        return None


def _is_asynchronous(found: Callable[..., Any]) -> bool:
    while isinstance(found, functools.partial):
        found = found.func
    called = None if inspect.isclass(found) else type(found).__call__
    return any(
        inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each) for each in (found, called)
    )


def _is_asgi(found: Callable[..., Any], signature: inspect.Signature | None) -> bool:
    """By its parameters; or as a class whose objects are called with `await`."""
    if inspect.isclass(found) and inspect.iscoroutinefunction(found.__call__):
        return True
    names = list(signature.parameters) if signature else []
    return names in _ASGI_NAMES or (_is_asynchronous(found) and len(names) == 3)


def _about_asgi(module: str, attribute: str) -> str:
    package = module.rpartition(".")[0]
    sibling = f"{package}.wsgi" if package else "wsgi"
    if module.rpartition(".")[2] == "asgi" and _exists(sibling):  # the two files of a Django project
        return f"is an ASGI application, and rhebok serves WSGI: did you mean {sibling}:{attribute}?"
    return (
        f"is an ASGI application, and rhebok serves WSGI: use an ASGI server such as uvicorn, or write "
        f"`application = {_BRIDGE}({attribute})` in the module and name {module}:application"
    )


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _takes_a_request(signature: inspect.Signature) -> bool:
    """Whether it can be called with environ and start_response. Nothing that needs neither of them is an
    application, unless it takes any arguments."""
    try:
        signature.bind(None, None)
    except TypeError:
        return False
    first = next(iter(signature.parameters.values()))
    return (
        first.default is first.empty
        or first.name.startswith("env")
        or any(each.kind is each.VAR_POSITIONAL for each in signature.parameters.values())
    )


def _about_factory(signature: inspect.Signature, module: str, attribute: str) -> str:
    shown, arguments = f"{attribute}{_parameters(signature)}", ""
    try:
        signature.bind()
    except TypeError:
        arguments = "..."
    return (
        f"is no WSGI application: it is called as {shown}, not with environ and start_response; "
        f"if it makes the application, write '{module}:{attribute}({arguments})'"
    )


def _parameters(signature: inspect.Signature) -> str:
    """Without annotations, which may be long."""
    bare = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
    return str(inspect.Signature(bare))
