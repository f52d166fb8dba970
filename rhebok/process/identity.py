"""Users and groups: --user, --group and the owner of unix sockets. Called by launch, after binding; opening
acts as other users for a moment.

The supervisor keeps the user that it was started as, so that it can signal its generations. A generation
changes to the new user before it loads the application.
"""

import errno
import grp
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager

from rhebok.errors import ExitStatus, UserError, os_reason
from rhebok.process.no_new_privs import drop_capabilities, keeps_capabilities, set_no_new_privs
from rhebok.records import dataclass


@dataclass(frozen=True)
class Identity:
    """A user and a group; None leaves the current one."""

    uid: int | None = None
    gid: int | None = None
    name: str | None = None  # of the user, for the supplementary groups; None when /etc/passwd has none

    @property
    def given(self) -> bool:
        """Whether a user or a group was asked for."""
        return self.uid is not None or self.gid is not None

    @property
    def ids(self) -> tuple[int, int]:
        """As chown(2) has them."""
        return -1 if self.uid is None else self.uid, -1 if self.gid is None else self.gid


UNCHANGED = Identity()


MOST_ID = 2**32 - 2  # one more is -1, with which setresuid(2) and chown(2) leave what is there


class CannotAct(PermissionError):
    """This process may not take the user's rights, although it is root: it lacks the capabilities."""


def identity(user: str | None, group: str | None, option: str = "--user") -> Identity:
    """Looks up user and group by name or number. Without `group`, the group is the user's primary one.

    Raises UserError, which names `option`, when there is no such name.
    """
    entry = _user(user, option) if user else None
    if group:
        gid: int | None = _group(group, "--group" if option == "--user" else option)
    else:
        gid = entry.pw_gid if entry else None
    return Identity(entry.pw_uid if entry else None, gid, entry.pw_name if entry else None)


def of_number(uid: int) -> Identity:
    """That user, with the user's own groups; without an entry in /etc/passwd, the group of that number."""
    return identity(str(uid), None)


def owner(text: str | None, otherwise: Identity) -> Identity:
    """The identity for --socket-owner, USER, USER:GROUP or :GROUP; `otherwise` when it was not given.

    Raises UserError when there is no such name.
    """
    if text is None:
        return otherwise
    user, _, group = text.partition(":")
    return identity(user or None, group or None, "--socket-owner")


def become(target: Identity) -> None:
    """Changes user and groups of this process for good. Raises UserError when that is not permitted.

    The groups come first: without root they can no longer be changed. Afterwards no program gets more rights.
    """
    try:
        if (target.gid is not None and target.gid != os.getegid()) or target.uid not in (None, os.geteuid()):
            _set_groups(target)
        if target.gid is not None:
            os.setresgid(target.gid, target.gid, target.gid)
        if target.uid is not None:
            os.setresuid(target.uid, target.uid, target.uid)
        if target.uid:
            drop_capabilities()
        set_no_new_privs()
    except OSError as error:
        raise UserError(
            f"--user, --group: cannot become {_described(target)}: {os_reason(error)} (only root can)"
        ) from None


@contextmanager
def acting_as(target: Identity) -> Iterator[None]:
    """Takes the rights of that user for a moment, and then root's again. Raises CannotAct.

    For a process without threads: the kernel keeps rights by thread.
    """
    if keeps_capabilities():
        raise CannotAct(errno.EPERM, f"cannot act as {_described(target)}: the securebits keep root's rights")
    groups, gid = os.getgroups(), os.getegid()
    try:
        try:
            _set_groups(target)
            os.setegid(gid if target.gid is None else target.gid)
            os.seteuid(0 if target.uid is None else target.uid)
        except OSError as error:
            reason = f"cannot act as its owner, {_described(target)}, without CAP_SETUID and CAP_SETGID"
            raise CannotAct(errno.EPERM, reason) from error
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)
        if os.getgroups() != groups:
            os.setgroups(groups)


def _set_groups(target: Identity) -> None:
    gid = os.getegid() if target.gid is None else target.gid
    if target.name is not None:
        os.initgroups(target.name, gid)
    else:
        os.setgroups([gid])


def _user(text: str, option: str) -> pwd.struct_passwd:
    number = _number(text, option)
    try:
        return pwd.getpwnam(text) if number is None else pwd.getpwuid(number)
    except KeyError:
        if number is not None:  # valid without an entry, as in a container; the group is not to stay root's
            return pwd.struct_passwd((None, "x", number, number, "", "", ""))
        raise UserError(f"{option}: there is no user {text!r}", ExitStatus.USAGE) from None


def _group(text: str, option: str) -> int:
    number = _number(text, option)
    if number is not None:
        return number
    try:
        return grp.getgrnam(text).gr_gid
    except KeyError:
        raise UserError(f"{option}: there is no group {text!r}", ExitStatus.USAGE) from None


def _number(text: str, option: str) -> int | None:
    """None for a name."""
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(MOST_ID)) or int(digits) > MOST_ID:
        message = f"{option}: {_shortened(text)} is beyond the largest number of a user or group, {MOST_ID}"
        raise UserError(message, ExitStatus.USAGE)
    return int(digits)


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def _described(target: Identity) -> str:
    return f"uid {target.uid}, gid {target.gid}"
