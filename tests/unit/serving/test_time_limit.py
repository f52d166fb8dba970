"""Which setting limits the time of a request."""

from types import SimpleNamespace

import pytest

from rhebok.serving.time_limit import time_limit


@pytest.mark.parametrize(
    ("threads", "timeout", "request_timeout", "said"),
    [
        (1, 30, 0, "30 s (--timeout)"),
        (1, 30, 2.5, "2.5 s (--request-timeout)"),
        (1, 30, 60, "30 s (--timeout)"),
        (1, 0, 60, "60 s (--request-timeout)"),
        (4, 30, 60, "60 s (--request-timeout)"),
        (4, 30, 5, "5 s (--request-timeout)"),
    ],
)
def test_the_smaller_one_of_those_that_are_about_requests(
    threads: int, timeout: float, request_timeout: float, said: str
) -> None:
    settings = SimpleNamespace(threads=threads, timeout=timeout, request_timeout=request_timeout)
    assert str(time_limit(settings)) == said  # type: ignore[arg-type]


@pytest.mark.parametrize(("threads", "timeout"), [(1, 0), (2, 30)])
def test_otherwise_there_is_none(threads: int, timeout: float) -> None:
    settings = SimpleNamespace(threads=threads, timeout=timeout, request_timeout=0)
    assert time_limit(settings).seconds == 0  # type: ignore[arg-type]
