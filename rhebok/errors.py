"""The error that the user sees as one line, and the exit statuses. Raised anywhere, printed by cli."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit statuses of the `rhebok` command; 3 and 4 are those of gunicorn."""

    OK = 0
    FAILED = 1  # a port in use, a path that cannot be written, ...
    USAGE = 2  # the command line, the environment or the configuration file is wrong
    WORKERS = 3  # too many workers in a row failed to start
    APPLICATION = 4  # the application could not be loaded


class UserError(Exception):
    """An error that the user can correct. The message says what was tried, with which value, and what to do.

    `status` is the exit status. `detail` is printed before the line: the traceback of the application, or "".
    """

    def __init__(self, message: str, status: ExitStatus = ExitStatus.FAILED, detail: str = "") -> None:
        super().__init__(" ".join(message.split()))
        self.status = status
        self.detail = detail

    @property
    def with_detail(self) -> str:
        """The line, then the detail: for a log."""
        return f"{self}\n{self.detail}".rstrip()


class EndedWith(Exception):
    """The command must end with this exit status. The reason has been logged already."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}")
        self.status = status


class RequestTimeout(BaseException):
    """Raised in the application by --request-timeout or --timeout.

    Not an Exception: `except Exception` must not catch it.
    """

    def __init__(self, text: str = "no progress within --request-timeout") -> None:
        super().__init__(text)


def os_reason(error: OSError) -> str:
    """The reason that the operating system gives, without errno and path. It begins with a small letter."""
    reason = error.strerror or str(error)
    return reason[:1].lower() + reason[1:]


class HookFailed(Exception):
    """A hook has failed, and the server must end with this status. The reason has been logged already.

    `quick`: without finishing the requests.
    """

    def __init__(self, hook: str, status: int = ExitStatus.FAILED, quick: bool = True) -> None:
        super().__init__(f"the hook {hook} failed")
        self.status = status
        self.quick = quick
