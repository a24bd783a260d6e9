"""The records between the rooms."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._model.render import line
from tryconnect._model.report import Hop, Page, Report, Timings, Tls
from tryconnect._model.text import EncodingSource
from tryconnect._transport.attempt import Phase
from tryconnect.errors import InvalidAddress, Reason

END = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
TIMINGS = Timings(dns=0.5, connect=0.25, total=1.0)
CHECKED = datetime(2029, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
URL = "https://example.com/?SECRET"


def full(**changes: Any) -> Report:
    """A report with all there can be in it."""
    report = Report(
        address="http://me:SECRET@example.com/?SECRET",
        reason=Reason.status,
        detail="answered 500, where 2xx was expected",
        status=500,
        url=URL,
        ip="192.0.2.1",
        hops=(Hop(301, "http://example.com/?SECRET"),),
        tls=Tls("TLSv1.3", END),
        timings=TIMINGS,
        checked_at=CHECKED,
        error=ValueError(f"something about {URL}"),
    )
    return dataclasses.replace(report, **changes)


SHOWN = {
    "address": "http://me:***@example.com/?***",
    "ok": False,
    "reason": "status",
    "detail": "answered 500, where 2xx was expected",
    "status": 500,
    "url": "https://example.com/?***",
    "ip": "192.0.2.1",
    "hops": [{"status": 301, "url": "http://example.com/?***"}],
    "tls": {"version": "TLSv1.3", "expires": "2030-01-02T03:04:05+00:00", "chain_expires": None},
    "timings": {"dns": 0.5, "connect": 0.25, "tls": None, "response": None, "total": 1.0},
    "checked_at": "2029-01-02T03:04:05.678+00:00",
    "error": "ValueError: something about https://example.com/?***",
}

WITH_SECRETS = SHOWN | {
    "address": "http://me:SECRET@example.com/?SECRET",
    "url": URL,
    "hops": [{"status": 301, "url": "http://example.com/?SECRET"}],
    "error": f"ValueError: something about {URL}",
}


@pytest.mark.parametrize("reason", Reason)
def test_a_report_is_true_where_the_address_answered(reason: Reason) -> None:
    report = full(reason=reason)
    assert report.ok is bool(report) is (reason is Reason.ok)


def test_a_report_becomes_plain_values_without_secrets() -> None:
    assert full().as_dict() == SHOWN
    assert full().as_dict(show_secrets=True) == WITH_SECRETS


def test_json_gives_the_plain_values_back() -> None:
    assert json.loads(json.dumps(full().as_dict())) == SHOWN


def test_an_empty_report_becomes_plain_values() -> None:
    report = Report("h", Reason.refused, "nothing listens at h:443", checked_at=CHECKED)
    assert report.as_dict() == {
        "address": "h",
        "ok": False,
        "reason": "refused",
        "detail": "nothing listens at h:443",
        "status": None,
        "url": None,
        "ip": None,
        "hops": [],
        "tls": None,
        "timings": dict.fromkeys(("dns", "connect", "tls", "response")) | {"total": 0.0},
        "checked_at": "2029-01-02T03:04:05.678+00:00",
        "error": None,
    }


def test_a_report_made_by_hand_is_of_now_and_in_utc() -> None:
    before = datetime.now(UTC)
    report = Report("h", Reason.ok, "fine")
    assert before <= report.checked_at <= datetime.now(UTC)
    assert report.checked_at.tzinfo is UTC


def test_when_it_was_makes_no_other_report() -> None:
    assert full() == full(checked_at=datetime.now(UTC))


def test_an_unreadable_certificate_has_no_end() -> None:
    tls = full(tls=Tls("TLSv1.2")).as_dict()["tls"]
    assert tls == {"version": "TLSv1.2", "expires": None, "chain_expires": None}


@pytest.mark.parametrize("url", ["http://h/?a='SECRET", "http://h/p'?SECRET"])
def test_an_apostrophe_does_not_end_a_urls_secret(url: str) -> None:
    # yarl leaves apostrophes in URLs as they are.
    report = full(url=url, hops=(Hop(301, url),))
    assert "SECRET" not in repr(report)
    assert "SECRET" not in json.dumps(report.as_dict())


def test_an_invalid_address_hides_whatever_may_be_a_password() -> None:
    report = full(address="http://me:pa/SECRET@h:x", reason=Reason.invalid_address, url=None)
    assert report.as_dict()["address"] == "http://***@h:x"
    assert report.as_dict(show_secrets=True)["address"] == "http://me:pa/SECRET@h:x"


def test_a_report_shows_itself_without_secrets() -> None:
    assert repr(full()) == (
        "Report(address='http://me:***@example.com/?***', ok=False, reason='status', "
        "detail='answered 500, where 2xx was expected', status=500, "
        "url='https://example.com/?***', ip='192.0.2.1', "
        "hops=(Hop(status=301, url='http://example.com/?***'),), "
        f"tls=Tls(version='TLSv1.3', expires={END!r}, chain_expires=None), "
        "timings=Timings(dns=0.5, connect=0.25, tls=None, response=None, total=1.0))"
    )


def test_a_hop_shows_itself_without_secrets() -> None:
    hop = Hop(302, URL)
    assert repr(hop) == "Hop(status=302, url='https://example.com/?***')"
    assert hop.as_dict() == {"status": 302, "url": "https://example.com/?***"}
    assert hop.as_dict(show_secrets=True) == {"status": 302, "url": URL}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_report_carries_its_error_as_redacted_text(protocol: int) -> None:
    report = full()
    again = pickle.loads(pickle.dumps(report, protocol))  # noqa: S301 - ours
    assert again == report
    assert again.error == SHOWN["error"]
    assert again.as_dict() == SHOWN
    assert again.checked_at == CHECKED
    assert pickle.loads(pickle.dumps(again)).error == SHOWN["error"]  # noqa: S301 - ours


def test_an_error_that_cannot_be_pickled_does_not_matter() -> None:
    class Local(Exception):
        """pickle finds no class inside a function."""

    assert pickle.loads(pickle.dumps(full(error=Local("a")))).error == "Local: a"  # noqa: S301


def test_a_copied_report_is_equal() -> None:
    assert copy.copy(full()) == full()
    assert copy.deepcopy(full()) == full()


def test_a_report_keeps_its_error() -> None:
    error = InvalidAddress("a b", "wrong")
    assert full(error=error).error is error
    assert full(error=None).as_dict()["error"] is None


def test_reports_are_equal_whatever_their_errors() -> None:
    assert full(error=None) == full(error=ValueError("other"))
    assert hash(full(error=None)) == hash(full())


@pytest.mark.parametrize(
    "change",
    [
        {"address": "other"},
        {"reason": Reason.ok},
        {"detail": "other"},
        {"status": None},
        {"url": None},
        {"ip": None},
        {"hops": ()},
        {"tls": None},
        {"timings": Timings()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_reports_differ_in_anything_else(change: dict[str, Any]) -> None:
    assert full(**change) != full()


PAGE = Page("text", "utf-8", EncodingSource.utf8, {"X": "SECRET"}, full())

RECORDS = [
    (full(), "status"),
    (Hop(301, "http://h/"), "url"),
    (Tls("TLSv1.3"), "version"),
    (Timings(), "total"),
    (PAGE, "text"),
]


@pytest.mark.parametrize(("record", "name"), RECORDS, ids=lambda item: type(item).__name__)
def test_records_are_frozen_and_have_slots(record: object, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(record, name, None)
    assert not hasattr(record, "__dict__")


def test_a_page_has_the_status_and_url_of_its_report() -> None:
    assert (PAGE.status, PAGE.url) == (500, URL)
    empty = dataclasses.replace(PAGE, report=Report("h", Reason.ok, "answered"))
    assert (empty.status, empty.url) == (0, "")


def test_a_page_shows_itself_without_its_text_and_headers() -> None:
    assert repr(PAGE).startswith("Page(encoding='utf-8', encoding_source=")
    assert "SECRET" not in repr(PAGE)


def test_the_phases_stand_in_their_order_and_all_but_the_body_are_timed() -> None:
    assert list(Phase) == ["dns", "connect", "tls", "response", "body"]
    assert list(Timings._fields) == [
        *(phase for phase in Phase if phase is not Phase.body),
        "total",
    ]


TEXT = st.text(st.characters(exclude_categories=()))
TIME = st.none() | st.floats(0, 1e6)
REPORTS = st.builds(
    Report,
    address=TEXT,
    reason=st.sampled_from(Reason),
    detail=TEXT,
    status=st.none() | st.integers(100, 999),
    url=st.none() | TEXT,
    ip=st.none() | st.ip_addresses().map(str),
    hops=st.lists(st.builds(Hop, st.integers(301, 308), TEXT)).map(tuple),
    tls=st.none() | st.builds(Tls, TEXT, st.none() | st.datetimes()),
    timings=st.builds(Timings, TIME, TIME, TIME, TIME, st.floats(0, 1e6)),
    error=st.none() | TEXT | st.builds(ValueError, TEXT),
)


@pytest.mark.slow
@given(REPORTS, st.booleans())
def test_any_report_goes_through_json_unchanged(report: Report, secret_spans: bool) -> None:  # noqa: FBT001
    plain = report.as_dict(show_secrets=secret_spans)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


@pytest.mark.slow
@given(REPORTS)
def test_any_report_can_be_shown_and_pickled(report: Report) -> None:
    assert repr(report).isprintable()
    assert pickle.loads(pickle.dumps(report)) == report  # noqa: S301 - ours


# --- for people, and for other libraries


SHOWN_REPORTS = [
    full(),
    Report("http://h/", Reason.ok, "answered 200 in 1 ms"),
    Report(
        "http://h:x", Reason.invalid_address, "a port is a number\n    http://h:x\n           ^"
    ),
    Report("http://h/\x1b[31m", Reason.refused, "no\x07"),
]


@pytest.mark.parametrize("report", SHOWN_REPORTS, ids=repr)
def test_a_report_is_the_line_of_the_command_line(report: Report) -> None:
    assert str(report) == line(report)
    assert str(report).isprintable()
    assert "SECRET" not in str(report)


def test_a_notebook_shows_a_row_without_secrets_and_without_markup_of_others() -> None:
    shown = full(detail="<script>alert(1)</script>")._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown
    assert "SECRET" not in shown
    assert "<td>1,000.0 ms</td>" in shown


class Answer(pydantic.BaseModel):
    """A model of somebody's."""

    report: Report


def test_pydantic_writes_a_report_as_the_library_does() -> None:
    answer = Answer(report=full())
    assert json.loads(answer.model_dump_json()) == {"report": SHOWN}
    assert answer.model_dump()["report"] == SHOWN
    assert Answer.model_json_schema()["properties"]["report"]["title"] == "Report"
    with pytest.raises(pydantic.ValidationError):
        Answer(report=SHOWN)  # type: ignore[arg-type]
