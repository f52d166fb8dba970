"""The options of the logs and of the pid file, through the real command."""

import os
from pathlib import Path
from signal import SIGUSR1

from integration.conftest import Serve
from integration.processes import descendants
from integration.server import APPS, Process, command, free_port
from integration.waiting import until


def test_pid_is_written_and_removed(serve: Serve, tmp_path: Path) -> None:
    server = serve("gated", "--pid", "server.pid")
    assert int((tmp_path / "server.pid").read_text()) == server.pid
    server.stop()
    assert not (tmp_path / "server.pid").exists()


def fail_to_start(directory: Path, *options: str) -> str:
    """Its only line."""
    running = Process([*command(), "gated", "--pythonpath", str(APPS), *options], directory)
    try:
        assert running.wait() == 1
        return running.log
    finally:
        running.end()


def test_who_loses_the_pid_file_has_not_bound_anything(serve: Serve, tmp_path: Path) -> None:
    """With --reuse-port clients of the winner would be in its queue. Without, one sees what came first."""
    place = f"127.0.0.1:{free_port()}"
    server = serve("gated", "--pid", "server.pid", bind=place)
    line = fail_to_start(tmp_path, "--pid", "server.pid", "--bind", place)
    assert line == f"rhebok: error: --pid: 'server.pid' is locked by a running process (pid {server.pid})\n"


def test_a_server_that_cannot_bind_leaves_the_pid_file_of_another_program(
    serve: Serve, tmp_path: Path
) -> None:
    place = f"127.0.0.1:{free_port()}"
    serve("gated", bind=place)
    (tmp_path / "other.pid").write_text("1\n")
    line = fail_to_start(tmp_path, "--pid", "other.pid", "--bind", place)
    assert line == f"rhebok: error: --bind: cannot listen on {place}: address already in use\n"
    assert (tmp_path / "other.pid").read_text() == "1\n"


def test_the_access_log_has_a_line_for_each_request_in_the_format(serve: Serve, tmp_path: Path) -> None:
    form = '%(h)s %(m)s %(U)s %(q)s %(s)s %(B)s "%(a)s" %({x-note}i)s %({content-type}o)s'
    server = serve("kinds", "--access-logfile", "access.log", "--access-logformat", form)
    server.get("/list?a=1", User_Agent="tests", X_Note="hello")
    server.get("/no-content")
    with server.client() as client:
        client.send(b"nonsense\r\n\r\n")
        assert client.response().status == 400
    server.stop()
    lines = (tmp_path / "access.log").read_text().splitlines()
    assert lines[0] == '127.0.0.1 GET /list a=1 200 13 "tests" hello text/plain; charset=utf-8'
    assert lines[1].startswith("127.0.0.1 GET /no-content  204 0 ")
    assert " 400 " in lines[2]
    assert len(lines) == 3


def test_the_access_log_is_reopened_after_a_rename(serve: Serve, tmp_path: Path) -> None:
    server = serve("gated", "--access-logfile", "access.log")
    log, old = tmp_path / "access.log", tmp_path / "access.log.1"
    server.get("/before")
    until(lambda: log.exists() and "/before" in log.read_text())
    log.rename(old)
    until(lambda: server.get("/after") and log.exists() and "/after" in log.read_text())
    assert "/before" not in log.read_text()


def test_error_logfile_takes_the_log_and_wsgi_errors(serve: Serve, tmp_path: Path) -> None:
    log = tmp_path / "error.log"
    server = serve("kinds", "--error-logfile", log.name, log=log)
    server.get("/closing")
    until(lambda: "iterable closed" in log.read_text())
    assert "is ready" in log.read_text()


def test_usr1_to_the_supervisor_is_the_last_word_of_a_logrotate_script(serve: Serve, tmp_path: Path) -> None:
    """As gunicorn's users have it: rename, signal, compress."""
    log, old = tmp_path / "error.log", tmp_path / "error.log.1"
    server = serve("gated", "--error-logfile", log.name, log=log, workers=2)
    log.rename(old)
    server.send(SIGUSR1)
    until(lambda: log.exists() and "log files that were renamed are open again" in log.read_text())
    before = old.read_text()
    assert server.get("/").status == 200
    assert "generation 2" not in log.read_text()
    server.stop()
    assert "worker" in log.read_text()
    assert old.read_text() == before


def test_no_socket_stands_at_a_standard_descriptor_that_was_closed(tmp_path: Path) -> None:
    """Lines of the log would go there."""
    served = [*command(), "gated", "--pythonpath", str(APPS), "--workers", "1", "--bind", "127.0.0.1:0"]
    argv = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *served, "--error-logfile", "error.log"]
    running = Process(argv, tmp_path, log=tmp_path / "error.log")
    try:
        running.wait_for(r"generation 1 \(pid \d+\) serves")
        family = [running.pid, *descendants(running.pid)]
        assert len(family) == 3
        for pid in family:
            assert {os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)} == {os.devnull}
        assert running.stop() == 0
    finally:
        running.end()


def test_log_level_hides_what_is_less_severe(serve: Serve) -> None:
    talkative, quiet = serve("gated", "--log-level", "debug"), serve("gated", "--log-level", "info")
    assert talkative.matches(r"\[DEBUG\]")
    assert not quiet.matches(r"\[DEBUG\]")
