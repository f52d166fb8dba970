"""Instructions per request head of the parser on aarch64, by qemu: `python -m bench.parse_instructions`.

Each workload of bench_parse.c is parsed N and 2N times by each variant; the difference divided by N does not
include the start. `make -C bench parse-aarch64` builds what this needs.
"""

import subprocess
from pathlib import Path

BUILD = Path(__file__).parent / "build"
PROGRAM = BUILD / "bench_parse-aarch64"
PLUGIN = BUILD / "qemu_count.so"

WORKLOADS = ("short", "wrk", "curl", "browser", "mixed", "large cookie")
VARIANTS = ("scalar", "neon")
TIMES = 1024  # a multiple of the 128 requests of "mixed"


def instructions(workload: str, variant: str, times: int) -> int:
    """All instructions of one process that parses so many times."""
    command = ["qemu-aarch64", "-plugin", str(PLUGIN), str(PROGRAM), workload, variant, str(times)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(ran.stderr.split()[-1])


def per_request(workload: str, variant: str) -> float:
    """The instructions of one request head."""
    return (instructions(workload, variant, 2 * TIMES) - instructions(workload, variant, TIMES)) / TIMES


def main() -> None:
    """Prints the table."""
    print("| |", " | ".join(VARIANTS), "|")
    print("|---|" + "--:|" * len(VARIANTS))
    for workload in WORKLOADS:
        figures = " | ".join(f"{per_request(workload, variant):,.0f}" for variant in VARIANTS)
        print(f"| {workload} | {figures} |")


if __name__ == "__main__":
    main()
