"""The handlers of the server, whose loggers an application or a class of the user's own may change."""

import logging
import logging.config

import pytest

from rhebok.process import logger_config
from rhebok.process.logs import open_error_log


@pytest.fixture
def error_log(tmp_path):
    return open_error_log(str(tmp_path / "error.log"), "info")


@pytest.fixture
def tried():
    made = logging.getLogger("tests.logger_config")
    yield made
    for handler in made.handlers:
        handler.close()
    made.handlers = []


def test_an_application_that_configures_logging_closes_no_handler_of_the_server(tmp_path, tried, monkeypatch):
    monkeypatch.setattr(logging, "_handlerList", [])
    monkeypatch.setattr(logger_config.atexit, "register", lambda *_: None)
    handler = logging.FileHandler(tmp_path / "a.log", mode="w")
    tried.addHandler(handler)
    logger_config.keep_handlers()
    stream = handler.stream
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
    assert handler.stream is stream
    assert not stream.closed


def test_a_handler_of_the_error_log_to_another_file_stays(tmp_path, tried, error_log):
    own, same = logging.FileHandler(tmp_path / "own.log"), logging.FileHandler(tmp_path / "error.log")
    tried.handlers = [own, same]
    logger_config.adopt(error_log, tried)
    error_log.logger.warning("hello")
    assert tried.handlers[0] is own
    assert tried.handlers[1].stream is error_log.stream
    assert (tmp_path / "own.log").read_text() == "hello\n"
    assert (tmp_path / "error.log").read_text() == "hello\n"


def test_a_handler_of_two_loggers_is_not_closed(tmp_path, tried):
    handler = logging.FileHandler(tmp_path / "both.log")
    other = logging.getLogger("tests.logger_config.other")
    tried.handlers, other.handlers = [handler], [handler]
    try:
        logger_config.follow_renames(tried)
        assert not handler.stream.closed
    finally:
        other.handlers = []
        handler.close()


@pytest.mark.parametrize("address", ["udp://host:65536", "tcp://host:0", "udp://[::1]:99999"])
def test_a_port_of_syslog_that_is_none_is_an_error(address):
    with pytest.raises(ValueError, match="is no port"):
        logger_config.parse_syslog_address(address)
