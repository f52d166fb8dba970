"""Lines of the access log, for each way that a response can end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway_server import PATIENCE, serving, wait_until

FORMAT = '%(h)s "%(r)s" %(s)s %(B)s "%(a)s" %({x-kind}o)s %({wsgi.url_scheme}e)s %({x-id}i)s'


def app(environ: dict[str, Any], start_response: Any) -> Any:
    start_response("200 OK", [("X-Kind", environ["PATH_INFO"][1:])])
    if environ["PATH_INFO"] == "/iterator":
        return (b"x" * 100_000 for _ in range(50))
    if environ["PATH_INFO"] == "/broken":
        return broken()
    return [b"hello"]


def broken() -> Iterator[bytes]:
    yield b"hello"
    raise RuntimeError("broken")


def lines_of(path: Path, count: int) -> list[str]:
    def lines() -> list[str]:
        return path.read_text().splitlines() if path.exists() else []

    wait_until(lambda: len(lines()) >= count, f"{count} lines in the access log")
    return lines()


def test_a_line_is_written_for_each_response(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    with serving(app, access_logfile=str(path), access_logformat=FORMAT) as server:
        server.get("/list?q", "User-Agent: tests", "X-Id: 7")
        with server.client(receive_buffer=4096) as client:
            client.send(b"GET /iterator HTTP/1.1\r\nHost: h\r\nX-Id: 8\r\n\r\n")
            client.more()
            server.get("/list")  # while the other one is suspended
            assert len(client.response().body) == 5_000_000
        server.get("/list", method="HEAD")
        with server.client() as client:
            client.send(b"GET /broken HTTP/1.1\r\nHost: h\r\n\r\n")
            client.rest()
        with server.client() as client:
            client.send(b"nonsense\r\n\r\n")
            client.rest()
        assert lines_of(path, 6) == [
            '127.0.0.1 "GET /list?q HTTP/1.1" 200 5 "tests" list http 7',
            '127.0.0.1 "GET /list HTTP/1.1" 200 5 "-" list http -',
            '127.0.0.1 "GET /iterator HTTP/1.1" 200 5000000 "-" iterator http 8',
            '127.0.0.1 "HEAD /list HTTP/1.1" 200 0 "-" list http -',
            '127.0.0.1 "GET /broken HTTP/1.1" 200 5 "-" broken http -',
            '127.0.0.1 "-" 400 12 "-" - - -',
        ]


def test_the_file_is_reopened_after_a_rename(tmp_path: Path) -> None:
    path, old = tmp_path / "access.log", tmp_path / "access.log.1"
    with serving(app, access_logfile=str(path), access_logformat="%(U)s") as server:
        server.get("/before")
        assert lines_of(path, 1) == ["/before"]
        path.rename(old)
        server.get("/after")
        assert lines_of(path, 1) == ["/after"]
        assert lines_of(old, 1) == ["/before"]


def test_a_variable_that_has_no_text_is_logged_as_a_dash(tmp_path: Path) -> None:
    class Mute:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        environ["mute"] = Mute()
        start_response("200 OK", [])
        return [b"hello"]

    path = tmp_path / "access.log"
    with serving(app, access_logfile=str(path), access_logformat="%(s)s %({mute}e)s") as server:
        with server.client() as client:
            assert client.get().body == b"hello"
            assert client.get().body == b"hello"
        server.wait_for_log("RuntimeError: no text")
        assert lines_of(path, 2) == ["200 -", "200 -"]


def test_trace_and_front_time_come_from_the_fields(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    form = "%({trace_id}x)s %({span_id}x)s %({front_time}x)s"
    trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    start = f"X-Request-Start: t={time.time() - 5:.3f}"
    with serving(app, access_logfile=str(path), access_logformat=form) as server:
        server.get("/list", trace, start)
        server.get("/list", trace + "0", start + "x")
        with server.client() as client:
            client.send(f"GET / HTTP/1.1\r\nHost: h\r\n{start}\r\nExpect: x\r\n\r\n".encode())
            client.rest()
        first, second, third = (line.split() for line in lines_of(path, 3))
    assert first[:2] == ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"]
    assert second == ["-", "-", "-"]
    assert 5 <= float(first[2]) < 5 + PATIENCE
    assert 5 <= float(third[2]) < 5 + PATIENCE


def test_only_a_trusted_proxy_is_believed_about_its_time(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    with serving(
        app,
        access_logfile=str(path),
        access_logformat="%({front_time}x)s",
        forwarded_allow_ips=("192.0.2.1",),
    ) as server:
        server.get("/list", f"X-Request-Start: t={time.time() - 5:.3f}")
        assert lines_of(path, 1) == ["-"]


def test_health_checks_are_left_out_unless_they_fail(tmp_path: Path) -> None:
    def health(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("503 Not Ready" if environ["QUERY_STRING"] else "200 OK", [])
        return [b""]

    path = tmp_path / "access.log"
    with serving(
        health,
        access_logfile=str(path),
        access_logformat="%(U)s %(s)s",
        access_log_exclude=("/livez", "/static/*"),
    ) as server:
        for target in ("/livez", "/livez?fail", "/static/a.css", "/"):
            server.get(target)
        with server.client() as client:
            client.send(b"GET /livez HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n")  # refused by us
            client.rest()
        server.get("/last")
        assert lines_of(path, 3) == ["/livez 503", "/ 200", "/last 200"]


def test_a_sample_has_errors_and_slow_requests_always(tmp_path: Path) -> None:
    def some(environ: dict[str, Any], start_response: Any) -> Any:
        status = "500 Failed" if environ["PATH_INFO"] == "/error" else "200 OK"
        end = time.monotonic() + (0.02 if environ["PATH_INFO"] == "/slow" else 0)
        while time.monotonic() < end:
            pass
        start_response(status, [])
        return [b""]

    path = tmp_path / "access.log"
    with serving(
        some,
        access_logfile=str(path),
        access_logformat="%(U)s",
        access_log_sample=1e-9,
        access_log_slow=0.02,
    ) as server:
        with server.client() as client:
            for target in ("/a", "/error", "/b", "/slow") * 5:
                client.get(target)
        found = lines_of(path, 10)
        assert found.count("/error") == 5
        assert found.count("/slow") == 5


def test_a_request_that_waits_for_another_has_a_time_in_queue(tmp_path: Path) -> None:
    path, begun, go = tmp_path / "access.log", tmp_path / "begun", tmp_path / "go"

    def busy(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/slow":
            begun.touch()
            wait_until(go.exists, "go")
        start_response("200 OK", [])
        return [b""]

    form = "%(U)s %({queue_time}x)s %({app_time}x)s"
    with (
        serving(busy, access_logfile=str(path), access_logformat=form) as server,
        server.client() as first,
        server.client() as second,
    ):
        second.get("/first")
        first.send(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        wait_until(begun.exists, "the slow one")
        second.send(b"GET /waits HTTP/1.1\r\nHost: h\r\n\r\n")
        sent = time.monotonic()
        wait_until(lambda: time.monotonic() > sent + 0.2, "0.2 s")
        go.touch()
        first.response()
        second.response()
        found = {line.split()[0]: [float(word) for word in line.split()[1:]] for line in lines_of(path, 3)}
    assert found["/slow"][1] >= 0.2
    assert found["/waits"][0] >= 0.19  # the kernel counts in steps of some ms
    assert found["/slow"][0] < 0.19 > found["/waits"][1]


def test_the_time_of_a_slow_client_is_not_that_of_the_application(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    form = "%(U)s %(L)s %({app_time}x)s"
    with serving(app, access_logfile=str(path), access_logformat=form) as server:
        with server.client(receive_buffer=4096) as client:
            client.send(b"GET /iterator HTTP/1.1\r\nHost: h\r\n\r\n")
            client.more()
            since = time.monotonic()
            wait_until(lambda: time.monotonic() > since + 0.2, "0.2 s")
            client.response()
        (line,) = lines_of(path, 1)
    _, whole, application = line.split()
    assert float(whole) - float(application) >= 0.15
