"""Command lines as gunicorn's argparse reads them."""

import pytest

from rhebok.errors import UserError
from rhebok.gunicorn.command_line import read
from rhebok.gunicorn.options import BY_FLAG, BY_NAME, OPTIONS, Fate
from rhebok.settings.table import TABLE


def words(*arguments: str):
    return read(arguments, "the command line")


def refused(*arguments: str) -> str:
    with pytest.raises(UserError) as error:
        words(*arguments)
    return str(error.value)


@pytest.mark.parametrize(
    ("given", "for_click"),
    [
        (["--thread", "3"], ["--threads=3"]),
        (["--worker-t=/x", "--log-f", "-"], ["--log-file=-"]),
        (["--max-requests", "3"], ["--max-requests=3"]),  # a whole name is no abbreviation
        (["--max", "3"], ["--max"]),  # which of them, click asks
        (["-w3", "-w", "4", "-w=5"], ["-w", "3", "-w", "4", "-w", "5"]),
        (["-RD"], ["-D"]),
        (["--proxy-prot", "--preload"], ["--proxy-protocol=auto", "--preload=on"]),
        (["--preload", "auto", "--no-preload"], ["--preload=auto", "--preload=off"]),
        (["--proxy-protocol", "v2"], ["--proxy-protocol=v2"]),
        (["--env", "A=1=2"], ["--env=A=1=2"]),
        (["--no-such", "-Z"], ["--no-such", "-Z"]),
        (["--workers"], ["--workers"]),
    ],
)
def test_words_are_read_as_argparse_reads_them(given, for_click):
    assert words(*given).arguments == for_click


def test_positional_arguments_are_found_between_the_options():
    found = words("-k", "sync", "a:b", "--no-sendfile", "c", "--", "-d")
    assert (found.positional, found.arguments) == (["a:b", "c", "-d"], [])


def test_an_option_that_has_another_name_here_is_translated():
    assert words("--worker-connections", "7").given == {"max_connections": "7"}


def test_no_control_socket_is_none_here_too():
    found = words("--no-control-socket", "a")
    assert (found.given, found.positional, found.notes) == ({"control": "none"}, ["a"], [])


def test_another_control_socket_is_not_taken_for_ours():
    found = words("--control-socket", "/run/x", "a")
    assert (found.given, found.positional) == ({}, ["a"])
    assert "--control says where" in found.notes[0]


def test_what_has_no_meaning_here_is_taken_out_with_a_note():
    found = words("--worker-tmp-dir", "/dev/shm", "a")
    assert (found.arguments, found.positional) == ([], ["a"])
    (note,) = found.notes
    assert note == (
        "--worker-tmp-dir is accepted and ignored: the heartbeat of workers is in memory, not in a file"
    )


@pytest.mark.parametrize(
    "name", ["sync", "gthread", "gunicorn.workers.gthread.ThreadWorker", "egg:gunicorn#sync"]
)
def test_worker_classes_that_are_what_rhebok_does_are_taken_in_silence(name):
    assert words("-k", name).notes == []


@pytest.mark.parametrize("name", ["gevent", "eventlet", "tornado", "egg:meinheld#gunicorn_worker"])
def test_other_loops_are_taken_with_the_answer(name):
    (note,) = words(f"--worker-class={name}").notes
    assert "--threads" in note


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("uvicorn.workers.UvicornWorker", "ASGI"),
        ("uvicorn_worker.UvicornH11Worker", "ASGI"),
        ("asgi", "ASGI"),
        ("geventwebsocket.gunicorn.workers.GeventWebSocketWorker", "simple-websocket"),
        ("my.Worker", "cannot run my.Worker"),
    ],
)
def test_worker_classes_that_cannot_be_are_refused_with_the_reason(name, reason):
    message = refused("-k", name)
    assert message.startswith("-k (from the command line) is refused: ")
    assert reason in message


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--certfile", "x"], "terminate it at the proxy"),
        (["--keyfile=x"], "terminate it at the proxy"),
        (["--strip-header-spaces"], "loosens the parsing"),
        (["--header-map", "dangerous"], "underscore"),
        (["--protocol", "uwsgi"], "HTTP only"),
    ],
)
def test_what_is_not_safe_or_not_there_is_refused_with_the_reason(arguments, reason):
    assert reason in refused(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--header-map", "drop"],
        ["--forwarder-headers", "SCRIPT_NAME,PATH_INFO"],
        ["--http-protocols", "h1"],
        ["--logger-class", "gunicorn.glogging.Logger"],
    ],
)
def test_defaults_of_gunicorn_are_taken_in_silence(arguments):
    found = words(*arguments)
    assert (found.arguments, found.notes) == ([], [])


# ---- the table ----


def test_each_name_and_each_flag_has_one_row():
    assert len(BY_NAME) == len(OPTIONS) == 120
    assert sum(len(option.flags) for option in OPTIONS) == len(BY_FLAG)


def test_what_is_taken_is_a_row_of_the_table():
    names = {setting.name for setting in TABLE}
    taken = [option for option in OPTIONS if option.fate is Fate.TAKEN and option.to]
    assert [option.name for option in taken if option.to not in names] == []


def test_a_note_and_a_refusal_have_a_text():
    assert [o.name for o in OPTIONS if o.fate in (Fate.NOTED, Fate.REFUSED) and not o.text] == []
