"""The modules that a supervisor may have imported: each is memory that serves nobody."""

import subprocess
import sys
from pathlib import Path

import pytest

import rhebok

ROOT = Path(rhebok.__file__).parents[1]

# Prints what is imported when the supervisor, all of whose preparations are done, waits for its generation.
LOOK = """
import sys
sys.path += {path}
from rhebok.superdaemon.engine import Engine
def wait(self):
    print(*sorted(sys.modules))
    raise KeyboardInterrupt
Engine._wait = wait
from rhebok.command import main
sys.exit(main())
"""

# More than 50 KiB each, on CPython 3.11; what they import is not named.
TOO_LARGE = frozenset((
    "argparse", "ast", "click", "configparser", "dataclasses", "datetime", "difflib", "encodings.idna",
    "gettext", "http", "inspect", "ipaddress", "json", "linecache", "logging", "pathlib", "random", "re",
    "shlex", "shutil", "subprocess", "tempfile", "threading", "tokenize", "tomllib", "traceback", "typing",
    "unicodedata", "urllib.parse", "uuid", "weakref",
))  # fmt: skip

OURS = frozenset((
    "command", "control", "errors", "listening", "prefork", "process", "records", "reporting",
    "settings", "superdaemon", "supervising",
))  # fmt: skip


def imported(directory: Path, *options: str) -> set[str]:
    """Without the module site, which imports what .pth files of the environment ask for."""
    (directory / "nothing.py").write_text("def app(environ, start_response): ...\n")
    path = [str(ROOT), *(each for each in sys.path if each.endswith("site-packages"))]
    look = directory / "look.py"  # not `-c`, for whose text CPython 3.13 and later import linecache
    look.write_text(LOOK.format(path=path))
    words = [sys.executable, "-I", "-S", str(look), "--bind", "127.0.0.1:0", *options, "nothing:app"]
    result = subprocess.run(words, cwd=directory, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 130, result.stderr
    return set(result.stdout.split())


@pytest.mark.parametrize(
    "options", [(), ("--workers", "2", "--pid", "pid"), ("--config", "x.toml")], ids=lambda each: each[:1]
)
def test_a_supervisor_imports_nothing_large(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "x.toml").write_text("threads = 2\n")
    assert imported(tmp_path, *options) & TOO_LARGE == set()


def test_a_supervisor_imports_only_what_it_uses_of_ours(tmp_path: Path) -> None:
    ours = {name for name in imported(tmp_path) if name.startswith("rhebok.")}
    assert {name.split(".")[1] for name in ours} == OURS
    assert {name for name in ours if name.startswith(("rhebok.prefork.", "rhebok.settings."))} == {
        "rhebok.prefork.parent_death",
        "rhebok.settings.configuration",
    }


def test_syslog_takes_logging(tmp_path: Path) -> None:
    assert "logging" in imported(tmp_path, "--log-syslog", "--log-syslog-to", f"unix://{tmp_path}/none")


def test_what_writes_metrics_is_not_in_the_supervisor(tmp_path: Path) -> None:
    names = imported(tmp_path, "--metrics-bind", "127.0.0.1:0")
    assert "rhebok.superdaemon.exporter" in names
    assert {name for name in names if name.startswith(("prometheus_client", "rhebok.metrics."))} == set()
    assert names & {"http", "email", "logging", "typing", "dataclasses"} == set()


def test_nothing_of_metrics_is_imported_when_they_are_not_wanted(tmp_path: Path) -> None:
    assert {name for name in imported(tmp_path) if "exporter" in name or "metrics" in name} == set()
