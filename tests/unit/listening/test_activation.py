"""LISTEN_FDS and the variables that belong to it."""

import pytest

from rhebok.listening.activation import ActivatedSocket, activated_sockets, forget


def test_nothing_is_handed_over_without_the_variable():
    assert activated_sockets({}, 7) == []


def test_sockets_are_counted_from_three():
    assert [each.fd for each in activated_sockets({"LISTEN_FDS": "2", "LISTEN_PID": "7"}, 7)] == [3, 4]


def test_each_socket_has_its_name():
    environ = {"LISTEN_FDS": "3", "LISTEN_PID": "7", "LISTEN_FDNAMES": "web::"}
    assert activated_sockets(environ, 7) == [
        ActivatedSocket(3, "web"),
        ActivatedSocket(4, "unknown"),
        ActivatedSocket(5, "unknown"),
    ]


def test_sockets_of_another_process_are_ignored():
    assert activated_sockets({"LISTEN_FDS": "2", "LISTEN_PID": "8"}, 7) == []


@pytest.mark.parametrize("count", ["", "two", "-1", "100000"])
def test_a_count_that_is_not_a_number_is_refused(count):
    with pytest.raises(ValueError, match="LISTEN_FDS"):
        activated_sockets({"LISTEN_FDS": count}, 7)


def test_forget_removes_the_variables_and_no_others():
    environ = {"LISTEN_FDS": "1", "LISTEN_PID": "7", "LISTEN_FDNAMES": "x", "HOME": "/"}
    forget(environ)
    assert environ == {"HOME": "/"}
