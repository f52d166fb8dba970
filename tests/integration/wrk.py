"""wrk: run over TCP, or through the bench's shim over a unix socket, and its summary read."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from integration.http_client import Address
from integration.server import ROOT, environment
from integration.waiting import DEADLINE_SECONDS

SHIM_SOURCE = ROOT / "bench" / "unix_shim.c"
SHIM_PORT = 8000
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class Summary:
    requests: int
    socket_errors: int
    refused: int  # responses that were not 2xx or 3xx
    percentiles: dict[int, float]  # seconds, by percent

    @property
    def all_good(self) -> bool:
        return self.requests > 0 and self.socket_errors == 0 and self.refused == 0


class Wrk:
    """wrk while it runs."""

    def __init__(
        self,
        address: Address,
        *,
        seconds: int,
        connections: int = 16,
        close: bool = False,
        path: str = "/",
        shim: Path | None = None,
    ) -> None:
        host, port, variables = "127.0.0.1", SHIM_PORT, {}
        if isinstance(address, str):
            assert shim is not None
            variables = {"LD_PRELOAD": str(shim), "RHEBOK_BENCH_UNIX": f"{SHIM_PORT}:{address}"}
        else:
            host, port = address
        argv = [
            "wrk",
            "--latency",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--timeout",
            f"{DEADLINE_SECONDS:.0f}s",
        ]
        argv += ["-H", "Connection: close"] if close else []
        self._seconds = seconds
        self._process = subprocess.Popen(
            [*argv, f"http://{host}:{port}{path}"],
            env=environment(**variables),
            stdout=subprocess.PIPE,
            text=True,
        )

    def still_runs(self, seconds: float) -> bool:
        """Waits for the end, but not longer than that."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def summary(self) -> Summary:
        """At the end."""
        try:
            output, _ = self._process.communicate(timeout=self._seconds + DEADLINE_SECONDS)
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        assert self._process.returncode == 0, output
        return read_summary(output)


def read_summary(output: str) -> Summary:
    requests = re.search(r"(\d+) requests in", output)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    assert requests, output
    return Summary(
        requests=int(requests[1]),
        socket_errors=sum(map(int, errors.groups())) if errors else 0,
        refused=int(refused[1]) if refused else 0,
        percentiles={
            int(percent): float(number) * UNITS[unit]
            for percent, number, unit in re.findall(r"^ +(\d+)% +([\d.]+)(us|ms|s)$", output, re.MULTILINE)
        },
    )


def build_shim(directory: Path) -> Path:
    """The library that turns wrk's connections into ones to a unix socket."""
    shim = directory / "unix_shim.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(shim), str(SHIM_SOURCE)], check=True)
    return shim
