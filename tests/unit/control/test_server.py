"""The control socket: questions and answers, and clients that do not keep to it."""

import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rhebok.control.client import ask
from rhebok.control.server import ControlSocket
from rhebok.errors import UserError


def answer(command: str, argument: Any) -> dict[str, Any]:
    if command == "refuse":
        raise ValueError("not today")
    if command == "large":
        return {"text": "x" * 3_000_000}
    return {"command": command, "argument": argument}


@pytest.fixture
def control(tmp_path: Path) -> Iterator[ControlSocket]:
    made = ControlSocket(str(tmp_path / "new" / "x.control"))
    made.answers(answer)
    yield made
    made.close()


@pytest.fixture
def served(control: ControlSocket) -> Iterator[str]:
    """Its path, while a thread looks again and again."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.001):
            control.look()

    thread = threading.Thread(target=look)
    thread.start()
    yield control.path
    ended.set()
    thread.join()


def test_only_its_user_can_connect(control: ControlSocket) -> None:
    assert stat.S_IMODE(os.stat(control.path).st_mode) == 0o600


def test_a_question_gets_its_answer(served: str) -> None:
    assert ask(served, "status", [1, "é"]) == {"command": "status", "argument": [1, "é"]}


def test_an_answer_may_be_larger_than_the_buffer_of_the_socket(served: str) -> None:
    assert len(ask(served, "large")["text"]) == 3_000_000


def test_a_refusal_is_an_error_of_the_client(served: str) -> None:
    with pytest.raises(UserError, match="not today"):
        ask(served, "refuse")


@pytest.mark.parametrize("line", [b"{", b"[]", b"\xff", b'{"command": "a"} x', b"[" * 4000])
def test_what_is_no_question_is_refused(served: str, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(served)
        sock.sendall(line + b"\n")
        assert "error" in json.loads(sock.makefile("rb").readline())


def test_several_questions_may_follow_one_another(served: str) -> None:
    with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rb") as answers:
        sock.connect(served)
        for number in range(3):
            sock.sendall(json.dumps({"command": "x", "argument": number}).encode() + b"\n")
            assert json.loads(answers.readline())["argument"] == number


def test_a_question_without_an_end_ends_the_connection(served: str) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(served)
        sock.sendall(b"x" * 5000)
        assert sock.recv(100) == b""


def test_a_client_that_says_nothing_holds_nobody(served: str) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(served)
        assert ask(served, "status")["command"] == "status"


def test_at_its_end_the_path_is_gone(tmp_path: Path) -> None:
    made = ControlSocket(str(tmp_path / "x.control"))
    made.close()
    assert not os.path.exists(made.path)
    with pytest.raises(UserError, match="cannot ask"):
        ask(made.path, "status")


def test_a_second_server_does_not_take_the_path(control: ControlSocket) -> None:
    with pytest.raises(OSError, match="another process is listening"):
        ControlSocket(control.path)


def test_the_socket_of_a_killed_server_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "x.control")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    made = ControlSocket(path)
    made.close()
