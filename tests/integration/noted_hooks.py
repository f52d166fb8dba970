"""A file of gunicorn around another one: its hooks also note that they run. Written by tests into a site."""

from pathlib import Path

WRAPPER = '''"""{path} has the hooks."""

import inspect
import os

with open({path!r}) as _file:
    exec(compile(_file.read(), {path!r}, "exec"))


def _write(path, line):
    with open(path, "a") as file:
        file.write(line + "\\n")


def _role(arguments):
    here = os.getpid()
    for each in arguments:
        if hasattr(each, "age") and each.pid == here:
            return f"worker {{each.age}}"
    return "master" if here == getattr(arguments[0], "pid", here) else "stranger"


def _noted(name, function):
    names = ", ".join(inspect.signature(function).parameters)

    def call(*arguments):
        _write({notes!r}, f"{{_role(arguments)}} {{name}}")
        return function(*arguments)

    return eval(f"lambda {{names}}: call({{names}})", {{"call": call}})  # with as many arguments


for _name in {hooks!r}:
    if _name in globals():
        globals()[_name] = _noted(_name, globals()[_name])

_initialize = globals().get("post_worker_init", str)
post_worker_init = lambda worker: (_initialize(worker), _write({ready!r}, str(worker.pid)))
'''

HOOKS = (
    *("on_starting", "on_reload", "when_ready", "pre_exec", "nworkers_changed", "on_exit"),
    *("pre_fork", "post_fork", "post_worker_init", "worker_int", "worker_abort", "worker_exit", "child_exit"),
    *("pre_request", "post_request"),
)


def wrapper(path: Path, notes: Path, ready: Path) -> str:
    """The text of the file around the one at `path`.

    notes: gets a line for each call, ROLE HOOK. The role is `master`, or `worker AGE`.
    ready: gets the pid of each worker that is initialized.
    """
    words = {"path": str(path), "notes": str(notes), "ready": str(ready)}
    return WRAPPER.format(**words, hooks=HOOKS)
