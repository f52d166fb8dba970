"""What all test folders share: @pytest.mark.needs("wrk") skips a test where a program is not installed."""

import os
import shutil
import tempfile
import traceback
from collections.abc import Generator

import pytest

_PYTEST_PID = os.getpid()

# Debian's, where the program has another name.
PACKAGES = {
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "apache2": "apache2-bin",
    "cc": "gcc",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "promtool": "prometheus",
    "qemu-aarch64": "qemu-user",
    "ss": "iproute2",
    "start_server": "libserver-starter-perl",
    "unshare": "util-linux",
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*programs): skip the test where one of the programs is missing")

    _use_own_runtime_directory(config)


def _use_own_runtime_directory(config: pytest.Config) -> None:
    """Servers make their control sockets there, and not among those of the machine."""
    directory = tempfile.TemporaryDirectory(prefix="rhebok-run-")
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = directory.name
    config.add_cleanup(directory.cleanup)

    def restore() -> None:
        os.environ.pop("XDG_RUNTIME_DIR", None)
        if before is not None:
            os.environ["XDG_RUNTIME_DIR"] = before

    config.add_cleanup(restore)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for program in mark.args:
            if shutil.which(program, path=_path()) is None:
                package = PACKAGES.get(program, program)
                pytest.skip(f"{program} is not installed (apt-get install {package})")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def _only_here() -> Generator[None, None, None]:
    """A forked child that comes back to pytest by an exception ends: it would run all tests that follow."""
    try:
        return (yield)
    finally:
        if os.getpid() != _PYTEST_PID:
            os.write(2, f"a child of a test came back to pytest\n{traceback.format_exc()}".encode())
            os._exit(70)


pytest_runtest_call = pytest_runtest_teardown = _only_here


def _path() -> str:
    """nginx is in /usr/sbin, which is not on everybody's PATH."""
    return os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
