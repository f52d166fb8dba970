"""Starts processes by the means of the standard library, and says their pids."""

import json
import multiprocessing
import os
import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

KEPT: list[Any] = []


def pool() -> list[int]:
    executor = ProcessPoolExecutor(1)
    KEPT.append(executor)
    return [executor.submit(os.getpid).result()]


def manager() -> list[int]:
    context: Any = multiprocessing.Manager()
    KEPT.append(context)
    return [context._process.pid]


def daemon() -> list[int]:
    process = multiprocessing.Process(target=time.sleep, args=(1000,), daemon=True)
    process.start()
    KEPT.append(process)
    return [process.pid or 0]


def environment() -> dict[str, str]:
    return dict(line.split("=", 1) for line in subprocess.check_output(["env"]).decode().splitlines())


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    answers: dict[str, Callable[[], Any]] = {
        "/pool": pool,
        "/manager": manager,
        "/daemon": daemon,
        "/environment": environment,
        "/stdin": lambda: os.readlink("/proc/self/fd/0"),
    }
    answer = answers.get(environ["PATH_INFO"], os.getpid)()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
