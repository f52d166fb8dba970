"""What all test folders share: @pytest.mark.needs("wrk") skips a test where a program is not installed."""

import os
import shutil

import pytest

# Debian's, where the program has another name.
PACKAGES = {
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "apache2": "apache2-bin",
    "cc": "gcc",
    "qemu-aarch64": "qemu-user",
    "ss": "iproute2",
    "start_server": "libserver-starter-perl",
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*programs): skip the test where one of the programs is missing")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for program in mark.args:
            if shutil.which(program, path=_path()) is None:
                package = PACKAGES.get(program, program)
                pytest.skip(f"{program} is not installed (apt-get install {package})")


def _path() -> str:
    """nginx is in /usr/sbin, which is not on everybody's PATH."""
    return os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
