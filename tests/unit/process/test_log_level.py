"""Changing what a logger writes while it is in use."""

import io
import logging

import pytest

from rhebok.process.log_level import set_level
from rhebok.process.plain_log import PlainLogger


def plain(stream: io.StringIO) -> PlainLogger:
    return PlainLogger("info", stream)


def of_logging(stream: io.StringIO) -> logging.Logger:
    logger = logging.Logger("rhebok", "INFO")
    logger.addHandler(logging.StreamHandler(stream))
    return logger


@pytest.mark.parametrize("make", [plain, of_logging])
def test_the_level_counts_at_once(make):
    stream = io.StringIO()
    logger = make(stream)
    logger.debug("one")
    set_level(logger, "debug")
    logger.debug("two")
    set_level(logger, "error")
    logger.warning("three")
    logger.error("four")
    assert [line.split()[-1] for line in stream.getvalue().splitlines()] == ["two", "four"]
