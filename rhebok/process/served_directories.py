"""The directories of --static and --sendfile-root, before anything is served. Called by launch and doctor."""

from __future__ import annotations

import os

from rhebok.errors import ExitStatus, UserError
from rhebok.records import TYPE_CHECKING, replace

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def check_directories(settings: Any) -> None:
    """Raises UserError for a directory that is not there, and for a URL that no --static mounts."""
    for option, pairs in (("--static", settings.static), ("--sendfile-root", settings.sendfile_root)):
        for _, path in pairs:
            if not os.path.isdir(path):
                raise UserError(f"{option}: {path!r} is no directory: make it, or name another one")
    mounted = {url for url, _ in settings.static}
    for option, urls in (
        ("--static-only", settings.static_only),
        ("--static-uploads", settings.static_uploads),
        ("--static-max-age", [url for url, _ in settings.static_max_age]),
    ):
        for url in urls:
            if url and url not in mounted:
                raise UserError(f"{option}: no --static mounts {url}", ExitStatus.USAGE)


def warn_of_directories(settings: Any, warn: Callable[[str], object]) -> None:
    """Once this process is --user, as which files are opened."""
    for option, pairs in (("--static", settings.static), ("--sendfile-root", settings.sendfile_root)):
        for _, path in pairs:
            if not os.access(path, os.X_OK):
                what = "may not be searched by the user of the workers, so none of its files is served"
                warn(f"{option}: {path!r} {what}")
    for url, path in settings.static:
        if _has_the_application(path):
            what = "is where the application is: its sources, settings and databases are served too"
            warn(f"--static: the directory of {url}, {path!r}, {what}")


def _has_the_application(path: str) -> bool:
    """Whether it is the working directory, or one above."""
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:  # it is gone
        return False
    path = os.path.realpath(path)
    return os.path.commonpath((here, path)) == path


def with_absolute_directories(settings: Any) -> Any:
    """The settings with paths that are still right when the application has changed its directory."""
    if not settings.static and not settings.sendfile_root:
        return settings
    return replace(
        settings, static=_absolute(settings.static), sendfile_root=_absolute(settings.sendfile_root)
    )


def _absolute(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((url, os.path.abspath(path)) for url, path in pairs)
