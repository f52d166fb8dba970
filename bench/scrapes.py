"""What it costs to be watched: `python -m bench.scrapes [SECONDS]`.

wrk loads a server of two workers, first alone, then while /metrics is scraped once a second. Printed are the
CPU time of supervisor and metrics process, in percent of one CPU, and how long a scrape has taken.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench.process import free_port

START_SECONDS = 30.0
EXAMPLES = Path(__file__).parent.parent / "examples"


def cpu_seconds(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def metrics_process(supervisor: int) -> int:
    children = map(int, Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split())
    return next(pid for pid in children if b"metrics" in Path(f"/proc/{pid}/cmdline").read_bytes())


def scrape(port: int) -> float:
    started = time.monotonic()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        assert b"rhebok_requests_total" in answer.read()
    return time.monotonic() - started


def until_scraped(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            scrape(port)
        except (OSError, AssertionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def measure(supervisor: int, port: int, metrics_port: int, seconds: int, scrapes: bool) -> str:
    argv = ["wrk", "-t1", "-c16", f"-d{seconds}s", f"http://127.0.0.1:{port}/"]
    pids = supervisor, metrics_process(supervisor)
    took: list[float] = []
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as wrk:
        before, started = [cpu_seconds(pid) for pid in pids], time.monotonic()
        for number in range(1, seconds):
            if scrapes:
                took.append(scrape(metrics_port))
            time.sleep(max(0.0, started + number - time.monotonic()))
        elapsed = time.monotonic() - started
        used = [cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True)]
        output = wrk.communicate()[0]
    shares = [f"{100 * each / elapsed:.3f} %" for each in used]
    found = re.findall(r"Requests/sec: +\S+|Non-2xx.*|Socket errors.*", output)
    median = f"a scrape takes {1000 * sorted(took)[len(took) // 2]:.1f} ms" if took else "no scrapes"
    return f"supervisor {shares[0]}, metrics process {shares[1]}; {median}; {'; '.join(found)}"


def main(seconds: int) -> None:
    port, metrics_port = free_port(), free_port()
    options = ["--bind", f"127.0.0.1:{port}", "--metrics-bind", f"127.0.0.1:{metrics_port}", "--workers", "2"]
    argv = [sys.executable, "-m", "rhebok", *options, "--control", "none", "--pythonpath", str(EXAMPLES)]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen([*argv, "hello:application"], stderr=log) as server,
    ):
        try:
            until_scraped(metrics_port)
            for scrapes in (False, True):
                print(measure(server.pid, port, metrics_port, seconds, scrapes), flush=True)
        finally:
            server.terminate()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
