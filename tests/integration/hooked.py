"""rhebok with a file of gunicorn that has every hook, each of which notes its calls."""

import os
from pathlib import Path
from signal import Signals
from typing import Any

from integration.conftest import Serve
from integration.server import Server
from integration.waiting import until

APPLICATION = """
import os, time
from pathlib import Path
import shared

with open("notes", "a") as notes:
    notes.write(f"{os.getpid()} import\\n")

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/fails":
        raise ValueError("of the application")
    if path == "/slow":
        time.sleep(60)
    if path == "/loop":
        while True:
            time.sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/left":
        return [shared.left.encode()]
    if path == "/blocks":
        return (block for block in (b"ab", b"cd"))
    if path == "/file":
        return environ["wsgi.file_wrapper"](Path("hello.py").open("rb"))
    if path == "/write":
        start_response("200 OK", [("Content-Type", "text/plain")], (None, None, None))(b"written")
    return [str(os.getpid()).encode()]
"""

FILE = """
import os
import shared

def note(name, *words):
    with open("notes", "a") as notes:
        notes.write(" ".join(map(str, (os.getpid(), name, *words))) + "\\n")
    if os.path.exists("fail-" + name):
        os.rename("fail-" + name, "failed-" + name)
        raise ValueError("a hook that fails")

def on_starting(server):
    shared.left = f"left by {server.pid}"
    note("on_starting")
def on_reload(server): note("on_reload")
def when_ready(server): note("when_ready")
def pre_fork(server, worker): note("pre_fork", worker.age)
def post_fork(server, worker): note("post_fork", worker.age)
def post_worker_init(worker): note("post_worker_init", worker.age)
def worker_int(worker): note("worker_int", worker.age)
def worker_abort(worker): note("worker_abort", worker.age)
def pre_exec(server): note("pre_exec")
def child_exit(server, worker): note("child_exit", worker.age, worker.pid)
def worker_exit(server, worker): note("worker_exit", worker.age, worker.nr)
def nworkers_changed(server, new, old): note("nworkers_changed", new, old)
def on_exit(server): note("on_exit", len(server.WORKERS))
"""

REQUESTS = """
def pre_request(worker, req):
    req.mine = f"{req.method} {req.uri}"
    note("pre_request", req.uri)
    if req.path == "/stop":
        worker.alive = False

def post_request(worker, req, environ, resp):
    note("post_request", req.mine, resp and resp.status_code, resp and resp.sent)
"""

Note = tuple[int, str, str]  # pid, hook, the rest


class Hooked:
    """A server with such a file."""

    def __init__(
        self,
        serve: Serve,
        directory: Path,
        *options: str,
        requests: bool = False,
        workers: int = 1,
        **more: Any,
    ) -> None:
        self.directory = directory
        (directory / "hello.py").write_text(APPLICATION)
        (directory / "shared.py").write_text("left = ''\n")
        (directory / "gunicorn.conf.py").write_text(FILE + REQUESTS * requests)
        self.server: Server = serve("hello:app", "--kill-old-delay", "0", *options, workers=workers, **more)
        if "SERVER_STARTER_PORT" not in more:  # otherwise there is no supervisor
            self.server.wait_for(r"generation 1.* serves")

    def fail(self, hook: str) -> None:
        """The next call of this hook raises, in whatever process."""
        (self.directory / f"fail-{hook}").touch()

    def notes(self) -> list[Note]:
        lines = (line.split(" ", 2) for line in (self.directory / "notes").read_text().splitlines())
        return [(int(pid), hook, rest[0] if rest else "") for pid, hook, *rest in lines]

    def wait_for(self, hook: str, count: int = 1) -> list[Note]:
        """The calls of the hook, once there are so many."""

        def called() -> list[Note]:
            found = [note for note in self.notes() if note[1] == hook]
            return found if len(found) >= count else []

        return until(called, lambda: f"{count} x {hook}: {self.notes()}\n{self.server.log}")

    def names(self, *pids: int, after: int = 0) -> list[str]:
        """The hooks in their order, of these processes or of all, without the first calls."""
        return [hook for pid, hook, _ in self.notes()[after:] if not pids or pid in pids]

    def deploy(self) -> int:
        """HUP. Returns the master of the new generation, when the old one has ended."""
        old = self.server.master
        ended = len([note for note in self.notes() if note[1] == "on_exit"])
        self.server.send(Signals.SIGHUP)
        self.wait_for("on_exit", ended + 1)
        until(lambda: self.server.master != old, lambda: self.server.log)
        return self.server.master

    def kill_worker(self, number: Signals = Signals.SIGKILL) -> int:
        pid = self.server.workers()[0]
        os.kill(pid, number)
        return pid


AT_START = ["nworkers_changed", "on_starting", "import", "when_ready", "pre_fork"]
OF_A_WORKER = ["post_fork", "post_worker_init"]
