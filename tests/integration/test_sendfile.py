"""--sendfile-root: files that applications name by X-Sendfile and X-Accel-Redirect."""

import os
import resource
import time
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from integration.conftest import Serve
from integration.http_client import Client, Response, head
from integration.server import Server
from integration.waiting import until

LARGE = 4 << 20


@pytest.fixture
def media(tmp_path: Path) -> Path:
    directory = tmp_path / "media"
    (directory / "sub").mkdir(parents=True)
    (directory / "a.txt").write_text("0123456789")
    (directory / "empty.txt").write_text("")
    (directory / "sub" / "übung.txt").write_text("umlaut")
    (directory / "a b%20c.txt").write_text("spaces")
    (directory / ".profile").write_text("hidden")
    (directory / "large.bin").write_bytes(os.urandom(LARGE))
    (tmp_path / "secret").write_text("secret")
    (directory / "out").symlink_to("../secret")
    hour_ago = time.time() - 3600
    for path in (*directory.iterdir(), *(directory / "sub").iterdir()):
        if not path.is_symlink() and path.is_file():
            os.utime(path, (hour_ago, hour_ago))
    return directory


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def server(serve: Serve, media: Path, request: pytest.FixtureRequest) -> Server:
    roots = ("--sendfile-root", "media", "--sendfile-root", "/protected/=media")
    return serve("files_by_name", *roots, "--threads", str(request.param))


def target(**query: str) -> str:
    return "/?" + urlencode(
        {name.replace("_", "-"): value for name, value in query.items()}, encoding="latin-1"
    )


def ask(server: Server, path: Path | str, method: str = "GET", how: str = "list", **fields: str) -> Response:
    with server.client() as client:
        return client.request(method, target(X_Sendfile=str(path), how=how), **fields)


HOWS = ("list", "iterator", "late", "write")


@pytest.mark.parametrize("how", HOWS)
def test_the_file_is_sent_in_place_of_the_body(server: Server, media: Path, how: str) -> None:
    with server.client() as client:
        for name in ("a.txt", "large.bin", "empty.txt", "a.txt"):
            found = client.get(target(X_Sendfile=str(media / name), how=how))
            assert found.status == 200
            assert found.body == (media / name).read_bytes()
            assert found.fields["x-own"] == "kept"
            assert found.fields["content-length"] == str(len(found.body))
            assert "x-sendfile" not in found.fields
            assert found.fields["accept-ranges"] == "bytes"
            assert {"etag", "last-modified"} <= set(found.fields)
            same = client.request("HEAD", target(X_Sendfile=str(media / name), how=how))
            assert same.fields["content-length"] == found.fields["content-length"]
        assert client.get("/").body == b"body"


@pytest.mark.parametrize("how", HOWS)
def test_ranges_and_conditions_are_applied(server: Server, media: Path, how: str) -> None:
    whole = ask(server, media / "a.txt", how=how)
    part = ask(server, media / "a.txt", how=how, Range="bytes=2-4")
    assert (part.status, part.body, part.fields["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert part.fields["x-own"] == "kept"
    none = ask(server, media / "a.txt", how=how, Range="bytes=10-")
    assert (none.status, none.fields["content-range"]) == (416, "bytes */10")
    same = ask(server, media / "a.txt", how=how, If_None_Match=whole.fields["etag"])
    assert (same.status, same.body, same.fields["x-own"]) == (304, b"", "kept")
    other = ask(server, media / "a.txt", how=how, If_Match='"x"')
    assert other.status == 412
    stale = ask(server, media / "a.txt", how=how, Range="bytes=0-1", If_Range='"x"')
    assert (stale.status, stale.body) == (200, b"0123456789")


def test_head_has_the_length_of_the_file(server: Server, media: Path) -> None:
    found = ask(server, media / "a.txt", method="HEAD", Range="bytes=0-1")
    assert (found.status, found.fields["content-length"], found.body) == (200, "10", b"")


def test_the_fields_of_the_application_are_kept(server: Server, media: Path) -> None:
    given = {
        "Content-Type": "text/x-own",
        "ETag": '"own"',
        "Cache-Control": "private",
        "Content-Disposition": "inline",
    }
    asked = target(X_Sendfile=str(media / "a.txt"), **given)
    with server.client() as client:
        found = client.get(asked)
        assert {name: found.fields[name.lower()] for name in given} == given
        assert client.get(asked, If_None_Match='"own"').status == 304
        assert client.get(asked, Range="bytes=0-0", If_Range='"own"').body == b"0"


def test_a_304_has_what_is_not_of_the_body(server: Server, media: Path) -> None:
    given = {
        "Cache-Control": "private",
        "Content-Location": "/a",
        "Content-Security-Policy": "sandbox",
        "Vary": "Cookie",
    }
    of_the_body = {"Content-Type": "text/x-own", "Content-Disposition": "inline", "Content-Language": "en"}
    with server.client() as client:
        found = client.get(target(X_Sendfile=str(media / "a.txt"), **given, **of_the_body), If_None_Match="*")
        assert found.status == 304
        assert {name: found.fields[name.lower()] for name in given} == given
        assert {"etag", "last-modified", "date"} <= set(found.fields)
        assert not {name.lower() for name in of_the_body} & set(found.fields)


@pytest.mark.parametrize(
    ("asked", "status"), [({"If_Match": '"x"'}, 412), ({"Range": "bytes=99-"}, 416)], ids=["412", "416"]
)
def test_what_one_client_is_refused_is_for_no_cache(
    server: Server, media: Path, asked: dict[str, str], status: int
) -> None:
    given = {
        "Cache-Control": "public, max-age=60",
        "Expires": "Fri, 31 Dec 9999 23:59:59 GMT",
        "CDN-Cache-Control": "max-age=60",
    }
    with server.client() as client:
        found = client.get(target(X_Sendfile=str(media / "a.txt"), **given), **asked)
        assert found.status == status
        assert found.fields["cache-control"] == "no-store"
        assert not {"expires", "cdn-cache-control", "etag", "last-modified"} & set(found.fields)
        assert found.fields["x-own"] == "kept"


def test_another_status_is_kept_with_the_whole_file(server: Server, media: Path) -> None:
    asked = target(X_Sendfile=str(media / "a.txt"), status="404 Not Here")
    with server.client() as client:
        found = client.get(asked, Range="bytes=0-0", If_None_Match="*")
        assert (found.status, found.body) == (404, b"0123456789")


def test_a_partial_response_of_the_application_is_made_anew(server: Server, media: Path) -> None:
    given = {"Content-Range": "bytes 0-3/10", "status": "206 Partial Content"}
    asked = target(X_Sendfile=str(media / "a.txt"), **given)
    with server.client() as client:
        found = client.get(asked, Range="bytes=5-6")
        assert (found.status, found.body, found.fields["content-range"]) == (206, b"56", "bytes 5-6/10")
        assert client.get(asked).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_other_methods_get_all_of_it(server: Server, media: Path, method: str) -> None:
    found = ask(server, media / "a.txt", method=method, Range="bytes=0-0", If_None_Match="*")
    assert (found.status, found.body) == (200, b"0123456789")
    assert found.fields["content-type"] == "text/plain; charset=utf-8"
    assert not {"etag", "last-modified", "accept-ranges"} & set(found.fields)


def test_names_may_have_any_bytes(server: Server, media: Path) -> None:
    assert ask(server, media / "a b%20c.txt").body == b"spaces"
    assert ask(server, media / ".profile").body == b"hidden"  # the application knows what it names
    as_django = str(media / "sub" / "übung.txt")  # in latin-1
    assert ask(server, as_django).body == b"umlaut"
    as_bytes = as_django.encode().decode("latin-1")
    assert ask(server, as_bytes).body == b"umlaut"


def test_a_url_is_mapped_to_its_directory(server: Server, media: Path) -> None:
    with server.client() as client:
        for name in ("a.txt", "a b%20c.txt", "sub/übung.txt"):
            asked = target(X_Accel_Redirect="/protected/" + quote(name))
            found = client.get(asked)
            assert (found.status, found.body) == (200, (media / name).read_bytes())
            assert "x-accel-redirect" not in found.fields
        assert client.get(target(X_Accel_Redirect="/protected/a.txt?x=1")).body == b"0123456789"


def outside(media: Path) -> list[tuple[str, str]]:
    places = [
        media.parent / "secret", f"{media}/../secret", f"{media}/./a.txt", f"{media}//a.txt",
        f"{media}x/a.txt", "/etc/passwd", "a.txt", "", "media/a.txt", media, f"{media}/",
    ]  # fmt: skip
    urls = [
        "/protected/../secret",
        "/protected/%2e%2e/secret",
        "/other/a.txt",
        "@named",
        "/protected/%00",
        "",
    ]
    return [("X-Sendfile", str(each)) for each in places] + [("X-Accel-Redirect", each) for each in urls]


def test_without_a_descriptor_for_it_a_file_is_a_503(server: Server, media: Path) -> None:
    worker = server.workers()[0]
    before = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    with server.client() as client:
        request = head("GET", target(X_Sendfile=str(media / "large.bin")))
        client.get(target(X_Sendfile=str(media / "a.txt")))
        client.send(request[:10])  # an idle connection would be closed to make room for another one
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (8, before[1]))
        client.send(request[10:])
        refused = client.response()
        assert (refused.status, refused.body) == (503, b"Service Unavailable\n")
        assert "x-own" not in refused.fields
        server.wait_for("cannot be sent: .*: Too many open files")
        resource.prlimit(worker, resource.RLIMIT_NOFILE, before)
        assert client.get(target(X_Sendfile=str(media / "large.bin"))).status == 200


def test_what_is_in_no_root_is_a_500_and_a_line(server: Server, media: Path) -> None:
    with server.client() as client:
        for number, (name, value) in enumerate(outside(media), 1):
            found = client.get(target(**{name: value}))
            assert (found.status, found.body) == (500, b"Internal Server Error\n"), (name, value)
            assert not {"x-own", "x-sendfile", "x-accel-redirect"} & set(found.fields)
            server.wait_for(
                r"the file of the response to .* cannot be sent: .*: in no --sendfile-root", number
            )
        assert client.get("/").body == b"body"


def test_what_is_not_there_is_a_404_and_a_line(server: Server, media: Path) -> None:
    for number, name in enumerate(("none", "out", "sub", "a.txt/b"), 1):
        found = ask(server, media / name)
        assert (found.status, found.body) == (404, b"Not Found\n"), name
        server.wait_for(r"cannot be sent: x-sendfile .*: No such file", number)


def test_without_roots_the_fields_are_those_of_others(serve: Serve, media: Path) -> None:
    server = serve("files_by_name", "--sendfile-root", "/protected/=media")
    found = ask(server, media / "a.txt")
    assert (found.body, found.fields["x-sendfile"]) == (b"body", str(media / "a.txt"))
    plain = serve("files_by_name")
    with plain.client() as client:
        assert "x-accel-redirect" in client.get(target(X_Accel_Redirect="/protected/a.txt")).fields


def test_a_root_may_be_a_link(serve: Serve, media: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("media")
    server = serve("files_by_name", "--sendfile-root", "link")
    assert ask(server, tmp_path / "link" / "a.txt").body == b"0123456789"
    assert ask(server, media / "a.txt").body == b"0123456789"


def test_a_slow_reader_gets_all_of_it(server: Server, media: Path) -> None:
    with Client(server.address, receive_buffer=4096) as slow, server.client() as other:
        slow.send(head("GET", target(X_Sendfile=str(media / "large.bin"))))
        slow.response_head()
        assert other.get("/").body == b"body"
        assert slow.read(LARGE) == (media / "large.bin").read_bytes()


def test_descriptors_are_closed(server: Server, media: Path) -> None:
    worker = server.workers()[0]
    ask(server, media / "a.txt")
    directory = f"/proc/{worker}/fd"
    before = len(os.listdir(directory))
    for _ in range(20):
        ask(server, media / "a.txt")
        ask(server, media / "a.txt", method="HEAD")
        ask(server, media / "a.txt", Range="bytes=99-")
    until(lambda: len(os.listdir(directory)) <= before, lambda: f"{before}, now {os.listdir(directory)}")


FLASK = """
from flask import Flask, send_file
application = Flask(__name__)
application.config["USE_X_SENDFILE"] = True
@application.get("/<name>")
def file(name):
    return send_file("/".join([{media!r}, name]), as_attachment=True, conditional=True)
"""

DJANGO = """
import django.conf
from django.core.wsgi import get_wsgi_application
from django.urls import path
django.conf.settings.configure(
    SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__,
    SENDFILE_ROOT={media!r}, SENDFILE_URL="/protected",
    SENDFILE_BACKEND="django_sendfile.backends.{backend}",
)
from django_sendfile import sendfile
def file(request, name):
    return sendfile(request, "/".join([{media!r}, name]), attachment=True)
urlpatterns = [path("<name>", file)]
application = get_wsgi_application()
"""


@pytest.mark.parametrize("kind", ["flask", "django_sendfile xsendfile", "django_sendfile nginx"])
def test_frameworks_send_their_files(serve: Serve, media: Path, tmp_path: Path, kind: str) -> None:
    package, _, backend = kind.partition(" ")
    pytest.importorskip(package)
    source = DJANGO if backend else FLASK
    (tmp_path / "site_of_files.py").write_text(source.format(media=str(media), backend=backend))
    roots = ("--sendfile-root", "media", "--sendfile-root", "/protected/=media")
    server = serve("site_of_files:application", *roots)
    with server.client() as client:
        found = client.get("/large.bin")
        assert found.body == (media / "large.bin").read_bytes()
        assert "attachment" in found.fields["content-disposition"]
        assert not {"x-sendfile", "x-accel-redirect"} & set(found.fields)
        assert client.get("/" + quote("a b%20c.txt")).body == b"spaces"
        part = client.get("/a.txt", Range="bytes=3-5")
        assert (part.status, part.body) == (206, b"345")
        assert part.fields["content-range"] == "bytes 3-5/10"
        assert client.get("/a.txt", If_None_Match=found.fields["etag"]).status == 200
        again = client.get("/a.txt", If_None_Match=part.fields["etag"])
        assert (again.status, again.body) == (304, b"")
