"""A line of the error log: when, which process, how bad, and what. The format of all that is logged here."""

import os
import time

FORMAT = "[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s"  # as logging has it
DATE_FORMAT = "%Y-%m-%d %H:%M:%S %z"


def log_line(level: str, message: str) -> str:
    """Now, of this process."""
    when = time.strftime(DATE_FORMAT, time.localtime())
    return FORMAT % {"asctime": when, "process": os.getpid(), "levelname": level, "message": message}
