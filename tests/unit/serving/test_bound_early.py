"""gevent and eventlet replace functions of the standard library when the application is imported. What runs
afterwards in master and worker must not look them up: it would block in another library's event loop."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import rhebok

PACKAGE = Path(rhebok.__file__).parent
# What gevent.monkey and eventlet.patcher replace; the whole module where there is no set.
PATCHED: dict[str, frozenset[str] | None] = {
    "os": frozenset(("fork", "forkpty", "waitpid", "wait", "read", "write", "posix_spawn", "fdopen")),
    "select": None,
    "signal": None,
    "socket": None,
    "subprocess": None,
    "selectors": None,
    "queue": None,
    "time": frozenset({"sleep"}),
}  # fmt: skip
RUNNING = (
    "prefork/*.py", "process/signals.py", "process/logs.py", "process/nonblocking.py",
    "process/forked_child.py", "process/exit_handlers.py", "process/written_files.py",
    "process/tracebacks.py", "process/other_threads.py",
    "serving/master.py", "serving/worker.py",
    "serving/worker_end.py", "serving/worker_tracebacks.py", "serving/watch.py",
    "serving/life_watch.py", "serving/scoreboard.py", "serving/metrics.py", "serving/record_thread.py",
    "process/access_records.py",
    "native/upgraded_socket.py",
)  # fmt: skip


def looked_up(tree: ast.AST) -> Iterator[str]:
    """Patched names that a function takes from their module, or imports, when it runs."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.Lambda):
            for node in ast.walk(function):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    names = PATCHED.get(node.value.id, frozenset())
                    if names is None or node.attr in names:
                        yield f"line {node.lineno}: {node.value.id}.{node.attr}"
                if isinstance(node, ast.ImportFrom) and node.module in PATCHED:
                    yield f"line {node.lineno}: from {node.module} import"


@pytest.mark.parametrize(
    "path", sorted({path for name in RUNNING for path in PACKAGE.glob(name)}), ids=lambda p: p.name
)
def test_nothing_that_patches_replace_is_looked_up_late(path: Path) -> None:
    assert sorted(set(looked_up(ast.parse(path.read_text())))) == []
