"""A plain client that checks one response before wrk starts.

bench/run.py calls validate() once per started server: it checks the status, the body, and that the
connection is kept or closed as the mode requires. memory.py and instructions.py send their requests with
it too.
"""

from __future__ import annotations

import http.client
import socket

from bench.process import Address, ServerFailedError, connect
from bench.workloads import Workload, fault_in_answer


class WrongAnswerError(ServerFailedError):
    """The server responded, but not as the workload or the mode requires."""


def request_bytes(workload: Workload, close: bool) -> bytes:
    """The request as wrk sends it."""
    headers = [("Host", "127.0.0.1"), *workload.headers]
    if workload.body_size:
        headers.append(("Content-Length", str(workload.body_size)))
    if close:
        headers.append(("Connection", "close"))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return (
        f"{workload.method} {workload.path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
        + b"x" * workload.body_size
    )


def exchange(connection: socket.socket, request: bytes, method: str = "GET") -> http.client.HTTPResponse:
    """Sends a request and reads the response head; .read() returns the body."""
    connection.sendall(request)
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    return response


def check_answer(connection: socket.socket, workload: Workload, close: bool) -> None:
    """One exchange; raises when the response is not that of the workload."""
    response = exchange(connection, request_bytes(workload, close), workload.method)
    fault = fault_in_answer(workload, response.status, response.read())
    if fault:
        raise WrongAnswerError(f"wrong answer: {fault}")


def validate(address: Address, workload: Workload, close: bool) -> None:
    """Raises unless the response is right and the connection is closed (close modes) or kept (keep-alive)."""
    try:
        with connect(address) as connection:
            check_answer(connection, workload, close)
            if not close:
                check_answer(connection, workload, close)
            elif connection.recv(1):
                raise WrongAnswerError("bytes after the end of the answer")
    except TimeoutError as error:
        raise WrongAnswerError("no answer, or no close after it, within 10 s") from error
    except (OSError, http.client.HTTPException) as error:
        again = "" if close else " (is the connection kept alive?)"
        raise WrongAnswerError(f"broken exchange{again}: {error!r}") from error


def warm_up(address: Address, workload: Workload, requests: int = 50) -> None:
    """Some requests that are not measured: lazy imports, caches, first allocations."""
    try:
        for _ in range(requests):
            with connect(address) as connection:
                exchange(connection, request_bytes(workload, True), workload.method).read()
    except (OSError, http.client.HTTPException) as error:
        raise WrongAnswerError(f"broken exchange while warming up: {error!r}") from error
