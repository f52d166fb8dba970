"""What each option does, through the real command. Mistakes in options are for the unit tests."""

import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from integration.conftest import Serve
from integration.http_client import Client, head
from integration.load import SteadyClients
from integration.processes import open_names
from integration.server import EXAMPLES, command, environment, free_port
from integration.waiting import DEADLINE_SECONDS, until

# --- Listening


def test_several_addresses_of_every_kind(serve: Serve, tmp_path: Path) -> None:
    name = f"@rhebok-test-{os.getpid()}"
    more = ["[::1]:0", "unix:one.sock", f"unix:{name}"]
    server = serve("gated", *(option for place in more for option in ("--bind", place)))
    addresses = server.addresses()
    assert [type(address) for address in addresses] == [tuple, tuple, str, str]
    for address in addresses:
        with Client(address) as client:
            assert client.get("/").json() == server.workers()[0]
    assert server.stop() == 0
    assert not (tmp_path / "one.sock").exists()


def test_an_inherited_descriptor(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = serve("gated", bind=f"fd://{listener.fileno()}", pass_fds=[listener.fileno()])
        assert server.address == listener.getsockname()
        assert server.get("/").status == 200


def test_socket_mode_is_that_of_the_path(serve: Serve, tmp_path: Path) -> None:
    serve("gated", "--socket-mode", "0640", "--umask", "077", bind="unix:app.sock")
    assert stat.S_IMODE((tmp_path / "app.sock").stat().st_mode) == 0o640


def test_umask_is_that_of_the_application(serve: Serve, tmp_path: Path) -> None:
    serve("gated", "--umask", "027", "--access-logfile", "access.log")
    assert stat.S_IMODE((tmp_path / "access.log").stat().st_mode) == 0o640


def test_two_servers_share_a_port_with_reuse_port(serve: Serve) -> None:
    place = f"127.0.0.1:{free_port()}"
    servers = [serve("gated", "--reuse-port", bind=place) for _ in range(2)]
    workers = {str(server.workers()[0]).encode() for server in servers}
    with SteadyClients(servers[0].address) as clients:
        until(lambda: set(clients.bodies) == workers, lambda: f"{workers}, {clients.bodies}")


@pytest.mark.needs("ss")
def test_backlog_is_that_of_the_listener(serve: Serve) -> None:
    """Linux shows it as the send queue of a listening socket."""
    server = serve("gated", "--backlog", "7")
    shown = subprocess.run(["ss", "-Hltn", f"sport = :{server.address[1]}"], capture_output=True, text=True)
    assert shown.stdout.split()[2] == "7"


# --- Application


def test_chdir_pythonpath_and_env(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "greeting.py").write_text("TEXT = 'from there'\n")
    (tmp_path / "here" / "where.py").write_text(
        "import os, greeting\n"
        "def make(ending):\n"
        "    def app(environ, start_response):\n"
        "        start_response('200 OK', [])\n"
        "        return [f'{os.getcwd()} {greeting.TEXT} {os.environ[\"MOOD\"]}{ending}'.encode()]\n"
        "    return app\n"
    )
    options = ["--chdir", "here", "--pythonpath", "../there", "--env", "MOOD=good"]
    server = serve("where:make('!')", *options)
    assert server.get("/").text == f"{tmp_path}/here from there good!"


@pytest.mark.parametrize("option", ["--preload", "--no-preload"])
def test_the_application_is_imported_by_the_master_or_by_each_worker(
    serve: Serve, tmp_path: Path, option: str
) -> None:
    (tmp_path / "who.py").write_text(
        "import os\n"
        "IMPORTED_BY = os.getpid()\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [b'%d' % IMPORTED_BY]\n"
    )
    server = serve("who", option)
    assert server.get("/").json() == (server.master if option == "--preload" else server.workers()[0])


# --- HTTP


def test_keep_alive_0_closes_after_each_response(serve: Serve) -> None:
    server = serve("gated", "--keep-alive", "0")
    with server.client() as client:
        assert client.get("/").says_close
        assert client.at_end()


def test_an_idle_connection_is_closed_after_keep_alive_seconds(serve: Serve) -> None:
    server = serve("gated", "--keep-alive", "0.2")
    with server.client() as client:
        assert not client.get("/").says_close
        assert client.at_end()


def test_the_last_of_max_keepalive_requests_says_close(serve: Serve) -> None:
    server = serve("gated", "--max-keepalive-requests", "3")
    with server.client() as client:
        assert [client.get("/").says_close for _ in range(3)] == [False, False, True]
        assert client.at_end()


def test_a_generator_is_sent_unchunked_with_no_chunked(serve: Serve) -> None:
    server = serve("kinds", "--no-chunked")
    with server.client() as client:
        response = client.get("/generator")
        assert (response.says_close, response.body) == (True, b"one two three")
        assert "transfer-encoding" not in response.fields
        assert client.at_end()


@pytest.mark.parametrize(("value", "field"), [("Tea/1.0", "Tea/1.0"), ("", None)])
def test_server_header(serve: Serve, value: str, field: str | None) -> None:
    server = serve("gated", "--server-header", value)
    assert server.get("/").fields.get("server") == field


@pytest.mark.parametrize(
    ("option", "value", "good", "bad", "status"),
    [
        ("--limit-request-line", "40", "/" + "x" * 20, "/" + "x" * 60, 414),
        ("--limit-request-head", "256", "/" + "x" * 20, "/" + "x" * 300, 431),
    ],
)
def test_limits_of_the_head(serve: Serve, option: str, value: str, good: str, bad: str, status: int) -> None:
    server = serve("gated", option, value)
    assert server.get(good).status == 200
    assert server.get(bad).status == status


def test_limit_request_fields(serve: Serve) -> None:
    server = serve("gated", "--limit-request-fields", "5")
    assert server.get("/", A="1", B="2", C="3").status == 200  # and Host, Connection
    assert server.get("/", A="1", B="2", C="3", D="4").status == 431


def test_limit_request_field_size(serve: Serve) -> None:
    server = serve("gated", "--limit-request-field_size", "50")
    assert server.get("/", A="x" * 40).status == 200
    assert server.get("/", A="x" * 60).status == 431


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
def test_a_body_over_limit_request_body_is_answered_413_though_the_client_still_sends(
    serve: Serve, chunked: bool
) -> None:
    server = serve("big", "--limit-request-body", "1000")
    for size, status in ((1000, 200), (1001, 413), (3_000_000, 413)):
        with server.client() as client:
            if chunked:
                client.send(head("POST", "/", Transfer_Encoding="chunked"))
                client.send(b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size))
                response = client.response()
            else:
                response = client.post("/", b"x" * size)
            assert (size, response.status) == (size, status)


def test_a_body_beyond_body_buffer_waits_in_a_file(serve: Serve, tmp_path: Path) -> None:
    """A file that has no name any more, seen among the worker's descriptors while the body arrives."""
    server = serve("big", "--body-buffer", "1000", TMPDIR=str(tmp_path))
    (worker,) = server.workers()

    def spooled() -> bool:
        names = [name for name in open_names(worker) if not name.startswith("/memfd:")]
        return any(name.endswith("(deleted)") for name in names)

    with server.client() as client:
        client.send(head("POST", "/", Content_Length="2000") + b"x" * 1500)
        until(spooled)
        client.send(b"x" * 500)
        assert client.response().body == b"x" * 2000
    until(lambda: not spooled())


# --- Workers


def test_oobgc_collects_between_requests(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "garbage.py").write_text(
        "import gc, json\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [json.dumps([gc.isenabled(), gc.get_stats()[2]['collections']]).encode()]\n"
    )
    server = serve("garbage", "--oobgc", "3")
    shown = [server.get("/").json() for _ in range(7)]
    collections = [count - shown[0][1] for _, count in shown]
    assert not any(enabled for enabled, _ in shown)
    assert collections == [0, 0, 0, 1, 1, 1, 2]


def test_spawn_interval_lets_workers_start_one_after_the_other(serve: Serve) -> None:
    server = serve("gated", "--spawn-interval", "0.1", workers=3)
    assert len(server.workers()) == 3


def test_a_worker_that_fails_is_replaced_after_err_respawn_interval(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "leaving.py").write_text(
        "import os\n"
        "def app(environ, start_response):\n"
        "    if environ['PATH_INFO'] == '/leave':\n"
        "        os._exit(3)\n"
        "    start_response('200 OK', [])\n"
        "    return [b'%d' % os.getpid()]\n"
    )
    server = serve("leaving", "--err-respawn-interval", "0.1")
    before = server.workers()
    with server.client() as client:
        client.send(head("GET", "/leave"))
        assert client.at_end()
    assert server.get("/").json() in server.wait_for_workers(1, without=before)
    assert server.matches(r"worker \d+ exited with status 3")


def test_hooks_are_called_where_they_belong(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "hooks.py").write_text(
        "import os\n"
        "def note(text):\n"
        "    with open('noted', 'a') as file:\n"
        "        file.write(f'{text} {os.getpid()}\\n')\n"
        "def before(master): note('before')\n"
        "def after(worker): note('after')\n"
        "def reaped(pid, status): note(f'reaped {pid} {status}')\n"
    )
    names = [
        "--before-fork",
        "hooks:before",
        "--after-fork",
        "hooks:after",
        "--on-child-reap",
        "hooks:reaped",
    ]
    server = serve("gated", *names)
    (worker,), master = server.workers(), server.master
    server.stop()
    noted = (tmp_path / "noted").read_text().splitlines()
    ends = [f"reaped {worker} 0 {master}", f"reaped {master} 0 {master}"]
    assert noted == [f"before {master}", f"after {worker}", *ends]


# --- Configuration


def run(*arguments: str, directory: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*command(), *arguments],
        cwd=directory,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def test_the_example_configuration_is_all_right(tmp_path: Path) -> None:
    done = run("--config", str(EXAMPLES / "rhebok.toml"), "--check-config", directory=EXAMPLES)
    assert done.returncode == 0, done.stderr


def test_flag_before_variable_before_file_before_default(tmp_path: Path) -> None:
    file = tmp_path / "rhebok.toml"
    file.write_text("workers = 11\nkeep_alive = 12\nbacklog = 13\n")
    options = ["--config", str(file), "--workers", "31", "--print-config", "gated"]
    done = run(*options, directory=tmp_path, RHEBOK_WORKERS="21", RHEBOK_KEEP_ALIVE="22")
    assert done.returncode == 0, done.stderr
    shown = done.stdout
    for expected in ("workers = 31", "keep_alive = 22", "backlog = 13", "max_requests = 0"):
        assert expected in shown


def test_the_server_runs_from_a_file_alone(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "rhebok.toml").write_text('server_header = "from the file"\n')
    server = serve("gated", "--config", "rhebok.toml")
    assert server.get("/").fields["server"] == "from the file"


def test_version() -> None:
    done = run("--version", directory=Path.cwd())
    assert done.stdout.startswith("rhebok ")


def test_a_broken_application_shows_its_own_traceback(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def inner():\n    import no_such_module_anywhere\ninner()\n")
    done = run("--bind", "127.0.0.1:0", "broken", directory=tmp_path)
    assert done.returncode != 0
    assert "broken.py" in done.stderr
    assert "no_such_module_anywhere" in done.stderr


def test_an_exception_in_the_application_is_logged_and_answered_500(serve: Serve) -> None:
    server = serve("kinds")
    with server.client() as client:
        assert client.get("/no-such-kind").status == 500
        assert client.get("/list").status == 200
    server.tracebacks = 1
    assert "request GET /no-such-kind" in server.log
    assert "KeyError: 'no-such-kind'" in server.log
