"""GunicornHooks: which functions are called when, with what, and what becomes of exceptions."""

import logging
import os
import socket

import pytest

from rhebok.errors import HookFailed
from rhebok.gunicorn.facades import BOOTING
from rhebok.gunicorn.hooks import GunicornHooks
from rhebok.gunicorn.options import OPTIONS, Fate
from rhebok.gunicorn.request_hooks import RequestHooks, positional
from rhebok.listening.listeners import Listener
from rhebok.native.observed_result import ObservedResult
from unit.gunicorn.loading import load
from unit.gunicorn.test_exchange_facades import ENVIRON

NAMES = {option.name: option.arguments for option in OPTIONS if option.fate is Fate.HOOK}
ALL = "".join(
    f"def {name}({arguments}): calls.append(('{name}', {arguments}))\n" for name, arguments in NAMES.items()
)


class Played:
    """Hooks that note their calls, without processes."""

    def __init__(self, directory, *arguments, without=(), bad=""):
        config = self.config = load(directory, "calls = []\nworkers = 2\n" + ALL, *arguments)
        self.calls = next(iter(config.hooks.values())).__globals__["calls"]
        for name in without:
            del config.hooks[name]
        if bad:
            config.hooks[bad] = self._fail
        self.error = ValueError("a hook that fails")
        self.lines = []
        log = logging.Logger("hooks")
        handler = logging.Handler()
        handler.emit = lambda record: self.lines.append(record.getMessage())
        log.addHandler(handler)
        self.hooks = GunicornHooks(config, log)

    def _fail(self, *arguments):
        raise self.error

    def take(self):
        names = [name for name, *_ in self.calls]
        self.calls.clear()
        return names

    def fork(self, pid):
        """As the master sees it."""
        self.hooks.before_fork()
        self.hooks.forked(pid)


@pytest.fixture
def play(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GUNICORN_CMD_ARGS", raising=False)
    return lambda *arguments, **options: Played(tmp_path, *arguments, **options)


@pytest.mark.parametrize(
    ("option", "before", "after"),
    [
        ((), ["on_starting"], []),
        (("--preload",), [], ["on_starting"]),
        (("--no-preload",), ["on_starting"], []),
    ],
)
def test_on_starting_comes_after_the_application_only_for_who_asks_for_preload(play, option, before, after):
    played = play(*option)
    played.hooks.begins([], 1)
    assert played.take() == ["nworkers_changed", *before]
    played.hooks.loaded(None)
    assert played.take() == after


def test_a_later_generation_begins_with_pre_exec_and_on_reload_follows_on_starting(play):
    played = play()
    played.hooks.begins([], 2)
    played.hooks.loaded(None)
    played.hooks.listens()
    assert played.take() == ["pre_exec", "nworkers_changed", "on_starting", "on_reload", "when_ready"]


def test_the_master_knows_its_workers_by_pid(play):
    played = play()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        bound = Listener(listening, "http://127.0.0.1:1", "127.0.0.1", "1")
        played.hooks.begins([bound], 1)
    _, server, new, old = played.calls[0]
    assert (new, old, server.num_workers, server.pid) == (2, None, 2, os.getpid())
    played.take()
    played.hooks.before_fork()
    _, seen, worker = played.calls[-1]
    assert seen is server
    assert (worker.pid, worker.age, worker.ppid, worker.nr) == (BOOTING, 1, os.getpid(), 0)
    assert worker.sockets is server.LISTENERS
    played.hooks.forked(4711)
    played.fork(4712)
    assert server.WORKERS[4711] is worker
    assert [each.age for each in server.WORKERS.values()] == [1, 2]
    played.take()
    played.hooks.reaped(4711, -9)
    assert played.calls == [("child_exit", server, worker)]
    assert list(server.WORKERS) == [4712]
    assert str(worker) == "<Worker 4711>"


@pytest.mark.parametrize(
    ("hook", "moment"), [("worker_int", "cut"), ("worker_abort", "late"), ("worker_exit", "worker_ends")]
)
def test_sys_exit_in_a_hook_at_the_end_of_a_worker_leaves_that_end_as_it_is(play, hook, moment):
    played = play(bad=hook)
    played.error = SystemExit(5)
    played.hooks.before_fork()
    getattr(played.hooks, moment)()
    assert played.lines == []


def test_sys_exit_in_a_hook_of_the_master_has_a_line_and_its_status(play):
    played = play(bad="on_starting")
    played.error = SystemExit(5)
    with pytest.raises(SystemExit) as ended:
        played.hooks.begins([], 1)
    assert ended.value.code == 5
    assert played.lines == ["the hook on_starting has called sys.exit(5)"]


def test_listeners_are_what_hooks_measure_and_tune(play):
    played = play()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        played.hooks.begins([Listener(listening, "http://127.0.0.1:1", "127.0.0.1", "1")], 1)
        (seen,) = played.calls[0][1].LISTENERS
        assert (seen.sock, seen.fileno(), seen.family) == (listening, listening.fileno(), socket.AF_INET)
        assert seen.getsockname() == seen.cfg_addr == listening.getsockname()
        seen.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        assert listening.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert str(seen) == "http://127.0.0.1:1"
        seen.close()
        assert listening.fileno() == -1


def test_a_hook_that_asks_for_the_application_early_has_it_loaded_once(play):
    played = play()
    loads = []
    hooks = GunicornHooks(played.config, logging.getLogger(), load=lambda: loads.append(1) or "app")
    hooks.begins([], 1)
    server = played.calls[0][1]
    assert server.app.wsgi() == server.app.wsgi() == "app"
    assert loads == [1]


def test_a_signal_that_changes_the_number_is_told_with_both(play):
    played = play()
    played.hooks.resized(3, 2)
    name, server, new, old = played.calls[-1]
    assert (name, new, old, server.num_workers) == ("nworkers_changed", 3, 2, 3)


def test_a_worker_is_told_each_moment_of_its_life_once(play):
    played = play(without=("pre_request", "post_request"))
    played.hooks.before_fork()
    played.take()
    played.hooks.in_worker(lambda: 5, lambda: None)
    _, _, worker = played.calls[-1]
    assert (worker.pid, worker.nr, worker.booted, worker.alive) == (os.getpid(), 5, False, True)
    assert played.hooks.application(len) is len
    assert worker.booted
    played.hooks.told_to_stop()
    assert not worker.alive
    played.hooks.worker_ends()
    played.hooks.cut()
    played.hooks.worker_ends()
    assert played.take() == ["post_fork", "post_worker_init", "worker_exit"]


def test_a_quick_stop_calls_worker_int_and_then_worker_exit(play):
    played = play()
    played.hooks.cut()
    played.hooks.worker_ends()
    assert played.take() == ["worker_int", "worker_exit"]


def test_a_late_request_calls_worker_abort(play):
    played = play()
    played.hooks.late()
    name, worker = played.calls[-1]
    assert (name, worker.aborted, worker.alive) == ("worker_abort", True, False)


def test_a_hook_that_sets_alive_to_false_asks_for_a_successor_once(play):
    played, asked = play(), []
    played.hooks.in_worker(int, lambda: asked.append(1))
    _, _, worker = played.calls[-1]
    worker.alive = False
    worker.alive = False
    assert asked == [1]


def test_what_post_worker_init_puts_into_wsgi_is_served(play):
    played = play(without=("pre_request", "post_request"))
    played.hooks._functions["post_worker_init"] = lambda worker: setattr(worker, "wsgi", print)
    assert played.hooks.application(len) is print


MOMENTS = {
    "pre_exec": lambda hooks: hooks.begins([], 2),
    "nworkers_changed": lambda hooks: hooks.resized(2, 1),
    "on_starting": lambda hooks: hooks.begins([], 1),
    "on_reload": lambda hooks: hooks.recycles(),
    "when_ready": lambda hooks: hooks.listens(),
    "pre_fork": lambda hooks: hooks.before_fork(),
    "child_exit": lambda hooks: (hooks.before_fork(), hooks.forked(1), hooks.reaped(1, 0)),
    "on_exit": lambda hooks: hooks.ended(),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_a_hook_of_the_master_that_fails_ends_it_at_once(play, name):
    played = play(bad=name)
    with pytest.raises(HookFailed) as caught:
        MOMENTS[name](played.hooks)
    assert (caught.value.status, caught.value.quick) == (1, True)
    assert played.lines == [f"the hook {name} failed"]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("post_fork", lambda hooks: hooks.in_worker(int, lambda: None)),
        ("post_worker_init", lambda hooks: hooks.application(len)),
    ],
)
def test_a_hook_that_fails_before_a_worker_serves_ends_the_server_gracefully(play, name, call):
    played = play(bad=name)
    with pytest.raises(HookFailed) as caught:
        call(played.hooks)
    assert caught.value.status == 3
    played.fork(4711)
    played.take()
    with pytest.raises(HookFailed) as in_master:
        played.hooks.reaped(4711, 3)
    assert (in_master.value.status, in_master.value.quick) == (3, False)
    assert played.take() == []  # no child_exit, as in gunicorn


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("worker_int", lambda hooks: hooks.cut()),
        ("worker_abort", lambda hooks: hooks.late()),
        ("worker_exit", lambda hooks: hooks.worker_ends()),
    ],
)
def test_other_hooks_of_a_worker_that_fail_are_logged(play, name, call):
    played = play(bad=name)
    call(played.hooks)
    assert played.lines == [f"the hook {name} failed"]


# Requests


class Around:
    """pre_request and post_request around an application."""

    def __init__(self, play, app, pre=None, post=None):
        played = play()
        self.lines = played.lines
        hooks = played.hooks
        self.worker = hooks._worker
        self.app = RequestHooks(self.worker, pre, post, hooks._log).around(app)
        self.environ = dict(ENVIRON)

    def call(self):
        return self.app(self.environ, lambda status, headers, exc_info=None: None)


def hello(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]


def test_both_hooks_get_the_same_request_and_count(play):
    seen = []

    def pre(worker, req):
        req.mine = "mark"
        seen.append((req, worker.nr))

    def post(worker, req, environ, resp):
        seen.append((req, worker.nr, environ, resp.status, resp.sent))

    around = Around(play, hello, pre, post)
    result = around.call()
    assert type(result) is ObservedResult
    result.close()
    (before, nr), (after, later, environ, status, sent) = seen
    assert before is after
    assert after.mine == "mark"
    assert (nr, later, status, sent) == (0, 1, "200 OK", 0)
    assert environ is around.environ


@pytest.mark.parametrize(
    "post",
    [
        lambda worker, req: calls.append(2),
        lambda worker, req, environ: calls.append(3),
        lambda worker, req, environ, resp: calls.append(4),
        lambda worker, req, *rest: calls.append(2 + len(rest)),
    ],
)
def test_post_request_takes_as_many_arguments_as_it_has(play, post):
    calls.clear()
    Around(play, hello, post=post).call().close()
    assert calls == [positional(post)]


calls: list[int] = []


def test_pre_request_alone_leaves_the_result_as_it_is(play):
    assert Around(play, hello, pre=lambda worker, req: None).call() == [b"hello"]


def test_post_request_comes_after_an_application_that_raises(play):
    def raises(environ, start_response):
        raise KeyError("the application's")

    seen = []
    around = Around(play, raises, post=lambda worker, req, environ, resp: seen.append(resp.status))
    with pytest.raises(KeyError):
        around.call()
    assert seen == [None]


def test_post_request_comes_after_a_pre_request_that_raises_without_a_response(play):
    def pre(worker, req):
        raise KeyError("the hook's")

    seen = []
    around = Around(play, hello, pre, lambda worker, req, environ, resp: seen.append((environ, resp)))
    with pytest.raises(KeyError):
        around.call()
    assert seen == [({}, None)]


def test_a_post_request_that_raises_is_logged(play):
    def post(worker, req):
        raise KeyError("the hook's")

    around = Around(play, hello, post=post)
    around.call().close()
    assert around.lines == ["the hook post_request failed"]
