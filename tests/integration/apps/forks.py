"""An application that starts processes by fork, as multiprocessing does on Linux."""

import multiprocessing
import time
from typing import Any


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """/terminate starts a process, terminates it, and says how it ended."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] != "/terminate":
        return [b"ok"]
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,), daemon=True)
    process.start()
    process.terminate()
    process.join(20)
    return [str(process.exitcode).encode()]
