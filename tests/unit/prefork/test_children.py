"""The fork of a child."""

import os
import threading
import warnings

from rhebok.prefork import children


def test_where_warnings_are_errors_a_thread_of_the_application_forgets_no_child() -> None:
    """Python 3.15 would raise after the fork."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            pid, report_fd = children.fork(lambda _report: 7, frozenset())
            assert warnings.filters[0][0] == "error"
    finally:
        end.set()
        thread.join()
    os.close(report_fd)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
