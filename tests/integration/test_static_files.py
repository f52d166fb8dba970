"""--static through the real command: real sockets, slow and vanished clients, stops, threads, logs."""

import os
import re
import resource
import socket
import subprocess
import time
from pathlib import Path

import pytest
from deploy.identities import STRANGER, as_root, open_to_all

from integration.conftest import Serve
from integration.http_client import Client, head
from integration.server import command, environment
from integration.waiting import until

LARGE = 8 << 20


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The directory; its files are older than the two seconds in which they might still change."""
    directory = tmp_path / "files"
    directory.mkdir()
    (directory / "small.txt").write_text("0123456789")
    (directory / "large.bin").write_bytes(os.urandom(1 << 20) * (LARGE >> 20))
    hour_ago = time.time() - 3600
    for path in directory.iterdir():
        os.utime(path, (hour_ago, hour_ago))
    return directory


STATIC = ("--static", "/static/=files")


@pytest.mark.parametrize("bind", ["127.0.0.1:0", "unix:app.sock"])
@pytest.mark.parametrize("threads", [1, 3])
def test_files_are_answered_beside_the_application(
    serve: Serve, files: Path, bind: str, threads: int
) -> None:
    server = serve("gated", *STATIC, "--threads", str(threads), bind=bind, workers=2)
    with server.client() as client:
        for _ in range(3):
            assert client.get("/static/small.txt").body == b"0123456789"
            assert client.get("/static/large.bin").body == (files / "large.bin").read_bytes()
            assert client.get("/").json() in server.workers()
            assert client.get("/static/none").json() in server.workers()


def test_a_request_may_come_byte_by_byte(serve: Serve, files: Path) -> None:
    server = serve("gated", *STATIC)
    with server.client() as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in head("GET", "/static/small.txt"):
            client.send(bytes([byte]))
        assert client.response().body == b"0123456789"


def test_a_pipeline_keeps_its_order(serve: Serve, files: Path) -> None:
    server = serve("gated", *STATIC)
    with server.client() as client:
        paths = ["/static/small.txt", "/", "/static/large.bin", "/static/small.txt", "/"] * 3
        client.send(b"".join(head("GET", path) for path in paths))
        sizes = [len(client.response().body) for _ in paths]
        small, large = 10, LARGE
        assert [sizes[at] for at in range(len(paths)) if at % 5 in (0, 3)] == [small] * 6
        assert [sizes[at] for at in range(len(paths)) if at % 5 == 2] == [large] * 3


@pytest.mark.parametrize("path", ["/static/large.bin"])
def test_a_stop_waits_for_a_slow_reader(serve: Serve, files: Path, path: str) -> None:
    server = serve("gated", *STATIC)
    with Client(server.address, receive_buffer=4096) as client:
        client.send(head("GET", path))
        status, fields = client.response_head()
        assert (status, fields["content-length"]) == (200, str(LARGE))
        os.kill(server.pid, 15)
        server.wait_for("stopping gracefully")
        assert client.read(LARGE) == (files / "large.bin").read_bytes()
        assert client.at_end()
    assert server.wait() == 0


def test_aborted_clients_leave_nothing_behind(serve: Serve, files: Path) -> None:
    server = serve("gated", *STATIC)
    server.get("/static/large.bin")
    worker = server.workers()[0]
    before = len(os.listdir(f"/proc/{worker}/fd"))
    for _ in range(30):
        with Client(server.address, receive_buffer=4096) as client:
            client.send(head("GET", "/static/large.bin"))
            client.response_head()
    until(
        lambda: len(os.listdir(f"/proc/{worker}/fd")) <= before,
        lambda: f"{before}, {os.listdir(f'/proc/{worker}/fd')}",
    )
    assert server.get("/static/small.txt").body == b"0123456789"


def test_a_file_that_shrinks_ends_the_connection(serve: Serve, files: Path) -> None:
    server = serve("gated", *STATIC)
    with Client(server.address, receive_buffer=4096) as client:
        client.send(head("GET", "/static/large.bin"))
        client.response_head()
        os.truncate(files / "large.bin", 100)
        assert len(client.rest()) < LARGE  # it ends, before all that was promised
    server.wait_for("a file of --static cannot be sent, .*: No data available")
    assert server.get("/static/small.txt").status == 200


def test_a_change_is_seen(serve: Serve, files: Path) -> None:
    server = serve("gated", *STATIC)
    assert server.get("/static/small.txt").body == b"0123456789"
    (files / "new").write_text("other")
    os.rename(files / "new", files / "small.txt")
    until(lambda: server.get("/static/small.txt").body == b"other", lambda: "the old content is sent")
    os.unlink(files / "small.txt")
    pid = b"%d" % server.workers()[0]
    until(lambda: server.get("/static/small.txt").body == pid, lambda: "it is still sent")


def test_links_out_of_the_directory_are_not_followed(serve: Serve, files: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (files / "out").symlink_to("../secret")
    (files / "absolute").symlink_to(tmp_path / "secret")
    (files / "up").symlink_to("..")
    (files / "in").symlink_to("small.txt")
    os.mkfifo(files / "fifo")
    server = serve("gated", *STATIC, "--static-only", "/static/")
    for name in ("out", "absolute", "up/secret", "fifo", "up"):
        assert server.get(f"/static/{name}").status == 404
    assert server.get("/static/in").body == b"0123456789"


def test_no_descriptors_left_is_survived(serve: Serve, files: Path) -> None:
    server = serve("gated", *STATIC)
    assert server.get("/static/small.txt").status == 200
    worker = server.workers()[0]
    _, hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    with server.client() as client:
        client.get("/static/small.txt")
        # a part of a head, since an idle connection would be closed to make room for another one
        requests = head("GET", "/static/large.bin") + head("GET", "/static/small.txt")
        client.send(requests[:10])
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (8, hard))
        client.send(requests[10:])
        assert client.response().status == 503
        server.wait_for("a file of --static cannot be sent, .*: Too many open files")
        assert client.response().status == 200  # from memory
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (1024, hard))
        assert client.get("/static/large.bin").status == 200


def test_requests_for_files_are_logged_and_counted(serve: Serve, files: Path) -> None:
    log = '%(h)s "%(r)s" %(s)s %(B)s %(D)s %({app_time}x)s %({queue_time}x)s %({content-length}o)s %({x-a}i)s'
    server = serve("gated", *STATIC, "--access-logfile", "access.log", "--access-logformat", log)
    with server.client() as client:
        client.get("/static/small.txt", X_A="b")
        client.request("HEAD", "/static/small.txt")
        client.get("/static/small.txt", If_None_Match="*")
        client.get("/static/large.bin")
        client.get("/")
    assert server.stop() == 0
    lines = (server.directory / "access.log").read_text().splitlines()
    assert re.fullmatch(r'127.0.0.1 "GET /static/small.txt HTTP/1.1" 200 10 \d+ - [\d.]+ 10 b', lines[0])
    assert re.fullmatch(r'\S+ "HEAD /static/small.txt HTTP/1.1" 200 0 \d+ - [\d.]+ 10 -', lines[1])
    assert re.fullmatch(r'\S+ "GET /static/small.txt HTTP/1.1" 304 0 \d+ - [\d.]+ - -', lines[2])
    assert re.fullmatch(rf'\S+ "GET /static/large.bin HTTP/1.1" 200 {LARGE} \d+ - [\d.]+ {LARGE} -', lines[3])
    assert re.fullmatch(r'\S+ "GET / HTTP/1.1" 200 \d+ \d+ [\d.]+ [\d.]+ \d+ -', lines[4])


def test_they_have_identifiers(serve: Serve, files: Path) -> None:
    log = "%({request_id}x)s %(U)s"
    server = serve(
        "gated", *STATIC, "--request-id", "--access-logfile", "access.log", "--access-logformat", log
    )
    with server.client() as client:
        paths = ("/static/small.txt", "/static/large.bin", "/", "/static/small.txt")
        found = [(client.get(path).fields["x-request-id"], path) for path in paths]
        # of a proxy that is believed: 127.0.0.1 is one
        assert client.get("/static/small.txt", X_Request_ID="front-7").fields["x-request-id"] == "front-7"
    assert len({identifier for identifier, _ in found}) == len(paths)
    assert server.stop() == 0
    lines = (server.directory / "access.log").read_text().splitlines()
    assert lines == [*(" ".join(each) for each in found), "front-7 /static/small.txt"]


def test_they_do_not_count_for_max_requests(serve: Serve, files: Path) -> None:
    server = serve("gated", *STATIC, "--max-requests", "3")
    worker = server.workers()[0]
    with server.client() as client:
        for _ in range(10):
            client.get("/static/small.txt")
        assert client.get("/").json() == worker
        assert client.get("/").json() == worker


def test_they_come_under_root_path_as_the_client_asks(serve: Serve, files: Path) -> None:
    server = serve("gated", "--static", "/app/static/=files", "--root-path", "/app")
    assert server.get("/app/static/small.txt").body == b"0123456789"
    assert server.get("/static/small.txt").json() == server.workers()[0]


def test_a_proxy_header_comes_before_them(serve: Serve, files: Path) -> None:
    server = serve("gated", *STATIC, "--proxy-protocol", "v1", "--access-logfile", "access.log")
    with server.client() as client:
        client.send(b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n" + head("GET", "/static/small.txt"))
        assert client.response().body == b"0123456789"
    assert server.stop() == 0
    assert "192.0.2.1 - - " in (server.directory / "access.log").read_text()


def test_the_directory_of_the_application_is_warned_of(serve: Serve, files: Path, tmp_path: Path) -> None:
    server = serve("gated", "--static", "/a/=.", "--static", "/b/=files")
    server.wait_for(f"the directory of /a/, '{tmp_path}', is where the application is")
    assert not server.matches("the directory of /b/")


def test_files_of_users_are_sent_as_they_are(serve: Serve, files: Path) -> None:
    (files / "small.txt.gz").write_text("of another user")
    server = serve("gated", *STATIC, "--static", "/media/=files", "--static-uploads", "/media/")
    with server.client() as client:
        assert client.get("/static/small.txt", Accept_Encoding="gzip").body == b"of another user"
        found = client.get("/media/small.txt", Accept_Encoding="gzip")
        assert (found.body, found.fields["x-content-type-options"]) == (b"0123456789", "nosniff")


@as_root
def test_a_directory_that_is_closed_to_the_workers_is_named(
    serve: Serve, files: Path, tmp_path: Path
) -> None:
    open_to_all(tmp_path)
    files.chmod(0o700)
    user = ("--user", str(STRANGER), "--group", str(STRANGER))
    server = serve("gated", *STATIC, "--sendfile-root", str(tmp_path), *user)
    server.wait_for(r"--static: '.*/files' may not be searched by the user of the workers")
    assert not server.matches("--sendfile-root: ")
    assert server.get("/static/small.txt").json() == server.workers()[0]


def test_the_application_may_change_its_directory(serve: Serve, files: Path, tmp_path: Path) -> None:
    (tmp_path / "wanders.py").write_text("import os\nos.chdir('/')\nfrom gated import application\n")
    server = serve("wanders:application", *STATIC)
    assert server.get("/static/small.txt").body == b"0123456789"


@pytest.mark.parametrize("where", ["flag", "environment", "file"])
def test_mounts_are_named_everywhere(serve: Serve, files: Path, tmp_path: Path, where: str) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text("index")
    (tmp_path / "c.toml").write_text(
        'static_index = "index.html"\n[static]\n"/a" = "files"\n"/b/" = "other"\n'
    )
    options = {
        "flag": ("--static", "/a=files", "--static", "/b/=other", "--static-index", "index.html"),
        "file": ("--config", "c.toml"),
    }.get(where, ())
    variables = {"RHEBOK_STATIC": "/a=files /b/=other", "RHEBOK_STATIC_INDEX": "index.html"}
    server = serve("gated", *options, **(variables if where == "environment" else {}))
    assert server.get("/a/small.txt").body == b"0123456789"
    assert server.get("/b/").body == b"index"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--static", "/a/=nowhere"], "--static: 'nowhere' is no directory: make it, or name another one"),
        (["--sendfile-root", "nowhere"], "--sendfile-root: 'nowhere' is no directory: make it"),
        (["--static", "/a/=.", "--static-only", "/b/"], "--static-only: no --static mounts /b/"),
        (["--static", "/a/=.", "--static-uploads", "/b/"], "--static-uploads: no --static mounts /b/"),
        (["--static-max-age", "/b/=1"], "--static-max-age: no --static mounts /b/"),
        (["--static", "/a/=.", "--static", "/a=/"], "/a/ is there twice"),
        (["--static", "files"], "--static: got 'files' from the command line, but it takes /URL/=DIR"),
        (["--static", "/%61/=."], "'/%61/' is no path of a URL"),
        (["--static-max-age", "soon"], "it takes SECONDS or /URL/=SECONDS"),
        (["--static-index", "a/b"], "it takes the name of a file"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, options: list[str], says: str) -> None:
    (tmp_path / "app.py").write_text("def application(environ, start_response): ...\n")
    for more in ("--check-config",), ():
        ran = subprocess.run(
            [*command(), *options, *more, "--bind", "127.0.0.1:0", "app"],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert ran.returncode != 0
        errors = [line for line in ran.stderr.splitlines() if line.startswith("rhebok: error: ")]
        assert [says in error for error in errors] == [True], ran.stderr
