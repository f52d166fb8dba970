"""Threads that answer in every way at once.

`make tsan` runs this with a server whose data races are reported: RHEBOK_TEST_STARTS_AS is its command, and
RHEBOK_TEST_SECONDS how long each test takes.
"""

import os
import random
import threading
import time

import pytest

from integration.conftest import Serve
from integration.http_client import Address, Client

STARTED_AS = os.environ.get("RHEBOK_TEST_STARTS_AS", "").split()
SECONDS = float(os.environ.get("RHEBOK_TEST_SECONDS", "2"))
SIZES = {"/hello": 12, "/generator": 15_000, "/large": 500_000, "/write": 20_003, "/late": 4}
BODIES = (10, 5_000, 300_000)
CLIENTS = 8


def ask(client: Client) -> None:
    path = random.choice([*SIZES, "/length"])
    if path == "/length":
        body = b"q" * random.choice(BODIES)
        assert client.post(path, body).body == str(len(body)).encode()
        return
    response = client.get(path)
    while response.status == 103:
        response = client.response()
    assert response.status == 200, response.status
    assert len(response.body) == SIZES[path], (path, len(response.body))


def connections(address: Address, until: float, failures: list[Exception]) -> None:
    try:
        while time.monotonic() < until:
            with Client(address) as client:
                for _ in range(random.randint(1, 10)):
                    ask(client)
    except Exception as error:
        failures.append(error)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_answer_is_right(serve: Serve, workers: int) -> None:
    server = serve(
        "mixed", "--threads", "4", "--early-hints", "--timeout", "110", workers=workers, started_as=STARTED_AS
    )
    failures: list[Exception] = []
    end = time.monotonic() + SECONDS
    clients = [
        threading.Thread(target=connections, args=(server.address, end, failures)) for _ in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert not failures
