"""Users and groups by name and number. Becoming one is in tests/deploy."""

import grp
import pwd

import pytest

from rhebok.errors import UserError
from rhebok.process.identity import Identity, identity, owner

NOBODY = pwd.getpwnam("nobody")
DAEMON = grp.getgrnam("daemon")


def test_nobody_asked_for_is_nobody():
    assert not identity(None, None).given


def test_a_user_brings_the_group():
    assert identity("nobody", None) == Identity(NOBODY.pw_uid, NOBODY.pw_gid, "nobody")


def test_a_group_of_its_own_wins():
    assert identity("nobody", "daemon").gid == DAEMON.gr_gid


def test_a_group_alone_leaves_the_user():
    assert identity(None, "daemon") == Identity(None, DAEMON.gr_gid, None)


def test_numbers_need_no_entry():
    who = identity("54321", "54322")
    assert (who.uid, who.gid, who.name) == (54321, 54322, None)


@pytest.mark.parametrize(("user", "group"), [("no-such-user", None), (None, "no-such-group")])
def test_a_name_that_nobody_has_is_an_error_that_says_it(user, group):
    with pytest.raises(UserError, match="no-such"):
        identity(user, group)


def test_the_owner_of_sockets_is_the_user_unless_said_otherwise():
    user = identity("nobody", None)
    assert owner(None, user) is user
    assert owner("nobody:daemon", Identity()).gid == DAEMON.gr_gid
    assert owner(":daemon", user).uid is None
