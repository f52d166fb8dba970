"""Users and groups by name and number. tests/deploy has the change to another user."""

import grp
import pwd

import pytest

from rhebok.errors import UserError
from rhebok.process.identity import Identity, identity, owner

NOBODY = pwd.getpwnam("nobody")
DAEMON = grp.getgrnam("daemon")


def test_without_user_and_group_there_is_nothing_to_change():
    assert not identity(None, None).given


def test_the_default_group_is_that_of_the_user():
    assert identity("nobody", None) == Identity(NOBODY.pw_uid, NOBODY.pw_gid, "nobody")


def test_a_given_group_wins():
    assert identity("nobody", "daemon").gid == DAEMON.gr_gid


def test_a_group_alone_keeps_the_user():
    assert identity(None, "daemon") == Identity(None, DAEMON.gr_gid, None)


def test_numbers_need_no_entry():
    found = identity("54321", "54322")
    assert (found.uid, found.gid, found.name) == (54321, 54322, None)


@pytest.mark.parametrize(("user", "group"), [("no-such-user", None), (None, "no-such-group")])
def test_an_unknown_name_is_an_error_that_names_it(user, group):
    with pytest.raises(UserError, match="no-such"):
        identity(user, group)


@pytest.mark.parametrize("text", ["4294967295", "4294967296", "9" * 5000, "0" * 5000 + "4294967295"])
def test_a_number_that_no_user_can_have_is_an_error(text):
    """2**32 - 1 is -1 for the kernel: leave it as it is."""
    for user, group in ((text, None), (None, text)):
        with pytest.raises(UserError, match="beyond the largest number"):
            identity(user, group)
    with pytest.raises(UserError, match=r"--socket-owner: .* beyond"):
        owner(f"0:{text}", Identity())


def test_only_ascii_digits_are_a_number():
    for text in ("\N{SUPERSCRIPT TWO}", "\N{ARABIC-INDIC DIGIT THREE}"):
        with pytest.raises(UserError, match="there is no user"):
            identity(text, None)
        with pytest.raises(UserError, match="there is no group"):
            identity(None, text)


def test_the_owner_of_sockets_is_the_user_by_default():
    user = identity("nobody", None)
    assert owner(None, user) is user
    assert owner("nobody:daemon", Identity()).gid == DAEMON.gr_gid
    assert owner(":daemon", user).uid is None
