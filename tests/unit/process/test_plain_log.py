"""The log of a supervisor without Python's logging has the lines of one with it."""

import re

import pytest

from rhebok.errors import UserError
from rhebok.process.logs import open_error_log
from rhebok.process.plain_log import open_plain_log

LEVELS = ("debug", "info", "warning", "error", "critical")


def written(path, open_log, level):
    log = open_log(str(path), level)
    for name in LEVELS:
        getattr(log.logger, name)("%s: %d %%", name, 3)
        getattr(log.logger, name)("100 %")
    return re.sub(r"\d\d:\d\d:\d\d", "TIME", path.read_text())


@pytest.mark.parametrize("level", LEVELS)
def test_the_lines_are_the_same(tmp_path, level):
    plain = written(tmp_path / "plain", open_plain_log, level)
    assert plain == written(tmp_path / "full", open_error_log, level)
    assert plain.count("\n") == 2 * (len(LEVELS) - LEVELS.index(level))


def test_a_path_that_cannot_be_written_is_one_error(tmp_path):
    with pytest.raises(UserError, match="--error-logfile: cannot write to"):
        open_plain_log(str(tmp_path), "info")
