"""Writes the tables of docs/FROM-GUNICORN.md into it: `python -m rhebok.gunicorn.docs`. A test compares."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

from rhebok.gunicorn.options import OPTIONS, Fate, Option
from rhebok.settings.table import TABLE

PAGE = Path("docs/FROM-GUNICORN.md")
BEGIN = "<!-- What follows, to the end mark, is written by `python -m rhebok.gunicorn.docs`. -->\n"
END = "<!-- end -->\n"
WIDTH = 120

BEFORE_HOOKS = (
    "`server` is the master of a generation; the supervisor runs no hook. HUP starts a new generation, "
    "which is a new `server` in a new process, as after USR2 in gunicorn. While the old one ends, the "
    "hooks of both run. In the order in which they are called:",
)

AFTER_HOOKS = (
    "With `max_requests`, and whenever a worker is replaced as planned or for a late request, the "
    "successor is forked before the old one has ended: its `pre_fork`, `post_fork` and `post_worker_init` "
    "come before `worker_exit` and `child_exit` of the old one.",
    "An exception in `pre_request` is answered with 500. One in `post_request`, `worker_int`, "
    "`worker_abort` or `worker_exit` is logged. One in `post_fork` or `post_worker_init` ends the "
    "generation gracefully with status 3, and `on_exit` is called. One in any other hook ends it at once "
    "with status 1 (gunicorn: 1 or 255), without `on_exit`. When that generation was to replace another, "
    "the old one serves on; when it was the one that serves, the supervisor starts the next.",
    "`child_exit` is called for workers only, and `mark_process_dead(worker.pid)` of prometheus_client "
    "belongs there. For a file with `child_exit`, Rhebok itself calls it for masters, which end at each "
    "deploy. Do not empty the directory in `on_starting`: at a deploy the old generation still serves.",
    "`server`, `worker`, `req`, `resp` and `cfg` have what files use of gunicorn's objects. A hook cannot "
    "change `cfg`. `worker.alive = False` lets the worker be replaced. `req.headers` has each field once, "
    "as the environ does; the access log shows the fields that the client has sent. `resp.headers` has "
    "what the application gave.",
    "At a quick stop a worker has 2 s for its hooks (gunicorn: `graceful_timeout`). When `graceful_timeout` "
    "has passed it has 1 s (gunicorn: it is killed without them).",
    "`--before-fork`, `--after-fork` and `--on-child-reap` name functions that are run too, before those "
    "of the file: [settings.md](settings.md#hooks).",
)


def render(page: str) -> str:
    """The page with the tables of today."""
    before, begin, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    lines = ["", *_options(), "", *_hooks(), ""]
    return before + begin + "\n".join(lines) + END + after


def _options() -> Iterator[str]:
    yield "## Each setting\n"
    yield "| in a file | flag | here | |"
    yield "|---|---|---|---|"
    for option in OPTIONS:
        if option.fate is not Fate.HOOK:
            yield f"| `{option.name}` | {_code(option.flags)} | {_here(option)} | {_escaped(option.text)} |"


def _hooks() -> Iterator[str]:
    yield "## Hooks\n"
    yield from _paragraphs(BEFORE_HOOKS)
    yield "| hook | arguments | |"
    yield "|---|---|---|"
    for option in OPTIONS:
        if option.fate is Fate.HOOK:
            yield f"| `{option.name}` | {option.arguments} | {_escaped(option.text)} |"
    yield ""
    yield from _paragraphs(AFTER_HOOKS)


def _paragraphs(texts: tuple[str, ...]) -> Iterator[str]:
    for text in texts:
        yield textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def _here(option: Option) -> str:
    if option.fate is not Fate.TAKEN:
        return str(option.fate.value)
    setting = next((each for each in TABLE if each.name == option.to), None)
    if setting is None:
        return "the same"
    ours = {*setting.flags, *setting.aliases}
    same = option.flags and set(option.flags) <= {name for flag in ours for name in flag.split("/")}
    return "the same" if same else f"`{setting.label if setting.flags else 'the argument'}`"


def _code(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
