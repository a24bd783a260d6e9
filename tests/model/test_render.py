"""Reports as lines for a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._address.target import parse
from tryconnect._check.verdict import judge
from tryconnect._model.render import caret, exit_code, line
from tryconnect._model.report import Report, Timings
from tryconnect._transport.attempt import Attempt
from tryconnect.errors import InvalidAddress, Reason

OK = Report(
    "http://example.com/",
    Reason.ok,
    "answered 200 in 40 ms",
    timings=Timings(dns=0.01, connect=0.002, tls=None, response=0.028, total=0.04),
)
BAD = Report("h", Reason.refused, "nothing listens at h:443")

LINES = [
    (
        OK,
        (
            "ok                  http://example.com/  answered 200 in 40 ms"
            "  [dns 10 ms, connect 2.0 ms, response 28 ms]"
        ),
    ),
    (BAD, "refused             h  nothing listens at h:443"),
    (
        Report("h", Reason.too_many_redirects, "more than 10 redirects, and no end"),
        "too_many_redirects  h  more than 10 redirects, and no end",
    ),
    (
        Report("http://me:SECRET@h/?SECRET", Reason.timeout, "no answer for 10 s"),
        "timeout             http://me:***@h/?***  no answer for 10 s",
    ),
    (
        Report("http://me:pa/SECRET@h:x", Reason.invalid_address, "wrong\n    caret"),
        "invalid_address     http://***@h:x  wrong",
    ),
]


@pytest.mark.parametrize(("report", "shown"), LINES)
def test_a_report_is_one_line(report: Report, shown: str) -> None:
    assert line(report) == shown


def report_on(text: str) -> Report:
    try:
        target = parse(text)
    except InvalidAddress as error:
        return judge(text, Attempt(target=None, error=error))
    return judge(text, Attempt(target=target, status=200))


def test_the_caret_is_for_the_lines_after_it() -> None:
    report = report_on("http://127.0.0.1:80443/")
    assert line(report) == (
        "invalid_address     http://127.0.0.1:80443/  a port is a number from 1 to 65535"
    )
    assert caret(report) == (
        "    http://127.0.0.1:80443/\n"
        "                     ^^^^^"
    )  # fmt: skip


@pytest.mark.parametrize("report", [OK, BAD])
def test_where_nothing_is_to_be_pointed_at_there_is_no_caret(report: Report) -> None:
    assert caret(report) == ""


HOSTILE = [
    ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
    ("\x1b[2J", "\\x1b[2J"),
    ("\x9b2J", "\\x9b2J"),  # CSI in one byte
    ("\u202egpj.exe", "\\u202egpj.exe"),
    ("\u2066x\u2069", "\\u2066x\\u2069"),
    ("a\u2028b", "a\\u2028b"),
    ("a\rb", "a\\rb"),
    ("a\x00b", "a\\x00b"),
    ("a\ud800b", "a\\ud800b"),
]


@pytest.mark.parametrize(("text", "shown"), HOSTILE, ids=ascii)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    said_by_peer = Report("h", Reason.protocol, text)
    assert line(said_by_peer) == f"protocol            h  {shown}"
    typed = Report(text, Reason.refused, "nothing listens there")
    assert line(typed) == f"refused             {shown}  nothing listens there"


def test_a_line_break_in_an_address_is_escaped() -> None:
    report = report_on("http://h/\nok  http://bank/")
    assert line(report) == (
        "invalid_address     http://h/\\nok  http://bank/  an address has no such character in it"
    )
    assert caret(report).startswith("    http://h/\\nok  http://bank/\n")


CODES: list[tuple[list[Report], int]] = [([], 0), ([OK], 0), ([OK, BAD], 1), ([BAD], 1)]


@pytest.mark.parametrize(("reports", "code"), CODES)
def test_the_exit_code_tells_whether_all_are_ok(reports: list[Report], code: int) -> None:
    assert exit_code(report.reason for report in reports) == code


TEXT = st.text(st.characters(exclude_categories=()))


@given(TEXT, st.sampled_from(Reason), TEXT)
def test_whatever_is_reported_a_line_is_one_printable_line(
    address: str, reason: Reason, detail: str
) -> None:
    assert line(Report(address, reason, detail)).isprintable()


@given(TEXT)
def test_whatever_is_typed_the_caret_is_two_printable_lines_or_none(text: str) -> None:
    report = report_on(text)
    lines = caret(report).split("\n") if caret(report) else []
    assert len(lines) == (0 if report else 2)
    assert all(each.isprintable() for each in lines)
