"""What all test folders share: @pytest.mark.needs("wrk") skips a test where a program is not installed."""

import shutil

import pytest

# Where Debian has what is not called like its package.
PACKAGES = {"start_server": "libserver-starter-perl", "cc": "gcc"}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*programs): skip the test where one of the programs is missing")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for program in mark.args:
            if shutil.which(program, path=_path()) is None:
                package = PACKAGES.get(program, program)
                pytest.skip(f"{program} is not installed (apt-get install {package})")


def _path() -> str | None:
    """nginx is in /usr/sbin, which is not on everybody's PATH."""
    import os

    return os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
