"""Users and groups: --user, --group and the owner of unix sockets. Called by launch, after binding.

The supervisor stays what it was started as, so that it can signal its generations; a generation becomes the
user before it loads anything of the application.
"""

import grp
import os
import pwd
from contextlib import suppress
from dataclasses import dataclass

from rhebok.errors import ExitStatus, UserError, os_reason
from rhebok.process.logs import STDERR


@dataclass(frozen=True)
class Identity:
    uid: int | None = None
    gid: int | None = None
    name: str | None = None  # for the supplementary groups

    @property
    def given(self) -> bool:
        return self.uid is not None or self.gid is not None


def identity(user: str | None, group: str | None, option: str = "--user") -> Identity:
    """Looks both up, by name or number. The group of a user alone is the user's own."""
    entry = _user(user, option) if user else None
    if group:
        gid: int | None = _group(group, "--group" if option == "--user" else option)
    else:
        gid = entry.pw_gid if entry else None
    return Identity(entry.pw_uid if entry else None, gid, entry.pw_name if entry else None)


def owner(text: str | None, otherwise: Identity) -> Identity:
    """USER[:GROUP] of --socket-owner."""
    if text is None:
        return otherwise
    user, _, group = text.partition(":")
    return identity(user or None, group or None, "--socket-owner")


def become(who: Identity) -> None:
    """Groups first: afterwards it is not allowed any more."""
    try:
        if (who.gid is not None and who.gid != os.getegid()) or who.uid not in (None, os.geteuid()):
            _set_groups(who)
        if who.gid is not None:
            os.setresgid(who.gid, who.gid, who.gid)
        if who.uid is not None:
            os.setresuid(who.uid, who.uid, who.uid)
    except OSError as error:
        raise UserError(
            f"--user, --group: cannot become {_shown(who)}: {os_reason(error)} (it takes root)"
        ) from None


def give_files(who: Identity, *paths: str | None) -> None:
    """Log files must be writable, and openable again after a rotation, for the user to come."""
    for path in paths:
        if path is None or path == STDERR or not who.given:
            continue
        with suppress(OSError):
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            os.fchown(fd, -1 if who.uid is None else who.uid, -1 if who.gid is None else who.gid)
            os.close(fd)


def _set_groups(who: Identity) -> None:
    gid = os.getegid() if who.gid is None else who.gid
    if who.name is not None:
        os.initgroups(who.name, gid)
    else:
        os.setgroups([gid])


def _user(text: str, option: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(int(text)) if text.isdigit() else pwd.getpwnam(text)
    except KeyError:
        if text.isdigit():  # a number needs no entry, as in a container
            return pwd.struct_passwd((None, "x", int(text), os.getegid(), "", "", ""))
        raise UserError(f"{option}: there is no user {text!r}", ExitStatus.USAGE) from None


def _group(text: str, option: str) -> int:
    if text.isdigit():
        return int(text)
    try:
        return grp.getgrnam(text).gr_gid
    except KeyError:
        raise UserError(f"{option}: there is no group {text!r}", ExitStatus.USAGE) from None


def _shown(who: Identity) -> str:
    return f"uid {who.uid}, gid {who.gid}"
