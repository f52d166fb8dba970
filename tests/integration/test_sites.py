"""The Flask and the Django example, behind a real nginx over a unix socket and directly over TCP, driven by a
Python client and by curl."""

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest

from integration.browser import Browser, hidden_inputs
from integration.http_client import Client, head
from integration.nginx import Nginx
from integration.server import EXAMPLES, Server, program
from integration.waiting import DEADLINE_SECONDS

LARGE = 100 * 2**20

DIRECT = [pytest.param((app, False), id=f"{app}-tcp") for app in ("flask_app", "django_app")]
PROXIED = [
    pytest.param((app, True), id=f"{app}-nginx", marks=pytest.mark.needs("nginx"))
    for app in ("flask_app", "django_app")
]


@dataclass(frozen=True)
class Site:
    address: tuple[str, int]
    server: Server

    @property
    def root(self) -> str:
        return "http://{}:{}".format(*self.address)

    @property
    def browser(self) -> Browser:
        return Browser(self.root)


@dataclass(frozen=True)
class LargeFile:
    path: Path
    digest: str


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> LargeFile:
    """A hundred megabytes in which no two blocks are alike."""
    path = tmp_path_factory.mktemp("files") / "large.bin"
    hashed = hashlib.sha256()
    with path.open("wb") as file:
        for number in range(LARGE >> 20):
            block = number.to_bytes(8, "big") * (1 << 17)
            hashed.update(block)
            file.write(block)
    return LargeFile(path, hashed.hexdigest())


@pytest.fixture(scope="module", params=DIRECT + PROXIED)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, large: LargeFile
) -> Iterator[Site]:
    app, proxied = request.param
    pytest.importorskip(app.partition("_")[0])
    directory = tmp_path_factory.mktemp("site")
    socket_path = directory / "app.sock"
    bind = f"unix:{socket_path}" if proxied else "127.0.0.1:0"
    options = ["--chdir", str(EXAMPLES), "--env", f"EXAMPLE_FILES={large.path.parent}"]
    with ExitStack() as stack:
        server = Server(app, *options, directory=directory, workers=2, bind=bind)
        stack.callback(server.end)
        address = server.address
        if proxied:
            nginx = Nginx(directory, str(socket_path))
            stack.callback(nginx.end)
            address = nginx.address
        assert isinstance(address, tuple)
        yield Site(address, server)
        if proxied:
            nginx.judge()
        server.judge()


def test_a_form_sets_a_cookie_and_redirects_to_the_page_that_shows_it(site: Site) -> None:
    browser = site.browser
    page = browser.get("/")
    assert "Hello, stranger!" in page.text
    page = browser.post("/name", {**page.hidden, "name": "Grüße & Küsse"})
    assert (page.status, page.url) == (200, f"{site.root}/")
    assert {cookie.name for cookie in browser.cookies} >= {"name"}


def test_the_next_visit_is_recognised_by_its_cookie(site: Site) -> None:
    browser = site.browser
    browser.post("/name", {**browser.get("/").hidden, "name": "Ada"})
    assert "Hello, Ada!" in browser.get("/").text
    assert "Hello, stranger!" in site.browser.get("/").text


def test_a_file_comes_through_the_form(site: Site) -> None:
    content = bytes(range(256)) * 10_000
    browser = site.browser
    hidden = browser.get("/").hidden
    page = browser.post_file("/upload", hidden, "file", content)
    assert page.text.strip() == hashlib.sha256(content).hexdigest()


def test_a_page_that_is_not_there_is_404(site: Site) -> None:
    assert site.browser.get("/nowhere").status == 404


def test_a_hundred_megabytes_with_content_length_arrive_whole(site: Site, large: LargeFile) -> None:
    with large.path.open("rb") as file:
        page = site.browser.open("/digest", "PUT", file, {"Content-Length": str(LARGE)})
    assert (page.status, page.text.strip()) == (200, large.digest)


def test_a_hundred_megabytes_in_chunks_arrive_whole(site: Site, large: LargeFile) -> None:
    with large.path.open("rb") as file:
        blocks = iter(lambda: file.read(1 << 18), b"")
        page = site.browser.open("/digest", "PUT", blocks, {"Transfer-Encoding": "chunked"})
    assert (page.status, page.text.strip()) == (200, large.digest)


def test_a_hundred_megabytes_are_downloaded_whole(site: Site, large: LargeFile) -> None:
    page = site.browser.get("/files/large.bin")
    assert int(page.fields["Content-Length"]) == len(page.body) == LARGE
    assert hashlib.sha256(page.body).hexdigest() == large.digest


def test_a_copy_that_is_still_good_is_not_sent_again(site: Site) -> None:
    first = site.browser.open("/files/large.bin", "HEAD", None, {})
    good = site.browser.get("/files/large.bin", If_Modified_Since=first.fields["Last-Modified"])
    assert (good.status, good.body) == (304, b"")


def test_a_304_leaves_the_connection_usable(site: Site) -> None:
    with Client(site.address) as client:
        modified = client.request("HEAD", "/files/large.bin").fields["last-modified"]
        assert client.get("/files/large.bin", If_Modified_Since=modified).status == 304
        assert "Hello" in client.get("/").text


def test_head_says_the_length_and_sends_nothing(site: Site) -> None:
    with Client(site.address) as client:
        answer = client.request("HEAD", "/files/large.bin")
        assert (answer.status, int(answer.fields["content-length"])) == (200, LARGE)
        assert "Hello" in client.get("/").text  # so no body came between


def test_a_client_that_expects_100_continue_is_told_to_go_on(site: Site) -> None:
    body = b"in a moment"
    fields = {"Content_Length": str(len(body)), "Expect": "100-continue"}
    with Client(site.address) as client:
        client.send(head("PUT", "/digest", **fields))
        assert client.response_head()[0] == 100
        client.send(body)
        assert client.response().text.strip() == hashlib.sha256(body).hexdigest()


# The same by curl, which is strict in other places than Python.


def curl(site: Site, path: str, *options: str) -> str:
    done = subprocess.run(
        [program("curl"), "--silent", "--show-error", "--noproxy", "*", *options, site.root + path],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.needs("curl")
@pytest.mark.parametrize(
    "options", [[], ["--header", "Transfer-Encoding: chunked"]], ids=["length", "chunked"]
)
def test_curl_uploads_a_hundred_megabytes(site: Site, large: LargeFile, options: list[str]) -> None:
    """It takes Content-Length from the file unless it is told otherwise, and sends Expect by itself."""
    assert curl(site, "/digest", "--upload-file", str(large.path), *options).strip() == large.digest


@pytest.mark.needs("curl")
def test_curl_downloads_what_was_there(site: Site, large: LargeFile, tmp_path: Path) -> None:
    target = tmp_path / "large.bin"
    curl(site, "/files/large.bin", "--output", str(target))
    with target.open("rb") as file:
        assert hash_of(file) == large.digest


@pytest.mark.needs("curl")
def test_curl_sees_the_redirect_the_cookie_and_the_page(site: Site, tmp_path: Path) -> None:
    jar = str(tmp_path / "cookies")
    cookies = ["--cookie-jar", jar, "--cookie", jar]
    form = {**hidden_inputs(curl(site, "/", *cookies)), "name": "Grace"}
    data = [option for pair in form.items() for option in ("--data-urlencode", "=".join(pair))]
    page = curl(site, "/name", *cookies, *data, "--location")
    assert "Hello, Grace!" in page


@pytest.mark.needs("curl")
def test_curl_gets_several_pages_over_one_connection(site: Site) -> None:
    shown = curl(site, "/[1-5]", "--write-out", "%{num_connects} %{http_code}\n", "--output", "/dev/null")
    assert shown.splitlines() == ["1 404"] + ["0 404"] * 4


@pytest.mark.needs("curl")
def test_curl_asks_by_http_1_0(site: Site) -> None:
    assert "Hello, stranger!" in curl(site, "/", "--http1.0")


def hash_of(file: BinaryIO) -> str:
    hashed = hashlib.sha256()
    for block in iter(lambda: file.read(1 << 20), b""):
        hashed.update(block)
    return hashed.hexdigest()
