"""--preload auto: what the import leaves behind decides who loads the application."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from signal import SIGHUP, SIGKILL

import pytest
from deploy.identities import STRANGER, as_root, open_to_all

from integration.conftest import Serve
from integration.server import Process
from integration.waiting import until

WHO = """
import os
IMPORTED_BY = os.getpid()
open("imports", "a").write(f"{IMPORTED_BY}\\n")
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"%d" % IMPORTED_BY]
"""
THREAD = (
    "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True, name='ticker').start()"
)
CONNECTION = "import os, socket\nheld = socket.create_connection(('127.0.0.1', int(os.environ['PEER'])))"
SAYS = "each worker loads the application, .*"

LEFT = {
    "a thread": (THREAD, r"the thread 'ticker' \(threading\)"),
    "a connection": (CONNECTION, r"a connection to 127\.0\.0\.1:\d+"),
    "the owner of a connection": (
        "import os, socket\nclass Pool: pass\npool = Pool()\n"
        "pool.held = socket.create_connection(('127.0.0.1', int(os.environ['PEER'])))",
        r"a connection to 127\.0\.0\.1:\d+ \(who\)",
    ),
    "an event loop": ("import select\nloop = select.epoll()", r"an event loop \(epoll\)"),
    "an event loop of asyncio": (
        "import asyncio\nloop = asyncio.new_event_loop()",
        r"an event loop \(epoll\)",
    ),
    "a thread of C beside children that nobody waits for": (
        "import ctypes, signal\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "libc = ctypes.CDLL(None)\n"
        "pause = ctypes.cast(libc.pause, ctypes.c_void_p)\n"
        "libc.pthread_create(ctypes.byref(ctypes.c_ulong()), None, pause, None)",
        r"the native thread '.+'",
    ),
    "an eventfd": ("import os\nfd = os.eventfd(0)", r"an event loop \(eventfd\)"),
}
HARMLESS = {
    "nothing": "",
    "a thread that has ended": "import threading\nt = threading.Thread(target=int)\nt.start()",
    "a pool that was shut down": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(4) as pool:\n    list(pool.map(int, '123'))"
    ),
    "a connection that was closed": CONNECTION + "\nheld.close()",
    "a connection that nobody has": CONNECTION.replace("held", "a") + "\na = [a]; a.append(a); del a",
    "datagrams of a log": (
        "import socket\nlog = socket.socket(type=socket.SOCK_DGRAM)\nlog.connect(('127.0.0.1', 9))"
    ),
    "a listener": "import socket\nheld = socket.create_server(('127.0.0.1', 0))",
    "a socket pair": "import socket\npair = socket.socketpair()",
    "a pipe and a file": "import os\npipe = os.pipe()\nfile = open('imports')",
    "a loop that was closed": "import asyncio\nasyncio.run(asyncio.sleep(0))",
}


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def site(tmp_path: Path, code: str) -> None:
    (tmp_path / "who.py").write_text(WHO + code + "\n")


def imported_by_itself(server: Process) -> bool:
    return int(server.get("/").text) in server.workers()


def imports(tmp_path: Path) -> list[int]:
    return [int(line) for line in (tmp_path / "imports").read_text().split()]


@pytest.mark.parametrize("kind", LEFT)
def test_what_workers_cannot_share_is_named_and_each_worker_loads(
    serve: Serve, tmp_path: Path, peer: socket.socket, kind: str
) -> None:
    code, named = LEFT[kind]
    site(tmp_path, code)
    server = serve("who:app", workers=2, PEER=str(peer.getsockname()[1]))
    assert imported_by_itself(server)
    assert server.matches(SAYS + named), server.log
    assert len(server.log.split("cannot be shared")) == 2, "one line"
    assert imports(tmp_path)[0] == server.master, "which has begun again"
    assert sorted(imports(tmp_path)[1:]) == sorted(server.workers())
    assert server.stop() == 0


@pytest.mark.parametrize("kind", HARMLESS)
def test_otherwise_the_master_has_loaded_it_once(
    serve: Serve, tmp_path: Path, peer: socket.socket, kind: str
) -> None:
    site(tmp_path, HARMLESS[kind])
    server = serve("who:app", workers=2, PEER=str(peer.getsockname()[1]))
    assert int(server.get("/").text) == server.master
    assert imports(tmp_path) == [server.master]
    assert not server.matches(SAYS)


@pytest.mark.parametrize(("options", "by_worker"), [(["--preload"], False), (["--no-preload"], True)])
def test_on_and_off_do_not_look(serve: Serve, tmp_path: Path, options: list[str], by_worker: bool) -> None:
    site(tmp_path, THREAD)
    server = serve("who:app", *options)
    assert imported_by_itself(server) is by_worker
    assert len(imports(tmp_path)) == 1
    assert not server.matches(SAYS)


def test_the_process_that_begins_again_has_nothing_of_the_first_load(serve: Serve, tmp_path: Path) -> None:
    """No descriptor, child, mask or directory; exit handlers have run, and buffers are written."""
    site(
        tmp_path,
        THREAD + "\nimport atexit, signal, subprocess\n"
        "if not os.path.exists('first'):\n"
        "    file = open('first', 'w')\n"
        "    file.write('written')\n"
        "    os.set_inheritable(file.fileno(), True)\n"
        "    child = subprocess.Popen(['sleep', '1000'])\n"
        "    open('child', 'w').write(str(child.pid))\n"
        "    atexit.register(open, os.path.abspath('ended'), 'w')\n"
        "    signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"
        "    os.chdir('/')\n"
        "    os.umask(0o77)\n",
    )
    before = os.umask(0)
    os.umask(before)
    server = serve("who:app")
    assert imported_by_itself(server)
    assert (tmp_path / "first").read_text() == "written"
    assert (tmp_path / "ended").exists()
    assert not Path(f"/proc/{(tmp_path / 'child').read_text()}").exists()
    master = Path(f"/proc/{server.master}")
    assert os.readlink(master / "cwd") == str(tmp_path)
    assert not [fd for fd in (master / "fd").iterdir() if os.readlink(fd).endswith("/first")]
    assert f"Umask:\t{before:04o}" in (master / "status").read_text()


def test_a_daemon_that_the_import_starts_does_not_hold_up_the_child_that_looks(
    serve: Serve, tmp_path: Path
) -> None:
    """A hook that runs before has the application looked at in a child. The daemon is nobody's child, and has
    all descriptors of the process that has started it."""
    (tmp_path / "gunicorn.conf.py").write_text("def on_starting(server): pass\n")
    site(
        tmp_path,
        "import time\n"
        "if (child := os.fork()) == 0:\n"
        "    if os.fork() == 0:\n"
        "        open('daemons', 'a').write(f'{os.getpid()}\\n')\n"
        "        time.sleep(1000)\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "while not os.path.exists('daemons'): time.sleep(0.01)\n",
    )
    try:
        server = serve("who:app")
        assert int(server.get("/").text) == server.master
    finally:
        for pid in (tmp_path / "daemons").read_text().split():
            os.kill(int(pid), SIGKILL)


def test_a_child_that_is_killed_while_it_looks_has_not_found_nothing(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "gunicorn.conf.py").write_text("def on_starting(server): pass\n")
    site(
        tmp_path,
        "import signal\n"
        "if not os.path.exists('killed'):\n"
        "    open('killed', 'w').close()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n",
    )
    server = serve("who:app")
    assert imported_by_itself(server)
    assert server.matches(SAYS + "unknown, since the process that looked was killed by SIGKILL")


def test_a_deploy_looks_again(serve: Serve, tmp_path: Path) -> None:
    site(tmp_path, THREAD)
    server = serve("who:app")
    assert imported_by_itself(server)
    site(tmp_path, "")
    server.send(SIGHUP)
    server.wait_for(r"generation 2 \(pid \d+\) serves")
    until(lambda: int(server.get("/").text) == server.master)


def test_a_child_that_looks_finds_what_the_process_itself_would(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "gunicorn.conf.py").write_text("def on_starting(server): pass\n")
    code, named = LEFT["a thread of C beside children that nobody waits for"]
    site(tmp_path, code)
    server = serve("who:app")
    assert imported_by_itself(server)
    assert server.matches(SAYS + named), server.log


@as_root
@pytest.mark.parametrize(("code", "by_worker"), [(THREAD, True), ("", False)])
def test_with_user_a_child_of_that_user_looks(
    serve: Serve, tmp_path: Path, code: str, by_worker: bool
) -> None:
    """The master could not open its logs again. Root never imports the application."""
    site(tmp_path, code + "\nassert os.geteuid() != 0")
    (tmp_path / "imports").touch()
    (tmp_path / "imports").chmod(0o666)
    open_to_all(tmp_path)
    server = serve("who:app", "--user", str(STRANGER))
    assert imported_by_itself(server) is by_worker
    assert bool(server.matches(SAYS)) is by_worker
    assert len(imports(tmp_path)) == 2
    assert server.stop() == 0
