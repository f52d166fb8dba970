"""`use = egg:rhebok#main` in [server:main] of a file of PasteDeploy: what pserve calls with the application.

This process becomes the supervisor. A generation is pserve again, with the same arguments: it reads the file
and loads the application anew, and gets here with listeners that it has been handed.
"""

import atexit
import os
import sys
from collections.abc import Callable
from typing import Any

from rhebok import launch
from rhebok.cli import run_reported
from rhebok.gunicorn import sources
from rhebok.serving import paste
from rhebok.settings.app_spec import parse_paste
from rhebok.settings.configuration import Config


def serve(app: Callable[..., Any], global_conf: dict[str, str], **section: str) -> None:
    """A paste.server_runner, which returns when the server has stopped."""
    status = run_reported(lambda: _serve(app, global_conf, section))
    if status:
        _end(status)


def _serve(app: Callable[..., Any], global_conf: dict[str, str], section: dict[str, str]) -> None:
    file = os.path.abspath(global_conf["__file__"])
    config = sources.load_section(section, file, os.environ, list(paste.as_variables(global_conf)))
    spec = parse_paste(config.settings.app)
    assert spec
    paste.keep(spec, app)
    _start(config)


def _start(config: Config) -> None:
    if _is_restarted_by_hupper():
        launch.run(config, launch.native_worker_factory)
    else:
        launch.serve(config)


def _is_restarted_by_hupper() -> bool:
    """`pserve --reload` starts this process, with pipes that no other process could use."""
    hupper = sys.modules.get("hupper")
    return hupper is not None and bool(hupper.is_active())


def _end(status: int) -> None:
    """pserve would end with 0, whatever sys.exit() says; the service manager must know of the failure."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)
