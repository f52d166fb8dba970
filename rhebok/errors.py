"""The error that a user sees as one line, and the exit statuses. Raised everywhere, printed by cli."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """What the `rhebok` command ends with; 3 and 4 as gunicorn has them."""

    OK = 0
    FAILED = 1  # a port in use, a path that cannot be written, ...
    USAGE = 2  # the command line, the environment or the configuration file is wrong
    WORKERS = 3  # too many workers in a row failed to start
    APPLICATION = 4  # the application could not be loaded


class UserError(Exception):
    """Something the user can mend: what was tried, with which value, what to do.

    `detail` is printed before the line; it holds the application's own traceback.
    """

    def __init__(self, message: str, status: ExitStatus = ExitStatus.FAILED, detail: str = "") -> None:
        super().__init__(" ".join(message.split()))
        self.status = status
        self.detail = detail

    @property
    def with_detail(self) -> str:
        """For a log, where the line comes first."""
        return f"{self}\n{self.detail}".rstrip()


class EndedWith(Exception):
    """The command is to end with this status, and whoever knows why has said so already."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}")
        self.status = status


class RequestTimeout(BaseException):
    """Raised into the application by --timeout. No Exception, so that it is not swallowed by chance."""

    def __init__(self, text: str = "no answer within --timeout") -> None:
        super().__init__(text)


def os_reason(error: OSError) -> str:
    """The operating system's reason alone, without errno and path."""
    reason = error.strerror or str(error)
    return reason[:1].lower() + reason[1:]
