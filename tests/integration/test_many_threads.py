"""Threads that answer in every way at once: by the application, from the shared cache, with files.

`make tsan` runs this with a server whose data races are reported: RHEBOK_TEST_STARTS_AS is its command, and
RHEBOK_TEST_SECONDS how long each test takes.
"""

import os
import random
import threading
import time
from pathlib import Path
from signal import SIGHUP, SIGTTIN, SIGUSR1, SIGUSR2

import pytest

from integration.conftest import Serve
from integration.http_client import Address, Client

STARTED_AS = os.environ.get("RHEBOK_TEST_STARTS_AS", "").split()
SECONDS = float(os.environ.get("RHEBOK_TEST_SECONDS", "2"))
SIZES = {"/hello": 12, "/generator": 15_000, "/large": 500_000, "/write": 20_003, "/late": 4}
FILES = {"small.txt": 3_000, "large.txt": 300_000}
BODIES = (10, 5_000, 300_000)
CLIENTS = 8
# To the workers themselves: tracebacks, for which the main thread also reads the scores; the level of the
# log; two that they ignore.
SIGNALS = (SIGUSR2, SIGUSR1, SIGTTIN, SIGHUP)
CACHE = 2**20  # bytes, for twice as much


def ask(client: Client) -> None:
    random.choice([ask_application, ask_application, ask_cache, ask_for_file])(client)


def ask_application(client: Client) -> None:
    path = random.choice([*SIZES, "/length"])
    if path == "/length":
        body = b"q" * random.choice(BODIES)
        assert client.post(path, body).body == str(len(body)).encode()
    else:
        get(client, path, SIZES[path])


def ask_cache(client: Client) -> None:
    get(client, f"/kept?{random.randrange(2 * CACHE // 20_000)}", 20_000)


def ask_for_file(client: Client) -> None:
    name, size = random.choice(list(FILES.items()))
    how = random.choice(["whole", "part", "again", "named"])
    if how == "part":
        part = client.get(f"/files/{name}", Range="bytes=10-29")
        assert (part.status, len(part.body)) == (206, 20)
    elif how == "again":
        etag = client.get(f"/files/{name}").fields["etag"]
        assert client.get(f"/files/{name}", **{"If-None-Match": etag}).status in (200, 304)
    else:
        path, size = ("/named", FILES["large.txt"]) if how == "named" else (f"/files/{name}", size)
        body = get(client, path, size)
        assert body == body[:1] * size, "parts of two files"


def get(client: Client, path: str, size: int) -> bytes:
    response = client.get(path)
    while response.status == 103:
        response = client.response()
    assert response.status == 200, response.status
    assert len(response.body) == size, (path, len(response.body))
    return response.body


def write_files(directory: Path, letter: str) -> None:
    """In place of the earlier ones, as deploys do it."""
    for name, size in FILES.items():
        (directory / "new").write_text(letter * size)
        (directory / "new").rename(directory / name)


def change_files(directory: Path, until: float) -> None:
    while time.monotonic() < until:
        for letter in "abc":
            write_files(directory, letter)
            time.sleep(0.05)  # not in order to wait for something: files change now and then


def signal_workers(workers: list[int], until: float, failures: list[Exception]) -> None:
    try:
        while time.monotonic() < until:
            for number in SIGNALS:
                for worker in workers:
                    os.kill(worker, number)
            time.sleep(0.5)  # likewise
    except Exception as error:
        failures.append(error)


def connections(address: Address, until: float, failures: list[Exception]) -> None:
    try:
        while time.monotonic() < until:
            with Client(address) as client:
                for _ in range(random.randint(1, 10)):
                    ask(client)
    except Exception as error:
        failures.append(error)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_answer_is_right(serve: Serve, tmp_path: Path, workers: int) -> None:
    files = tmp_path / "files"
    files.mkdir()
    write_files(files, "a")
    options = ["--threads", "4", "--early-hints", "--timeout", "110", "--cache", str(CACHE)]
    options += ["--static", "/files/=files", "--sendfile-root", "files"]
    server = serve("mixed", *options, workers=workers, started_as=STARTED_AS)
    found = server.wait_for_workers(workers)
    failures: list[Exception] = []
    end = time.monotonic() + SECONDS
    clients = [
        threading.Thread(target=connections, args=(server.address, end, failures)) for _ in range(CLIENTS)
    ]
    clients.append(threading.Thread(target=change_files, args=(files, end)))
    clients.append(threading.Thread(target=signal_workers, args=(found, end, failures)))
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert not failures
