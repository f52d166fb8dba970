"""Every call on the way of a request fails in turn. The client is answered, or sees that it is not; the
worker neither dies nor spins, leaks nothing, and goes on serving."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.processes import memory
from integration.waiting import until

from faults.conftest import PLACES, Patient
from faults.control import ALWAYS, Fault, Kind
from faults.exchanges import BODY_BUFFER, BODY_LIMIT, EXCHANGES, SMALL, Talk, acceptable, get
from faults.table import SOCKETS, TABLE, Row

pytestmark = pytest.mark.needs("cc")


@pytest.fixture(scope="module")
def patient(
    request: pytest.FixtureRequest, shim: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Patient]:
    """By the kind of its socket."""
    directory = tmp_path_factory.mktemp(request.param)
    server = Patient(
        "answers",
        *("--body-buffer", str(BODY_BUFFER), "--limit-request-body", str(BODY_LIMIT)),
        *("--access-logfile", str(directory / "access.log")),
        shim=shim,
        directory=directory,
        bind="127.0.0.1:0" if request.param == "tcp" else f"unix:{directory}/socket",
    )
    try:
        server.learn_normal()
        yield server
        server.judge()
    finally:
        server.end()
        print(server.log)


CLOSE_DELIMITED = "generator-to-1.0"


def is_unix(patient: Patient) -> bool:
    return isinstance(patient.address, str)


def suffer(patient: Patient, row: Row, name: str, skip: int) -> int:
    """One exchange with the fault at one place. How often it struck."""
    where = f"{row} in {name} after {skip}"
    before = patient.faults.calls()
    tracebacks = patient.log.count("Traceback (most recent call last)")
    with patient.suffering(row.fault, skip):
        words = EXCHANGES[name].words(patient.address)
        patient.wait_until_idle()
        struck = patient.faults.struck(row.fault)
    normally = EXCHANGES[name].normally
    if row.ends and name == CLOSE_DELIMITED and is_unix(patient) and words == "200 wrong end":
        pass  # a unix socket knows no reset, by which the client could tell
    elif row.ends or row.statuses:
        assert acceptable(words, normally, row.statuses, row.ends), f"{where}: {words!r}\n{patient.log}"
    else:
        assert words == normally, f"{where}\n{patient.log}"
    patient.check_health(where)
    calls = patient.faults.calls() - before
    most = 2 * patient.usual_calls[name] + 4 * struck + 400
    assert calls <= most, f"{where}: {calls} calls"
    found = patient.log.count("Traceback (most recent call last)") - tracebacks
    assert row.tracebacks or not found, patient.log
    patient.tracebacks += found
    return struck


def suffer_everywhere(patient: Patient, row: Row) -> int:
    """In each exchange that makes the call. How often the fault struck."""
    struck = 0
    for name, places in patient.places(row.fault).items():
        if name not in row.but and (name in row.only or not row.only):
            for skip in range(min(places, PLACES)):
                struck += suffer(patient, row, name, skip)
    if not struck:
        patient.forget_places(row.fault)
    return struck


@pytest.mark.parametrize(
    ("patient", "row"),
    [
        pytest.param(socket, row, id=f"{socket}-{row}")
        for socket in SOCKETS
        for row in TABLE
        if socket in row.sockets
    ],
    indirect=["patient"],
)
def test_a_call_that_fails_does_no_harm_beyond_its_request(patient: Patient, row: Row) -> None:
    # A server that a slow machine has made wait in vain waits in poll for few new connections only.
    assert any(suffer_everywhere(patient, row) for _ in range(5)), "no exchange makes this call"


@pytest.mark.parametrize("patient", SOCKETS, indirect=True)
def test_while_no_descriptor_is_free_accepting_pauses_and_does_not_spin(patient: Patient) -> None:
    fault = Fault("accept4", errno.EMFILE, times=ALWAYS)
    talk = Talk(patient.address)
    with patient.suffering(fault):
        talk.say(get("/", "Connection: close"))
        until(lambda: patient.faults.struck(fault) >= 1)
        before, tried = patient.faults.calls(), patient.faults.struck(fault)
        until(lambda: patient.faults.struck(fault) >= tried + 3)
        assert patient.faults.calls() - before <= 40
    talk.hear(SMALL)
    talk.close()
    assert talk.words == ["200", "end"]
    patient.check_health("after EMFILE")


@pytest.mark.parametrize("patient", SOCKETS, indirect=True)
def test_a_listener_that_cannot_be_watched_again_is_tried_until_it_can(patient: Patient) -> None:
    no_descriptor = Fault("accept4", errno.EMFILE)
    no_watch = Fault("epoll_add", errno.ENOMEM, kind=Kind.LISTENER, times=2)
    with patient.suffering(no_descriptor), patient.suffering(no_watch):
        assert EXCHANGES["plain"].words(patient.address) == "200 end"
        assert patient.faults.struck(no_watch) == 2
    patient.check_health("after ENOMEM")


MEMORY_ROUNDS = 60
TOLERANCE = 256 << 10  # bytes


@pytest.mark.parametrize("patient", SOCKETS, indirect=True)
def test_calls_that_fail_cost_no_memory(patient: Patient) -> None:
    faults = [
        (Fault("recv", errno.ECONNRESET, kind=Kind.CONNECTION), "body-in-a-file", 2),
        (Fault("send", errno.EPIPE, kind=Kind.CONNECTION, ours=True), "pipeline", 1),
        (Fault("open", errno.ENOSPC, kind=Kind.TEMPORARY, ours=True), "chunks-in-a-file", 0),
        (Fault("epoll_add", errno.ENOMEM, kind=Kind.CONNECTION), "generator-to-1.0", 0),
        (Fault("malloc", errno.ENOMEM, ours=True), "body-in-memory", 0),
    ]

    def rounds(count: int) -> int:
        for _ in range(count):
            for fault, name, skip in faults:
                with patient.suffering(fault, skip):
                    EXCHANGES[name].words(patient.address)
        patient.check_health("in a round")
        return memory(patient.pid_of_worker)

    before = rounds(MEMORY_ROUNDS)
    assert rounds(MEMORY_ROUNDS) - before < TOLERANCE
