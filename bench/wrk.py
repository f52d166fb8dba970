"""wrk: its command line for a workload and a mode, and its report. Called by run.py and memory.py."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.paths import UNIX_SHIM, WRK_LUA
from bench.workloads import Workload

MARK = "RHEBOK_BENCH "
REQUEST_TIMEOUT = "10s"  # after which wrk counts a response as missing


class WrkFailedError(Exception):
    """wrk did not run, or reported nothing."""


@dataclass(frozen=True)
class Report:
    """One run of wrk."""

    requests: int
    seconds: float
    bytes_read: int
    p50_us: float
    p99_us: float
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds if self.seconds else 0.0

    def fault(self, least_bytes: int) -> str | None:
        """Why the run is not valid, or None: errors (status 400 or more is one), no or short responses."""
        counted = ", ".join(f"{count} {kind}" for kind, count in self.errors.items() if count)
        if counted:
            return f"errors in wrk: {counted} (of {self.requests} requests)"
        if self.requests == 0:
            return "no request was answered"
        if self.bytes_read < self.requests * least_bytes:
            return f"answers of {self.bytes_read / self.requests:.0f} bytes instead of {least_bytes} and more"
        return None


@dataclass(frozen=True)
class Load:
    """How wrk loads a server."""

    seconds: int
    connections: int
    cpu: int | str  # or a list, as taskset takes it


def command(workload: Workload, load: Load, port: int, close: bool) -> list[str]:
    """wrk's command line; the port stands for the socket path when there is one."""
    headers = [*workload.headers, *([("Connection", "close")] if close else [])]
    options = ["--method", workload.method, "--body", str(workload.body_size)]
    if workload.mix:
        options += ["--mix", workload.mix]
    return [
        *("taskset", "-c", str(load.cpu)),
        *("wrk", "-t1", f"-c{load.connections}", f"-d{load.seconds}s", "--timeout", REQUEST_TIMEOUT),
        *(part for name, value in headers for part in ("-H", f"{name}: {value}")),
        *("-s", str(WRK_LUA), f"http://127.0.0.1:{port}{workload.path}", "--", *options),
    ]


def parse_report(output: str) -> Report:
    """The line of bench/wrk.lua in wrk's output."""
    for line in output.splitlines():
        if line.startswith(MARK):
            values = json.loads(line.removeprefix(MARK))
            return Report(
                requests=values["requests"],
                seconds=values["duration_us"] / 1e6,
                bytes_read=values["bytes"],
                p50_us=values["p50_us"],
                p99_us=values["p99_us"],
                errors=values["errors"],
            )
    raise WrkFailedError(f"wrk reported nothing; it printed:\n{output.strip()[-1000:] or '(nothing)'}")


def run(workload: Workload, load: Load, port: int, path: str | None, close: bool) -> Report:
    """Runs wrk against 127.0.0.1:port, or against the unix socket at path."""
    environ = dict(os.environ)
    if path is not None:
        environ["RHEBOK_BENCH_UNIX"] = f"{port}:{path}"
        environ["LD_PRELOAD"] = str(UNIX_SHIM)
    arguments: Sequence[str] = command(workload, load, port, close)
    try:
        done = subprocess.run(
            arguments, env=environ, capture_output=True, text=True, timeout=load.seconds + 60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WrkFailedError(f"cannot run wrk: {error}") from error
    return parse_report(done.stdout + done.stderr)
