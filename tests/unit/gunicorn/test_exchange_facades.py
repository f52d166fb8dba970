"""req and resp: what they show of environ and response, and what pre_request can change."""

import pytest

from rhebok.gunicorn.exchange_facades import Request, Response

ENVIRON = {
    "REQUEST_METHOD": "GET",
    "RAW_URI": "/a%20b/c?x=1&y=2",
    "REQUEST_URI": "/a%20b/c?x=1&y=2",
    "PATH_INFO": "/a b/c",
    "QUERY_STRING": "x=1&y=2",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "192.0.2.1",
    "REMOTE_PORT": "4711",
    "HTTP_HOST": "example.com",
    "HTTP_X_REQUEST_ID": "7",
    "CONTENT_TYPE": "text/plain",
    "CONTENT_LENGTH": "3",
    "wsgi.url_scheme": "http",
    "wsgi.input": object(),
}


@pytest.fixture
def environ():
    return dict(ENVIRON)


def test_a_request_has_what_the_request_line_says(environ):
    request = Request(environ)
    assert (request.method, request.uri) == ("GET", "/a%20b/c?x=1&y=2")
    assert (request.path, request.query, request.fragment) == ("/a%20b/c", "x=1&y=2", "")
    assert request.version == (1, 1)
    assert request.remote_addr == request.peer_addr == ("192.0.2.1", 4711)
    assert request.scheme == "http"
    assert request.body is ENVIRON["wsgi.input"]
    assert not request.should_close()


@pytest.mark.parametrize(
    ("uri", "path", "query"),
    [("*", "*", ""), ("http://h/p?q", "/p", "q"), ("http://h", "/", ""), ("//a/b", "//a/b", "")],
)
def test_a_target_may_have_other_forms(environ, uri, path, query):
    request = Request(environ | {"RAW_URI": uri})
    assert (request.path, request.query) == (path, query)


def test_headers_are_pairs_with_names_in_capitals(environ):
    assert Request(environ).headers == [
        ("HOST", "example.com"),
        ("X-REQUEST-ID", "7"),
        ("CONTENT-TYPE", "text/plain"),
        ("CONTENT-LENGTH", "3"),
    ]


def test_a_request_that_is_left_alone_leaves_the_environ_alone(environ):
    request = Request(environ)
    request.mine = request.headers
    request.apply()
    assert environ == ENVIRON


def test_headers_that_a_hook_adds_changes_or_removes_reach_the_application(environ):
    request = Request(environ)
    request.headers.append(("x-trace-id", "1"))
    request.headers.append(("X-Trace-Id", "2"))
    request.headers.remove(("X-REQUEST-ID", "7"))
    request.headers[0] = ("HOST", "example.org")
    request.apply()
    assert environ["HTTP_X_TRACE_ID"] == "1,2"
    assert environ["HTTP_HOST"] == "example.org"
    assert "HTTP_X_REQUEST_ID" not in environ
    assert environ["CONTENT_TYPE"] == "text/plain"


def test_headers_can_be_replaced_as_a_whole(environ):
    request = Request(environ)
    request.headers = [("HOST", "h")]
    request.apply()
    assert {key for key in environ if key.startswith(("HTTP_", "CONTENT"))} == {"HTTP_HOST"}


def test_the_request_line_can_be_changed(environ):
    request = Request(environ)
    request.method, request.path, request.query, request.scheme = "POST", "/caf%C3%A9", "z", "https"
    request.uri = "/other"
    request.apply()
    assert environ["REQUEST_METHOD"] == "POST"
    assert environ["PATH_INFO"] == "/caf\xc3\xa9"
    assert environ["QUERY_STRING"] == "z"
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["RAW_URI"] == environ["REQUEST_URI"] == "/other"


@pytest.mark.parametrize(
    ("protocol", "connection", "closes"),
    [("HTTP/1.1", "close", True), ("HTTP/1.0", "", True), ("HTTP/1.0", "Keep-Alive", False)],
)
def test_a_request_says_whether_it_ends_the_connection(environ, protocol, connection, closes):
    environ |= {"SERVER_PROTOCOL": protocol, "HTTP_CONNECTION": connection}
    assert Request(environ).should_close() is closes


def test_a_response_has_what_start_response_was_given(environ):
    response = Response(Request(environ), None)
    start = response.noting(lambda status, headers, exc_info: "write")
    assert start("404 Not Found", [("Content-Length", "12"), ("X-A", "b")]) == "write"
    response.ended(12)
    assert (response.status, response.status_code) == ("404 Not Found", 404)
    assert response.headers == [("Content-Length", "12"), ("X-A", "b")]
    assert (response.response_length, response.sent, response.headers_sent) == (12, 12, True)


def test_what_start_response_refuses_is_not_noted(environ):
    def refuse(status, headers, exc_info):
        raise ValueError("no such status")

    response = Response(Request(environ), None)
    with pytest.raises(ValueError, match="no such"):
        response.noting(refuse)("200 OK", [])
    response.ended(0)
    assert (response.status, response.status_code, response.headers_sent) == (None, None, False)
