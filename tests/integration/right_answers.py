"""Clients of apps/mixed.py that check every answer, while files change and signals arrive.

A task is called in a thread of its own, with the time when it is to end. Used by test_many_threads.py and by
tests/conformance/test_soak_threads.py.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from signal import SIGHUP, SIGTTIN, SIGUSR1, SIGUSR2

from integration.http_client import Address, Client

Task = Callable[[float], None]

SIZES = {"/hello": 12, "/generator": 15_000, "/large": 500_000, "/write": 20_003, "/late": 4}
FILES = {"small.txt": 3_000, "large.txt": 300_000}
BODIES = (10, 5_000, 300_000)
# To the workers themselves: tracebacks, for which the main thread also reads the scores; the level of the
# log; two that they ignore.
SIGNALS = (SIGUSR2, SIGUSR1, SIGTTIN, SIGHUP)
CACHE = 2**20  # bytes, for twice as much
OPTIONS = (
    *("--threads", "4", "--early-hints", "--timeout", "110", "--cache", str(CACHE)),
    *("--static", "/files/=files", "--sendfile-root", "files"),
)


def ask(client: Client) -> None:
    random.choice([ask_application, ask_application, ask_cache, ask_for_file])(client)


def ask_application(client: Client) -> None:
    path = random.choice([*SIZES, "/length"])
    if path == "/length":
        body = b"q" * random.choice(BODIES)
        answer = client.post(path, body)
        assert answer.body == str(len(body)).encode(), answer
    else:
        get(client, path, SIZES[path])


def ask_cache(client: Client) -> None:
    get(client, f"/kept?{random.randrange(2 * CACHE // 20_000)}", 20_000)


def ask_for_file(client: Client) -> None:
    name, size = random.choice(list(FILES.items()))
    how = random.choice(["whole", "part", "again", "named"])
    if how == "part":
        part = client.get(f"/files/{name}", Range="bytes=10-29")
        assert (part.status, len(part.body)) == (206, 20), part
    elif how == "again":
        etag = client.get(f"/files/{name}").fields["etag"]
        status = client.get(f"/files/{name}", **{"If-None-Match": etag}).status
        assert status in (200, 304), status
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


def make_files(directory: Path) -> Path:
    """Those that OPTIONS name, in the server's directory."""
    files = directory / "files"
    files.mkdir()
    write_files(files, "a")
    return files


def write_files(directory: Path, letter: str) -> None:
    """In place of the earlier ones, as deploys do it."""
    for name, size in FILES.items():
        (directory / "new").write_text(letter * size)
        (directory / "new").rename(directory / name)


def changing(files: Path) -> Task:
    def change(end: float) -> None:
        while time.monotonic() < end:
            for letter in "abc":
                write_files(files, letter)
                time.sleep(0.05)  # not in order to wait for something: files change now and then

    return change


def signalling(workers: list[int]) -> Task:
    def signal(end: float) -> None:
        while time.monotonic() < end:
            for number in SIGNALS:
                for worker in workers:
                    os.kill(worker, number)
            time.sleep(0.5)  # likewise

    return signal


def asking(address: Address) -> Task:
    """Connections of a few requests each."""

    def connect(end: float) -> None:
        while time.monotonic() < end:
            with Client(address) as client:
                for _ in range(random.randint(1, 10)):
                    ask(client)

    return connect


def at_once(tasks: Iterable[Task], seconds: float) -> list[Exception]:
    """What has failed in them."""
    failures: list[Exception] = []
    end = time.monotonic() + seconds

    def run(task: Task) -> None:
        try:
            task(end)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures
