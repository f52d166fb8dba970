"""How the bench reads and divides its figures, and which it does not accept."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from bench import bare, cpu, crowd, instructions, memory, tables, wrk
from bench.cells import FAILED, MISSING, NONE, OK, Cell, range_of, ratios, summaries
from bench.workloads import BY_NAME as WORKLOADS

REPORT = {
    "requests": 200,
    "duration_us": 2_000_000,
    "bytes": 40_000,
    "p50_us": 150,
    "p99_us": 900,
    "errors": {"connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0},
}


def printed(**changes: object) -> str:
    """What wrk prints, with our line in the middle."""
    return f"Running 2s test\n{wrk.MARK}{json.dumps(REPORT | changes)}\nbye\n"


def cell(server: str, cpu_us: float, number: int = 1, status: str = OK, mode: str = "tcp-close") -> Cell:
    """A cell of the hello workload."""
    reason = "" if status == OK else "why"
    return Cell(server, "hello", mode, number, status, reason, 100, 50.0, 1.0, 2.0, cpu_us)


# --- wrk ---


def test_the_report_of_wrk_is_found_among_its_other_output() -> None:
    report = wrk.parse_report(printed())
    assert (report.requests, report.seconds, report.per_second, report.p99_us) == (200, 2.0, 100.0, 900)


def test_output_without_a_report_is_quoted_in_the_error() -> None:
    with pytest.raises(wrk.WrkFailedError, match="unable to connect"):
        wrk.parse_report("unable to connect to 127.0.0.1:1 Connection refused\n")


@pytest.mark.parametrize("kind", ["connect", "read", "write", "status", "timeout"])
def test_every_kind_of_error_spoils_a_run_and_is_counted(kind: str) -> None:
    report = wrk.parse_report(printed(errors=REPORT["errors"] | {kind: 3}))  # type: ignore[operator]
    assert f"3 {kind}" in str(report.fault(12))


def test_a_clean_run_has_no_fault() -> None:
    assert wrk.parse_report(printed()).fault(200) is None


def test_answers_shorter_than_the_body_spoil_a_run() -> None:
    assert "200 bytes instead of 65536" in str(wrk.parse_report(printed()).fault(65536))


def test_a_run_without_requests_is_spoilt() -> None:
    assert wrk.parse_report(printed(requests=0)).fault(0) == "no request was answered"


def test_close_modes_send_connection_close() -> None:
    load = wrk.Load(2, 32, 1)
    assert "Connection: close" in wrk.command(WORKLOADS["hello"], load, 80, close=True)
    assert "Connection: close" not in wrk.command(WORKLOADS["hello"], load, 80, close=False)


# --- CPU ---


def test_a_process_name_may_contain_parentheses_and_spaces() -> None:
    fields = ["S", "1", "9", "9", *["0"] * 7, "11", "12", "13", "14", "0"]
    assert cpu.parse_stat(f"77 (a) b (c)) {' '.join(fields)}") == cpu.Stat(77, 1, 9, 11, 12, 13, 14, "S")


def test_the_tree_is_the_session_and_all_descendants() -> None:
    def stat(pid: int, parent: int, session: int) -> cpu.Stat:
        return cpu.Stat(pid, parent, session, 0, 0, 0, 0, "S")

    root, child, grandchild, orphan, stranger = (
        stat(10, 1, 10),
        stat(11, 10, 10),
        stat(12, 11, 12),
        stat(13, 1, 10),
        stat(14, 1, 1),
    )
    found = cpu.members(10, [grandchild, stranger, orphan, child, root])
    assert sorted(one.pid for one in found) == [10, 11, 12, 13]


def test_the_total_is_divided_between_user_and_system_by_ticks() -> None:
    spent = cpu.spent(cpu.Reading(1.0, 100, 300), cpu.Reading(3.0, 150, 450))
    assert (spent.total, spent.user, spent.system) == (2.0, 0.5, 1.5)


# --- cells and tables ---


def test_a_range_is_median_and_extremes() -> None:
    values = range_of([5.0, 1.0, 2.0])
    assert (values.median, values.least, values.most) == (2.0, 1.0, 5.0)


def test_ratios_pair_the_rounds() -> None:
    cells = [
        cell("floor", 10, 1),
        cell("a", 20, 1),
        cell("floor", 20, 2),
        cell("a", 40, 2),
        cell("floor", 5, 3),
        cell("a", 15, 3),
    ]
    assert ratios(cells, "floor")[("a", "hello", "tcp-close")] == 2.0


def test_a_server_without_a_partner_in_its_round_has_no_ratio() -> None:
    cells = [cell("a", 20), cell("floor", 0, status=FAILED)]
    assert ratios(cells, "floor") == {}


def test_one_failed_round_spoils_the_summary() -> None:
    (summary,) = summaries([cell("a", 20, 1), cell("a", 0, 2, FAILED)])
    assert (summary.status, summary.reason, summary.cpu.median) == (FAILED, "why", 0.0)


def test_a_missing_server_is_reported_with_its_reason() -> None:
    text = tables.render([cell("floor", 10), cell("a", 0, status=MISSING)])
    assert "| a | MISSING |" in text
    assert "- a: MISSING: why" in text


def test_a_failed_cell_shows_no_figure() -> None:
    text = tables.render([cell("floor", 10), cell("a", 33, 1), cell("a", 0, 2, FAILED)])
    assert "| a | FAILED |" in text
    assert "33" not in text


def test_a_table_gives_cpu_and_ratio_to_the_floor() -> None:
    text = tables.render([cell("floor", 10), cell("a", 25), cell("b", 0, status=NONE)])
    assert "25.0 (0.0+0.0) [25.0-25.0] **2.50x**" in text
    assert "| b | - |" in text


def test_ratios_to_rhebok_are_shown_when_it_ran() -> None:
    text = tables.render([cell("floor", 10), cell("rhebok", 12), cell("a", 30)])
    assert "| a | 2.50x |" in text


def test_the_share_of_a_server_is_its_total_less_the_bare_application() -> None:
    text = tables.render([cell("bare", 90), cell("a", 100)])
    assert "| a | 10.0 % |" in text


# --- memory, instructions, the bare application, crowds ---


def test_pss_is_read_from_the_rollup() -> None:
    assert memory.parse_pss("Rss:  1632 kB\nPss:   264 kB\nPss_Dirty:  112 kB\n") == 264


def test_start_up_cancels_in_the_difference_of_two_runs() -> None:
    assert instructions.difference([500, 5_000 + 100 * 7], [5_000 + 200 * 7, 500], 100) == 7.0


def test_two_runs_with_different_numbers_of_processes_are_not_compared() -> None:
    assert instructions.difference([500, 5_000], [500, 5_000, 5_700], 100) is None


def test_the_total_of_a_callgrind_file_is_found() -> None:
    assert instructions.parse_total("version: 1\nevents: Ir\n1 2\ntotals: 12345\n") == 12345


@pytest.mark.parametrize(("figure", "passes"), [(100, True), (102.9, True), (103.1, False), (90, True)])
def test_a_figure_beyond_the_tolerance_is_a_regression(figure: float, passes: bool) -> None:
    assert instructions.verdict("tcp-close", figure, 100, 0.03)[0] is passes


def test_a_figure_without_a_committed_one_does_not_pass() -> None:
    assert not instructions.verdict("tcp-close", 100, None, 0.03)[0]


def test_the_bare_call_consumes_and_closes_the_body_once() -> None:
    closed = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield b"x"

        def close(self) -> None:
            closed.append(True)

    bare.call(lambda _environ, _start_response: Body(), bare.PAGE)
    assert closed == [True]


def test_figures_with_and_without_a_crowd_are_divided_round_by_round() -> None:
    figure = crowd.Series("median", "µs", without=[10.0, 20.0, 40.0], beside=[11.0, 22.0, 80.0])
    assert figure.ratio == pytest.approx(1.1)
    assert figure.line == "| median | 20.0 (10.0 to 40.0) | 22.0 (11.0 to 80.0) | µs | 1.10 |"
