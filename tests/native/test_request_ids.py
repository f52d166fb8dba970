"""--request-id: one identifier of a request, for the application, the client and the logs."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

from gateway_server import serving, wait_until

MADE = re.compile(r"[0-9a-f]{32}")


def app(environ: dict[str, Any], start_response: Any) -> Any:
    if environ["PATH_INFO"] == "/raise":
        raise RuntimeError("broken")
    headers = [("X-REQUEST-ID", "of the application")] if environ["PATH_INFO"] == "/own" else []
    start_response("200 OK", headers)
    seen = [environ.get("HTTP_X_REQUEST_ID"), environ.get("rhebok.request_id")]
    body = json.dumps(seen).encode()
    return (part for part in [body]) if environ["PATH_INFO"] == "/parts" else [body]


def test_without_the_option_the_field_is_like_any_other() -> None:
    with serving(app) as server:
        response = server.get("/", "X-Request-ID: abc")
        assert json.loads(response.body) == ["abc", None]
        assert response.header("X-Request-ID") is None


def test_the_application_and_the_client_get_that_of_a_trusted_proxy() -> None:
    with serving(app, request_id="X-Request-ID") as server:
        for path in ("/", "/parts"):
            response = server.get(path, "x-request-id: abc-1")
            assert json.loads(response.body) == ["abc-1", "abc-1"]
            assert response.header("X-Request-ID") == "abc-1"


def test_otherwise_one_is_made_for_each_request() -> None:
    wrong = (
        "X-Request-ID: a b",
        "X-Request-ID: a\r\nX-Request-ID: a",
        "X-Request-ID: " + "a" * 129,
        "X-Other: 1",
    )
    with serving(app, request_id="X-Request-ID") as server, server.client() as client:
        made = set()
        for field in wrong * 2:
            response = client.get("/", field)
            first, second = json.loads(response.body)
            assert first == second == response.header("X-Request-ID")
            assert MADE.fullmatch(first)
            made.add(first)
        assert len(made) == 2 * len(wrong)


def test_who_is_no_trusted_proxy_is_not_believed() -> None:
    with serving(app, request_id="X-Request-ID", forwarded_allow_ips=("192.0.2.1",)) as server:
        first, _ = json.loads(server.get("/", "X-Request-ID: abc").body)
        assert MADE.fullmatch(first)


def test_a_field_of_the_application_replaces_ours() -> None:
    with serving(app, request_id="X-Request-ID") as server:
        assert server.get("/own").header("X-Request-ID") == "of the application"


def test_the_field_may_have_another_name() -> None:
    with serving(app, request_id="X-Correlation-ID") as server:
        response = server.get("/", "X-Correlation-ID: abc", "X-Request-ID: def")
        assert json.loads(response.body) == ["def", "abc"]
        assert response.header("X-Correlation-ID") == "abc"
        assert response.header("X-Request-ID") is None


def test_an_error_of_the_application_names_it_and_so_does_the_answer() -> None:
    with serving(app, request_id="X-Request-ID") as server:
        response = server.get("/raise", "X-Request-ID: abc")
        assert (response.status, response.header("X-Request-ID")) == (500, "abc")
        server.wait_for_log("error in the application, request GET /raise, id abc")


def test_the_access_log_has_it_also_of_a_refused_request(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    with serving(
        app, request_id="X-Request-ID", access_logfile=str(path), access_logformat="%(s)s %({request_id}x)s"
    ) as server:
        server.get("/", "X-Request-ID: abc")
        made = server.get("/").header("X-Request-ID")
        with server.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\nX-Request-ID: bad\r\nExpect: x\r\n\r\n")
            client.rest()
        wait_until(lambda: path.exists() and path.read_text().count("\n") == 3, "three lines")
        assert path.read_text().splitlines() == ["200 abc", f"200 {made}", "417 bad"]


def test_the_error_names_the_trace_too_for_who_reads_records(tmp_path: Path) -> None:
    """As attributes of the record."""

    def failing(environ: dict[str, Any], start_response: Any) -> Any:
        class Shown(logging.Handler):
            def emit(self, record: Any) -> None:
                environ["wsgi.errors"].write(f"{record.request_id} {record.trace_id}\n")

        logging.getLogger().addHandler(Shown())
        raise RuntimeError("broken")

    with serving(failing, request_id="X-Request-ID") as server:
        trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        server.get("/", "X-Request-ID: abc", trace)
        server.wait_for_log("abc 4bf92f3577b34da6a3ce929d0e0e4736")
