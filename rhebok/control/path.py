"""Where the control socket is: what servers and `rhebok status` agree on. Nothing here touches the disk."""

import os
from collections.abc import Mapping

NONE = "none"
DIRECTORY = "rhebok"
SUFFIX = ".control"
_MAX_NAME = 60
_PRIME = 2**32 - 5


def runtime_directory(environ: Mapping[str, str], uid: int) -> str | None:
    """XDG_RUNTIME_DIR/rhebok, for root otherwise /run/rhebok. None: there is no such directory."""
    of_user = environ.get("XDG_RUNTIME_DIR", "")
    if of_user.startswith("/"):
        return os.path.join(of_user, DIRECTORY)
    return f"/run/{DIRECTORY}" if uid == 0 else None


def file_name(listener: str) -> str:
    """Of a server, by the name of its first listener: no two servers have the same. A path that another
    one may look like has its checksum too."""
    name = listener.removeprefix("http://").removeprefix("unix:")
    kept = "".join(each if each.isalnum() or each in "._" else "-" for each in name).strip("-.")
    if listener.startswith("unix:") and ("/" + kept.replace("-", "/") != name or len(kept) > _MAX_NAME):
        kept = f"{kept}-{int.from_bytes(os.fsencode(name), 'big') % _PRIME:08x}"
    return (kept[-_MAX_NAME:].strip("-.") or "server") + SUFFIX


def control_path(wanted: str | None, listener: str, environ: Mapping[str, str], uid: int) -> str | None:
    """Where a server listens whose --control is `wanted`. None: nowhere."""
    if wanted is not None:
        return None if wanted == NONE else wanted
    directory = runtime_directory(environ, uid)
    return None if directory is None else os.path.join(directory, file_name(listener))
