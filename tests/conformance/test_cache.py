"""The cases of cases/cache against a server with --cache. A file is about one rule, a case is a row of
requests for a path of its own. What it says of each request:

    method, fields, target   GET, none and the path of the case, unless given; {path} in a target is that path
    raw                      or the lines of the request instead, with the content behind an empty one
    answer                   what the application answers if it is asked: status, fields, body (cache_app.py)
    from                     "application", "cache" or "nobody": who answers; "renewed": the cache, and the
                             application is asked behind it; "validated": the cache, after that was asked
    status, headers, absent  of the response; a header that is "*" is there
    body                     of the response
    asked                    what the application was asked with in If-None-Match or If-Modified-Since

A file's `given` is the answer of the requests that name none.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import servers

DIRECTORY = Path(__file__).with_name("cases") / "cache"
SECONDS = 20.0
STEP_KEYS = {
    "method",
    "fields",
    "target",
    "raw",
    "answer",
    "from",
    "status",
    "headers",
    "absent",
    "body",
    "asked",
}


def written() -> Iterator[Any]:
    for path in sorted(DIRECTORY.glob("*.toml")):
        table = tomllib.loads(path.read_text())
        assert set(table) <= {"rule", "rfc", "given", "case"}, path
        for case in table["case"]:
            assert set(case) <= {"name", "rfc", "note", "steps"}, case["name"]
            assert all(set(step) <= STEP_KEYS for step in case["steps"]), case["name"]
            yield pytest.param(case, table.get("given", {}), id=f"{path.stem}: {case['name']}")


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    program = Path(sys.executable).with_name("rhebok")
    host, port = "127.0.0.1", free_port()
    command = [
        str(program), "-w", "1", "-b", f"{host}:{port}", "--chdir", str(servers.HERE),
        "--log-level", "critical", "--cache", "8m", "cache_app:application",
    ]  # fmt: skip
    server = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + SECONDS
        while not answers(host, port):
            assert time.monotonic() < deadline, "the server does not answer"
        yield host, port
    finally:
        server.terminate()
        server.wait(SECONDS)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def answers(host: str, port: int) -> bool:
    try:
        ask((host, port), "GET", "/calls", {})
    except OSError:
        return False
    return True


def ask(
    address: tuple[str, int], method: str, target: str, fields: dict[str, str]
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(*address, timeout=SECONDS)
    try:
        connection.request(method, target, headers=fields)
        response = connection.getresponse()
        body = response.read().decode()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, body
    finally:
        connection.close()


def ask_raw(address: tuple[str, int], lines: list[str], answer: str) -> tuple[int, dict[str, str], str]:
    first, *others = lines
    text = "\r\n".join([first, f"Answer: {answer}", "Connection: close", *others])
    with socket.create_connection(address, SECONDS) as connection:
        connection.sendall((text if "" in others else f"{text}\r\n\r\n").encode())
        response = http.client.HTTPResponse(connection)
        response.begin()
        body = response.read().decode()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, body


def calls(address: tuple[str, int], path: str) -> int:
    return int(ask(address, "GET", f"/calls?{path}", {})[2])


def problems(
    address: tuple[str, int], path: str, step: dict[str, Any], given: dict[str, Any]
) -> Iterator[str]:
    """What is not as the step says."""
    before, seen = calls(address, path), step.get("target", "{path}").replace("{path}", path)
    answer = json.dumps(step.get("answer", given))
    if "raw" in step:
        lines = [line.replace("{path}", path) for line in step["raw"]]
        status, headers, body = ask_raw(address, lines, answer)
    else:
        fields = {**step.get("fields", {}), "Answer": answer}
        status, headers, body = ask(address, step.get("method", "GET"), seen, fields)
    comes_from = step.get("from", "application")
    wanted = before + (comes_from not in ("cache", "nobody"))
    deadline = time.monotonic() + (SECONDS if comes_from == "renewed" else 0.0)
    while (after := calls(address, path)) != wanted and time.monotonic() < deadline:
        pass
    if after != wanted:
        yield f"the application was asked {after - before} times"
    is_hit, is_validated = comes_from in ("cache", "renewed"), comes_from == "validated"
    said = headers.get("cache-status", "")
    if ("; hit" in said) != is_hit or ("; fwd=stale; fwd-status=" in said) != is_validated:
        yield f"Cache-Status is {headers.get('cache-status')}"
    if status != step.get("status", 200):
        yield f"status {status}"
    for name, value in step.get("headers", {}).items():
        if headers.get(name.lower()) is None or value not in ("*", headers[name.lower()]):
            yield f"{name} is {headers.get(name.lower())!r}"
    yield from (f"{name} is there" for name in step.get("absent", []) if name.lower() in headers)
    if body != step.get("body", body):
        yield f"the body is {body!r}"
    if headers.get("asked", "no") != step.get("asked", headers.get("asked", "no")):
        yield f"the application was asked with {headers.get('asked')}"


@pytest.mark.parametrize(("case", "given"), list(written()))
def test_case(
    case: dict[str, Any], given: dict[str, Any], address: tuple[str, int], request: pytest.FixtureRequest
) -> None:
    path = f"/{abs(hash(request.node.nodeid)):x}"
    for number, step in enumerate(case["steps"], 1):
        found = list(problems(address, path, step, given))
        assert not found, f"request {number}: {'; '.join(found)}"
