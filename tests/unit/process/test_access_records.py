"""Records of Python's logging from the text that the worker keeps, and which handlers get them."""

import io
import logging
import logging.handlers
import sys

import pytest

from rhebok.process.access_records import AccessRecords, Atoms
from rhebok.process.logger_config import ACCESS_LOGGER, access_route

COMMON = '%(h)s "%(r)s" %(s)s'


class Kept(logging.Handler):
    def __init__(self, formatter=None):
        super().__init__()
        self.records = []
        self.setFormatter(formatter)

    def emit(self, record):
        self.records.append(record)


def kept(records: AccessRecords, **atoms) -> bytes:
    """What the worker would keep of one response."""
    form = records.format.replace("\x1f", "\n").replace("%(", "").replace(")s", "")
    default = {"B": "0", "T": "0", "D": "0", "M": "0"}
    values = ({**default, **atoms}.get(name.strip("{}"), "-") for name in form.split("\n"))
    return ("1700000000123456\x1f" + "\x1f".join(values) + "\n").encode()


def logger(*filters) -> logging.Logger:
    made = logging.Logger("access")
    for each in filters:
        made.addFilter(each)
    return made


def test_a_record_has_gunicorns_message_and_atoms():
    handler = Kept()
    records = AccessRecords(logger(), [handler], COMMON)
    records.handle(kept(records, h="192.0.2.1", r="GET / HTTP/1.1", s="200", B="12", M="3"))
    (record,) = handler.records
    assert record.msg == COMMON
    assert record.getMessage() == '192.0.2.1 "GET / HTTP/1.1" 200'
    assert (record.args["B"], record.args["M"], record.args["s"]) == (12, 3, "200")
    assert record.args["nothing"] == record.args["{nothing}i"] == "-"
    assert (record.levelname, record.created, record.msecs) == ("INFO", 1700000000.123456, 123.0)


def test_named_atoms_of_the_format_are_found_in_any_case():
    handler = Kept()
    form = "%({X-Note}i)s %({iso}t)s"
    records = AccessRecords(logger(), [handler], form)
    records.handle(b"1\x1f" + b"\x1f".join([*([b"0"] * 19), b"hello", b"now"]) + b"\n")
    assert handler.records[0].getMessage() == "hello now"


def test_formatters_of_the_users_own_get_all_fields():
    class Own(logging.Formatter):
        pass

    handler = Kept(Own())
    records = AccessRecords(logger(), [handler], COMMON)
    fields = [b"\x1eHost:a\x1eX-Id:1\x1eX-Id:2", b"\x1eHTTP/1.1 200 OK\x1eContent-Type: text/plain\x1e"]
    records.handle(b"1\x1f" + b"\x1f".join([*([b"0"] * 19), *fields]) + b"\n")
    args = handler.records[0].args
    assert args["{host}i"] == "a"
    assert args["{X-ID}i"] == "1, 2"
    assert args["{content-type}o"] == "text/plain"


@pytest.mark.parametrize("form", ["json", 'escape=json {"a": %(h)s}'])
def test_a_format_in_json_is_the_message_as_it_is(form):
    handler = Kept()
    records = AccessRecords(logger(), [handler], form)
    assert records.line_format == form
    data = b"1\x1f" + b"\x1f".join([b"0"] * 19) + b'\n{"a": "100%s"}\n'
    records.handle(data + data)
    assert [record.getMessage() for record in handler.records] == ['{"a": "100%s"}'] * 2


def test_filters_and_levels_are_asked():
    loud, healthy = Kept(), Kept()
    loud.setLevel(logging.WARNING)
    records = AccessRecords(logger(lambda record: "/health" not in record.args["r"]), [loud, healthy], COMMON)
    records.handle(kept(records, r="GET /health HTTP/1.1") + kept(records, r="GET / HTTP/1.1"))
    assert loud.records == []
    assert [record.args["r"] for record in healthy.records] == ["GET / HTTP/1.1"]


def test_atoms_that_are_not_there_are_hyphens():
    assert Atoms(a="1")["b"] == Atoms()["{A}i"] == "-"


# ---- which handlers ----


@pytest.fixture
def access():
    found = logging.getLogger(ACCESS_LOGGER)
    before = (found.handlers, found.filters, found.propagate, found.level)
    found.handlers, found.filters, found.propagate = [], [], False
    found.setLevel(logging.INFO)
    yield found
    for each in found.handlers:
        each.close()
    found.handlers, found.filters, found.propagate = before[:3]
    found.setLevel(before[3])


def test_without_a_configuration_the_file_counts_and_syslog_gets_records(access):
    handler = Kept()
    access.handlers = [handler]  # without those of pytest
    route = access_route("access.log", configured=False)
    assert (route.file, route.handlers) == ("access.log", (handler,))


def test_a_plain_file_of_the_configuration_is_written_by_the_worker(access, tmp_path):
    path = str(tmp_path / "a")
    access.handlers = [logging.FileHandler(path), other := Kept()]
    route = access_route("access.log", configured=True)
    assert (route.file, route.handlers) == (path, (other,))


def test_stdout_with_the_bare_message_is_a_plain_file(access):
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    access.handlers = [handler]  # without those of pytest
    route = access_route(None, configured=True)
    assert (route.file, route.handlers) == ("-", ())


@pytest.mark.parametrize(
    "kind", ["formatter", "filter", "level", "rotating", "stream", "filter of the logger"]
)
def test_what_is_more_than_a_plain_file_gets_records(access, tmp_path, kind):
    handler = logging.FileHandler(tmp_path / "a", delay=True)
    if kind == "formatter":
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    if kind == "filter":
        handler.addFilter(lambda _record: True)
    if kind == "level":
        handler.setLevel(logging.WARNING)
    if kind == "rotating":
        handler = logging.handlers.RotatingFileHandler(tmp_path / "a", delay=True)
    if kind == "stream":
        handler = logging.StreamHandler(io.StringIO())
    if kind == "filter of the logger":
        access.addFilter(lambda _record: True)
    access.handlers = [handler]  # without those of pytest
    route = access_route(None, configured=True)
    assert (route.file, route.handlers) == (None, (handler,))


def test_a_level_above_info_turns_it_off(access):
    access.handlers = [Kept()]  # without those of pytest
    access.setLevel(logging.WARNING)
    route = access_route("access.log", configured=True)
    assert (route.file, route.handlers) == (None, ())


def test_handlers_of_the_root_count_when_records_are_passed_on(access):
    handler = Kept()
    access.propagate = True
    access.handlers = [Kept()]  # without those of pytest
    logging.getLogger().addHandler(handler)
    try:
        assert handler in access_route(None, configured=True).handlers
    finally:
        logging.getLogger().removeHandler(handler)


def test_a_filter_that_raises_costs_one_record():
    def choosy(record):
        if record.args["s"] == "500":
            raise LookupError("choosy")
        return True

    handler = Kept()
    records = AccessRecords(logger(choosy), [handler], COMMON)
    with pytest.raises(LookupError):
        records.handle(b"".join(kept(records, s=status) for status in ("200", "500", "201")))
    assert [record.args["s"] for record in handler.records] == ["200", "201"]
