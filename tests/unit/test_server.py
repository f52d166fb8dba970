"""Launch, master and worker together, in a process with the worker of fakes."""

import os
import re
import signal
import socket
from contextlib import closing
from pathlib import Path
from signal import Signals

import pytest

from rhebok.errors import ExitStatus
from unit.conditions import until
from unit.server_process import FAKE_COMMAND, run_command, serving

APPLICATION = """
import gc, os, random, sys
loaded_by = os.getpid()
def application(environ, start_response):
    start_response("200 OK", [])
    path = environ["PATH_INFO"]
    if path == "/pid":
        body = os.getpid()
    elif path == "/loaded-by":
        body = loaded_by
    elif path == "/frozen":
        body = gc.get_freeze_count()
    elif path == "/log":
        print("from the application", file=environ["wsgi.errors"])
        body = "ok"
    elif path == "/name":
        body = environ["SERVER_NAME"] + " " + environ["SERVER_PORT"]
    elif path == "/sleep":
        import time
        print("sleeping", file=environ["wsgi.errors"])
        time.sleep(60)
        body = "awake"
    elif path.startswith("/env/"):
        body = os.environ.get(path[5:], "unset")
    elif path == "/cwd":
        body = os.getcwd() + " " + sys.path[0]
    elif path == "/umask":
        body = oct(os.umask(0))
    elif path.startswith("/setting/"):
        body = getattr(environ["test.settings"], path[9:])
    else:
        body = "hello"
    return [str(body).encode()]

def before_fork(master):
    master.log.info("before fork in %d", master.pid)
def after_fork(worker):
    worker.log.info("after fork in %d of %d", worker.pid, worker.master_pid)
def on_child_reap(pid, status):
    sys.stderr.write(f"reaped {pid} {status}\\n")
def fail(worker):
    raise ValueError("a hook that fails")
"""


@pytest.fixture
def site(tmp_path) -> Path:
    (tmp_path / "site_two.py").write_text(APPLICATION)
    return tmp_path


def start(site: Path, *arguments: str, workers: int = 1, **options):
    count = ["--workers", str(workers)]
    return serving(site, "site_two", "--bind", "127.0.0.1:0", *count, *arguments, ready=workers, **options)


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_it_serves_and_stops(site):
    with start(site) as server:
        assert server.get() == "hello"
        assert server.stop() == 0
    assert re.search(r"rhebok [\d.]+ serves site_two at http://127\.0\.0\.1:\d+ \(workers: 1\)", server.log)


def test_it_serves_each_address_of_bind(site):
    with start(site, "-b", "unix:s", "-b", "127.0.0.1:0") as server:
        assert server.get(unix=site / "s") == "hello"
        for port in set(re.findall(r"http://127\.0\.0\.1:(\d+)", server.log)):
            with closing(socket.create_connection(("127.0.0.1", int(port)))) as client:
                client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert client.recv(1000).startswith(b"HTTP/1.1 200")
        server.stop()
    assert not (site / "s").exists()


def test_the_unix_path_is_removed_by_the_master_and_not_by_a_worker(site):
    with start(site, "-b", "unix:s") as server:
        os.kill(server.workers()[0], Signals.SIGTERM)
        server.wait_for("is ready", 2)
        assert server.get(unix=site / "s") == "hello"


def test_the_application_is_loaded_once_in_the_master_by_default(site):
    with start(site) as server:
        assert int(server.get("/loaded-by")) == server.process.pid
        assert int(server.get("/frozen")) > 1000


def test_without_preload_each_worker_loads_it(site):
    with start(site, "--no-preload", workers=2) as server:
        assert int(server.get("/loaded-by")) in server.workers()


def test_without_preload_hup_brings_new_code(site):
    with start(site, "--no-preload") as server:
        (site / "site_two.py").write_text(APPLICATION.replace('"hello"', '"new code"'))
        server.send(Signals.SIGHUP)
        server.wait_for("exited with status 0")
        assert server.get() == "new code"


def test_hup_replaces_the_workers_of_the_loaded_code(site):
    with start(site, workers=2) as server:
        old = set(server.workers())
        server.send(Signals.SIGHUP)
        server.wait_for("exited with status 0", 2)
        assert not old & set(server.workers())
        assert int(server.get("/loaded-by")) == server.process.pid


def test_without_preload_an_application_that_cannot_be_imported_ends_the_server(site):
    (site / "broken.py").write_text("import no_such_dependency\n")
    arguments = ["broken", "--no-preload", "-b", "127.0.0.1:0", "-w", "2", "--err-respawn-interval", "0"]
    result = run_command(site, *arguments, command=FAKE_COMMAND)
    assert result.returncode == ExitStatus.WORKERS
    assert result.stderr.endswith(
        "rhebok: error: 10 workers in a row died before they were ready; see the error log for the reason\n"
    )
    assert "No module named 'no_such_dependency'" in result.stderr
    assert 'broken.py", line 1' in result.stderr


def test_a_killed_worker_is_replaced(site):
    with start(site, workers=2) as server:
        os.kill(server.workers()[0], signal.SIGKILL)
        server.wait_for("was killed by SIGKILL")
        server.wait_for("is ready", 3)
        assert server.get() == "hello"


def test_a_worker_at_its_request_limit_is_replaced(site):
    with start(site, "--max-requests", "2") as server:
        first = server.get("/pid")
        assert server.get("/pid") == first
        server.wait_for("is ready", 2)
        assert server.get("/pid") != first
        server.wait_for(f"worker {first} exited with status 0")


def test_a_graceful_stop_waits_no_longer_than_the_timeout(site):
    with start(site, "--graceful-timeout", "0.2") as server, closing(socket.socket()) as client:
        client.connect(("127.0.0.1", server.port))
        client.sendall(b"GET /sleep HTTP/1.1\r\n\r\n")
        server.wait_for("sleeping")
        assert server.stop() == 0
        server.wait_for(r"worker \d+ did not stop in time: killed")


@pytest.mark.parametrize("number", [Signals.SIGINT, Signals.SIGQUIT])
def test_a_quick_stop_does_not_wait_for_the_request(site, number):
    with start(site, "--graceful-timeout", "1000") as server, closing(socket.socket()) as client:
        client.connect(("127.0.0.1", server.port))
        client.sendall(b"GET /sleep HTTP/1.1\r\n\r\n")
        server.wait_for("sleeping")
        assert server.stop(number) == 0
        server.wait_for("flushed")  # the fake worker's flush_logs
        server.wait_for(r"worker \d+ exited with status 0")


def test_a_worker_ignores_signals_that_a_terminal_sends_to_all(site):
    with start(site) as server:
        worker = server.workers()[0]
        for number in (Signals.SIGINT, Signals.SIGHUP, Signals.SIGUSR1, Signals.SIGTTIN, Signals.SIGTTOU):
            os.kill(worker, number)
        assert int(server.get("/pid")) == worker


def test_no_worker_outlives_a_killed_master(site):
    with start(site, workers=2) as server:
        workers = server.workers()
        server.process.kill()
        server.wait()
        until(lambda: all(gone(worker) for worker in workers))


def test_a_preloaded_application_that_fails_ends_it_before_any_fork(site):
    (site / "broken.py").write_text("raise ValueError('no')\n")
    result = run_command(
        site, "broken", "-b", "127.0.0.1:0", "--before-fork", "site_two:before_fork", command=FAKE_COMMAND
    )
    assert result.returncode == ExitStatus.APPLICATION
    assert "before fork" not in result.stderr


def test_the_pid_file_exists_while_the_server_runs(site):
    with start(site, "--pid", "pid") as server:
        assert (site / "pid").read_text() == f"{server.process.pid}\n"
        result = run_command(site, "site_two", "-b", "127.0.0.1:0", "--pid", "pid", command=FAKE_COMMAND)
        assert f"locked by a running process (pid {server.process.pid})" in result.stderr
        assert (site / "pid").exists()
        server.stop()
    assert not (site / "pid").exists()


def test_workers_do_not_keep_the_pid_file_locked(site):
    with start(site, "--pid", "pid") as server:
        worker = server.workers()[0]
        held = [os.readlink(entry) for entry in Path(f"/proc/{worker}/fd").iterdir()]
        assert str(site / "pid") not in held


def test_the_error_log_is_a_file_that_is_reopened_after_a_rename(site):
    log = site / "error.log"
    with serving(
        site, "site_two", "-b", "unix:s", "-w", "1", "--error-logfile", "error.log", ready=0
    ) as server:
        until(lambda: log.exists() and "is ready" in log.read_text())
        log.rename(site / "old.log")
        assert server.get("/log", unix=site / "s") == "ok"
        assert log.read_text() == "from the application\n"
        assert server.stop() == 0
        assert "stopped" in log.read_text()
    assert server.log == ""


def test_an_error_that_ends_it_is_in_the_log_file_too(site):
    result = run_command(
        site, "no_such", "-b", "127.0.0.1:0", "--error-logfile", "error.log", command=FAKE_COMMAND
    )
    assert "cannot find module 'no_such'" in result.stderr
    assert "[CRITICAL] cannot find module 'no_such'" in (site / "error.log").read_text()


def test_the_log_level_hides_what_is_less_severe(site):
    with serving(site, "site_two", "-b", "unix:s", "-w", "1", "--log-level", "critical", ready=0) as server:
        until(lambda: (site / "s").exists())
        assert server.get(unix=site / "s") == "hello"
        server.stop()
    assert "INFO" not in server.log


def test_each_hook_is_called_in_its_process(site):
    hooks = [
        f"--{name}=site_two:{name.replace('-', '_')}"
        for name in ("before-fork", "after-fork", "on-child-reap")
    ]
    with start(site, *hooks) as server:
        master, worker = server.process.pid, server.workers()[0]
        server.stop()
    assert f"[{master}] [INFO] before fork in {master}\n" in server.log
    assert f"[{worker}] [INFO] after fork in {worker} of {master}\n" in server.log
    assert f"reaped {worker} 0\n" in server.log


def test_a_failing_after_fork_is_a_failed_start(site):
    arguments = ["site_two", "-b", "127.0.0.1:0", "-w", "1", "--err-respawn-interval", "0"]
    result = run_command(site, *arguments, "--after-fork", "site_two:fail", command=FAKE_COMMAND)
    assert result.returncode == ExitStatus.WORKERS
    assert "ValueError: a hook that fails" in result.stderr


def test_directory_path_environment_and_umask_of_the_application(site):
    (site / "deep").mkdir()
    (site / "deep" / "site_two.py").write_text(APPLICATION)
    (site / "library").mkdir()
    arguments = [
        "--chdir",
        "deep",
        "--pythonpath",
        "../library",
        "-e",
        "A=x y",
        "--env",
        "B=2",
        "--umask",
        "027",
    ]
    with start(site, *arguments) as server:
        assert server.get("/env/A") == "x y"
        assert server.get("/env/B") == "2"
        assert server.get("/cwd") == f"{site}/deep {site}/library"
        assert server.get("/umask") == "0o27"


def test_settings_reach_the_worker(site):
    (site / "rhebok.toml").write_text('server_header = "mine"\nchunked = false\n')
    with start(site, "-c", "rhebok.toml", "--body-buffer", "2k", RHEBOK_KEEP_ALIVE="0.5") as server:
        names = (
            "server_header",
            "chunked",
            "body_buffer",
            "keep_alive",
            "max_keepalive_requests",
            "access_logfile",
        )
        assert [server.get(f"/setting/{name}") for name in names] == [
            "mine",
            "False",
            "2048",
            "0.5",
            "0",
            "None",
        ]


def test_the_application_may_be_named_in_the_file(site):
    (site / "rhebok.toml").write_text('app = "site_two"\nbind = "127.0.0.1:0"\nworkers = 1\n')
    with serving(site, "-c", "rhebok.toml") as server:
        assert server.get() == "hello"


@pytest.mark.parametrize("blocking", [True, False])
def test_listeners_of_start_server_are_used(site, blocking):
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as tcp,
        closing(socket.socket(socket.AF_UNIX)) as unix,
    ):
        unix.bind(str(site / "handed"))
        unix.listen()
        for sock in (tcp, unix):
            sock.setblocking(blocking)
        port = tcp.getsockname()[1]
        value = f"127.0.0.1:{port}={tcp.fileno()};{site}/handed={unix.fileno()}"
        handed = (tcp.fileno(), unix.fileno())
        with start(site, "-b", "unix:not-bound", pass_fds=handed, SERVER_STARTER_PORT=value) as server:
            assert server.port == port
            assert server.get() == "hello"
            assert server.get(unix=site / "handed") == "hello"
            assert not (site / "not-bound").exists()
            assert server.stop() == 0
        assert (site / "handed").exists()


def test_names_of_the_server_in_the_environ(site):
    with start(site, "-b", "unix:s") as server:
        assert server.get("/name") == f"127.0.0.1 {server.port}"
        assert server.get("/name", unix=site / "s") == "localhost 80"


def test_a_unix_socket_has_the_mode_asked_for(site):
    with start(site, "-b", "unix:s", "--socket-mode", "0600"):
        assert (site / "s").stat().st_mode & 0o777 == 0o600


def test_after_the_last_worker_the_port_is_free(site):
    with start(site) as server:
        port = server.port
        server.stop()
    with closing(socket.create_server(("127.0.0.1", port))):
        pass
