"""Reports as lines for a terminal."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._address.target import parse
from tryconnect._check.verdict import judge
from tryconnect._model.render import (
    SCHEMA,
    caret,
    duration,
    exit_code,
    json_line,
    line,
    summary,
)
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
        ("ok                  http://example.com/  answered 200 in 40 ms"),
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


def test_a_line_tells_the_times_of_the_phases_if_asked() -> None:
    assert line(OK, verbose=True) == f"{line(OK)}  [dns 10 ms, connect 2.0 ms, response 28 ms]"
    assert line(BAD, verbose=True) == line(BAD)


def test_an_address_is_padded_to_a_width() -> None:
    assert line(BAD, width=4) == "refused             h     nothing listens at h:443"


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


DURATIONS = {
    0.0: "0.0 ms",
    0.0005: "0.5 ms",
    0.00999: "10.0 ms",
    0.04: "40 ms",
    0.9994: "999 ms",
    1.0: "1 s",
    1.254: "1.25 s",
    999.4: "999 s",
    1234.5: "1234 s",
}


@pytest.mark.parametrize(("seconds", "text"), DURATIONS.items())
def test_a_duration_has_about_three_figures(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_summary_has_the_most_frequent_reason_first_and_none_without_a_check() -> None:
    counts = {Reason.ok: 1200, Reason.refused: 3, Reason.timeout: 3, Reason.local: 0}
    assert summary(counts, 2.5) == (
        "1,206 checked in 2.5 s: 1,200 ok, 6 failed\n"
        "  ok                      1,200\n"
        "  refused                     3\n"
        "  timeout                     3"
    )


def test_json_is_one_line_that_says_when_and_rounds_to_microseconds() -> None:
    told = json.loads(json_line(dataclasses.replace(OK, timings=Timings(dns=1 / 3)), time="now"))
    assert (told["schema"], told["time"], told["timings"]["dns"]) == (SCHEMA, "now", 0.333333)
    when = OK.checked_at.isoformat(timespec="milliseconds")
    assert json.loads(json_line(OK))["time"] == when


@given(TEXT, TEXT)
def test_whatever_is_reported_json_is_one_line_of_ascii(address: str, detail: str) -> None:
    text = json_line(Report(address, Reason.refused, detail))
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)["reason"] == "refused"


def test_a_secret_is_written_only_on_request() -> None:
    report = Report("http://me:SECRET@h/", Reason.refused, "no")
    assert "SECRET" not in json_line(report)
    assert "SECRET" in json_line(report, show_secrets=True)
