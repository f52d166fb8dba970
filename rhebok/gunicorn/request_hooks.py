"""pre_request and post_request, around the application. Used by hooks; without the two nothing is wrapped."""

import inspect
import logging
from collections.abc import Callable
from typing import Any

from rhebok.gunicorn.exchange_facades import Environ, Request, Response
from rhebok.gunicorn.facades import Worker
from rhebok.native.observed_result import ObservedResult

Application = Callable[..., Any]
Hook = Callable[..., Any]

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class RequestHooks:
    """Of one worker."""

    def __init__(self, worker: Worker, pre: Hook | None, post: Hook | None, log: logging.Logger) -> None:
        self._worker = worker
        self._pre = pre
        self._post = post
        self._arguments = positional(post) if post else 0
        self._log = log
        self._count = 0
        worker.count_by(lambda: self._count)

    def around(self, app: Application) -> Application:
        """The application between the hooks. What it returns is sent as if it had no hooks around it."""

        def serve(environ: Environ, start_response: Callable[..., Any]) -> Any:
            request = Request(environ)
            self._before(request)
            if self._post is None:
                return app(environ, start_response)
            response = Response(request, self._worker.cfg)
            try:
                result = app(environ, response.noting(start_response))
            except BaseException:
                self._after(request, environ, response)
                raise

            def ended(sent: int) -> None:
                response.ended(sent)
                self._after(request, environ, response)

            return ObservedResult(result, ended)

        return serve

    def _before(self, request: Request) -> None:
        try:
            if self._pre:
                self._pre(self._worker, request)
                request.apply()
        except BaseException:
            self._after(request, {}, None)
            raise
        self._count += 1

    def _after(self, request: Request, environ: Environ, response: Response | None) -> None:
        if self._post is None:
            return
        try:
            self._post(*(self._worker, request, environ, response)[: self._arguments])
        except Exception:
            self._log.exception("the hook post_request failed")


def positional(function: Callable[..., Any]) -> int:
    """How many arguments it takes by their position, without `*args`."""
    return sum(each.kind in _POSITIONAL for each in inspect.signature(function).parameters.values())
