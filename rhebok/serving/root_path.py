"""--root-path: SCRIPT_NAME of all requests. Called by app_loading. Without it nothing is wrapped."""

from __future__ import annotations

from collections.abc import Callable

from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

Application = Callable[..., "Any"]


def mounted(app: Application, root: str | None) -> Application:
    """The application below `root`. A path that does not begin with it is left whole: a proxy has cut it."""
    if not root:
        return app

    def at_root(environ: dict[str, Any], start_response: Any) -> Any:
        environ["SCRIPT_NAME"] = root
        path = environ["PATH_INFO"]
        if path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
            environ["PATH_INFO"] = path[len(root) :]
        return app(environ, start_response)

    return at_root
