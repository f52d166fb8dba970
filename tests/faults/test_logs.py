"""Logs that cannot be written: what is lost is said, and nobody waits for it."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.waiting import until

from faults.conftest import Patient
from faults.control import ALWAYS, Fault, Kind

pytestmark = pytest.mark.needs("cc")


@pytest.fixture
def patient(shim: Path, tmp_path: Path) -> Iterator[Patient]:
    server = Patient(
        "kinds",
        *("--access-logfile", str(tmp_path / "access.log"), "--access-logformat", "%(r)s"),
        *("--error-logfile", str(tmp_path / "error.log")),
        shim=shim,
        directory=tmp_path,
        log=tmp_path / "error.log",
    )
    try:
        yield server
        server.judge()
    finally:
        server.end()
        print(server.log)


def lines(directory: Path) -> list[str]:
    return (directory / "access.log").read_text().splitlines()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("write", errno.EINTR, kind=Kind.PLAIN, ours=True, times=3),
        Fault("write", at_most=1, kind=Kind.PLAIN, ours=True, times=20),
        Fault("stat", errno.EACCES, ours=True),
        Fault("open", errno.EMFILE, ours=True),
        Fault("fstat", errno.EIO, ours=True),
    ],
    ids=str,
)
def test_the_access_log_is_whole_all_the_same(patient: Patient, fault: Fault, tmp_path: Path) -> None:
    with patient.faults.armed(fault, pid=patient.worker):
        for number in range(5):
            patient.get(f"/?{number}")
        until(lambda: len(lines(tmp_path)) == 5, lambda: lines(tmp_path))
    assert lines(tmp_path) == [f"GET /?{number} HTTP/1.1" for number in range(5)]


def test_lines_of_the_access_log_that_are_lost_are_counted(patient: Patient, tmp_path: Path) -> None:
    fault = Fault("write", errno.ENOSPC, kind=Kind.PLAIN, ours=True, times=ALWAYS)
    with patient.faults.armed(fault, pid=patient.worker):
        assert patient.get("/?lost").status == 200
        until(lambda: patient.faults.struck(fault) > 0)
    assert patient.get("/?kept").status == 200
    until(lambda: len(lines(tmp_path)) == 2, lambda: lines(tmp_path))
    assert lines(tmp_path) == ["rhebok: 1 lines of this log could not be written", "GET /?kept HTTP/1.1"]


def test_lines_that_a_full_pipe_does_not_take_are_tried_again(patient: Patient, tmp_path: Path) -> None:
    fault = Fault("write", errno.EAGAIN, kind=Kind.PLAIN, ours=True, times=3)
    with patient.faults.armed(fault, pid=patient.worker):
        assert patient.get("/?late").status == 200
        until(lambda: lines(tmp_path), lambda: lines(tmp_path))
    assert lines(tmp_path) == ["GET /?late HTTP/1.1"]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_an_error_log_that_cannot_be_written_stops_nobody(patient: Patient, error: int) -> None:
    fault = Fault("write", error, kind=Kind.PLAIN, times=ALWAYS)
    with patient.faults.armed(fault):
        assert patient.get("/closing").status == 200  # says something to wsgi.errors
        until(lambda: patient.faults.struck(fault) > 0)
        before = patient.faults.struck(fault)
        assert patient.get("/closing").status == 200
        until(lambda: patient.faults.struck(fault) > before)  # close() runs after the response
    assert "iterable closed" not in patient.log
    patient.get("/closing")
    patient.wait_for("iterable closed")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("write", at_most=1, kind=Kind.PLAIN, times=ALWAYS),
        Fault("write", errno.EINTR, kind=Kind.PLAIN, times=3),
        Fault("write", errno.EAGAIN, kind=Kind.PLAIN, times=3),
    ],
    ids=str,
)
def test_the_error_log_is_whole_all_the_same(patient: Patient, fault: Fault) -> None:
    with patient.faults.armed(fault):
        patient.get("/closing")
        patient.wait_for("iterable closed\n")
