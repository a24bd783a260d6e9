"""What an answer must be like to count."""

from __future__ import annotations

import pickle
import re
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._model.expect import Expect, ExpectLike, Status, as_expect

STATUSES: list[tuple[Status, list[int], list[int]]] = [
    # expected, accepted, not accepted
    (204, [204], [200, 203, 205]),
    (HTTPStatus.NOT_FOUND, [404], [200]),
    (100, [100], [101]),
    (999, [999], [998]),  # some servers make their own
    ("204", [204], [200]),
    ("2xx", [200, 226, 299], [199, 300]),
    ("2XX", [200], [300]),
    ("9xx", [999], [200]),
    ("200-399", [200, 304, 399], [199, 400]),
    ("200-200", [200], [199, 201]),
    ("2xx, 304", [200, 304], [300, 303, 305]),
    ("2xx,304", [204, 304], [404]),
    ("404,200", [200, 404], [201]),
    (" 200 - 299 , 3xx ", [200, 301], [400]),
    ("any", [100, 200, 999], []),
    (" Any ", [404], []),
    ("2xx, any", [404], []),
    ([200, 204], [200, 204], [201]),
    ((200, "3xx"), [200, 304], [404]),
    ({200, 204}, [204], [404]),
    (["2xx, 304", range(400, 405)], [200, 304, 404], [305, 405]),
    (range(200, 300), [200, 299], [199, 300]),
    (range(200, 300, 2), [200, 298], [201, 300]),
    (range(299, 199, -1), [200, 299], [199, 300]),
]


@pytest.mark.parametrize(("expected", "accepted", "others"), STATUSES)
def test_a_status_is_expected(expected: Status, accepted: list[int], others: list[int]) -> None:
    expect = Expect(status=expected)
    assert all(map(expect.accepts_status, accepted))
    assert not any(map(expect.accepts_status, others))
    assert expect.accepts_body("any body")


NONSENSE: list[Any] = [
    True,
    False,
    204.0,
    float("nan"),
    b"204",
    [],
    [204.0],
    [True],
    [[204]],
    [204, "2x"],
    (204, None),
    range(200, 200),
    range(99, 200),
    range(999, 1001),
    [range(0)],
    {"status": 204},
    object(),
    "anything",
    "2xx any",
    "",
    " ",
    "2x",
    "2xxx",
    "0xx",
    "xxx",
    "2xx,",
    ",2xx",
    "2xx,,304",
    "2xx;304",
    "600-200",
    "200-",
    "-200",
    "200-2xx",
    "200-300-400",
    "99",
    "099",
    "1000",
    "\uff1200",  # a digit, but not one of ASCII
    "ok",
    0,
    99,
    -200,
    1000,
    10**30,
]


@pytest.mark.parametrize("value", NONSENSE, ids=lambda value: repr(type(value)))
def test_nonsense_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^an expected status looks like 204, .* not "):
        as_expect(value)
    with pytest.raises(ValueError, match=r"^an expected status looks like 204, .* not "):
        Expect(status=value, body="a")


def test_a_number_longer_than_python_writes_is_refused() -> None:
    with pytest.raises(ValueError, match=r".+"):
        as_expect(10**5000)


@pytest.mark.parametrize("body", [b"a", 1, True, ["a"], re.compile(b"a")])
def test_a_body_that_is_no_text_is_refused(body: Any) -> None:
    with pytest.raises(ValueError, match=r"^an expected body is a str or a pattern of str, not "):
        Expect(body=body)


def test_an_expectation_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Expect needs at least one of status, body, "):
        Expect()


BODIES: list[tuple[str | re.Pattern[str], list[str], list[str]]] = [
    # expected, accepted, not accepted
    ("ready", ["ready", "all ready now"], ["", "Ready", "read y"]),
    ("", [""], [" ", "a portal"]),  # empty, not "contains nothing": every text does that
    (re.compile("^ready$", re.MULTILINE), ["ready", "is it?\nready\n"], ["", "not ready"]),
    (re.compile("(?i)READY"), ["ready", "Ready"], ["read"]),
    (re.compile(""), ["", "anything"], []),
]


@pytest.mark.parametrize(("expected", "accepted", "others"), BODIES)
def test_a_body_is_expected(
    expected: str | re.Pattern[str], accepted: list[str], others: list[str]
) -> None:
    expect = Expect(body=expected)
    assert all(map(expect.accepts_body, accepted))
    assert not any(map(expect.accepts_body, others))
    assert expect.accepts_status(500)


WORDS: list[tuple[Status, str]] = [
    (204, "204"),
    (HTTPStatus.NOT_FOUND, "404"),
    ("2xx", "2xx"),
    ([200, "3xx"], "200 or 3xx"),
    (range(200, 300), "200-299"),
    (range(200, 201), "200"),
    (range(200, 300, 2), "200-298 in steps of 2"),
]


@pytest.mark.parametrize(("status", "words"), WORDS)
def test_what_is_expected_has_words(status: Status, words: str) -> None:
    assert Expect(status=status).describe_status() == words


@pytest.mark.parametrize("number", [-1, 0.0, "1", True, [0]])
def test_a_number_of_redirects_that_is_none_is_refused(number: Any) -> None:
    with pytest.raises(ValueError, match=r"^max_redirects is a number from 0 up, not "):
        Expect(status=301, max_redirects=number)


@pytest.mark.parametrize("anything", ["any", range(100, 1000), [200, "ANY"], Expect(status="any")])
def test_any_answer_is_no_expectation(anything: ExpectLike) -> None:
    assert as_expect(anything) is None


@pytest.mark.parametrize(
    "more", [Expect(status="any", body="a"), Expect(max_redirects=0), Expect(body="")]
)
def test_a_body_or_a_redirect_is_an_expectation(more: Expect) -> None:
    assert as_expect(more) is more


def test_both_may_be_expected() -> None:
    expect = Expect(status="2xx", body="ready")
    assert expect.accepts_status(200)
    assert not expect.accepts_status(500)
    assert not expect.accepts_body("no")


def test_none_and_expectations_stay_what_they_are() -> None:
    expect = Expect(status=200)
    assert as_expect(expect) is expect
    assert as_expect(None) is None
    assert as_expect(200) == expect
    assert as_expect("2xx") == Expect(status="2xx")


PATTERNS: list[tuple[str | re.Pattern[str], list[str], list[str]]] = [
    ("re.dy", ["all ready"], ["", "red"]),
    (re.compile("READY", re.IGNORECASE), ["ready"], ["read"]),
]


@pytest.mark.parametrize(("pattern", "accepted", "others"), PATTERNS)
def test_a_pattern_is_expected(
    pattern: str | re.Pattern[str], accepted: list[str], others: list[str]
) -> None:
    expect = Expect(pattern=pattern)
    assert all(map(expect.accepts_body, accepted))
    assert not any(map(expect.accepts_body, others))
    assert expect == Expect(pattern=re.compile(pattern))


def test_a_pattern_may_be_expected_beside_a_text() -> None:
    expect = Expect(body="ready", pattern=r"v\d")
    assert expect.accepts_body("ready, v1")
    assert (expect.missing_in_body("v1"), expect.missing_in_body("ready")) == expect.bodies


ANSWERED = [("Content-Type", "text/html; charset=utf-8"), ("X-A", "1"), ("x-a", "2"), ("X-B", "")]

HEADERS: list[tuple[dict[str, str | re.Pattern[str]], str | None]] = [
    # expected, the first that is missing
    ({"content-type": "text/html"}, None),
    ({"Content-Type": re.compile("^text/")}, None),
    ({"X-A": "1, 2"}, None),
    ({"X-B": ""}, None),  # it is there
    ({"X-C": ""}, "X-C"),
    ({"X-C": re.compile("")}, "X-C"),
    ({"X-A": "1", "Content-type": "json", "X-C": "1"}, "Content-type"),
    ({"Content-Type": "TEXT/HTML"}, "Content-Type"),
]


@pytest.mark.parametrize(("expected", "missing"), HEADERS)
def test_headers_are_expected(
    expected: dict[str, str | re.Pattern[str]], missing: str | None
) -> None:
    assert Expect(headers=expected).missing_in_headers(ANSWERED) == missing


NO_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"headers": {"a b": ""}}, "'a b' cannot be the name of a header"),
    ({"headers": {1: ""}}, "1 cannot be the name of a header"),
    ({"headers": {"A": 1}}, "the header A is a str or a pattern of str, not 1"),
    ({"headers": {"A": re.compile(b"")}}, "the header A is a str or a pattern of str, not "),
    ({"headers": {}}, "Expect needs at least one of "),
    ({"pattern": "("}, "pattern is no regular expression: missing ), "),
    ({"pattern": b"a"}, "pattern is a regular expression of str, not b'a'"),
    ({"pattern": re.compile(b"a")}, "pattern is a regular expression of str, not re.compile"),
    *[({"within": each}, "within is a number of seconds above 0") for each in (0, -1, True, "1")],
    *[
        ({"within": float(each)}, "within is a number of seconds above 0")
        for each in ("nan", "inf")
    ],
    *[({"cert_days": each}, "cert_days is a number from 0 up") for each in (-1, 1.5, True, "1")],
]


@pytest.mark.parametrize(("fields", "complaint"), NO_FIELDS)
def test_what_cannot_be_expected_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}"):
        Expect(**fields)


def test_each_field_is_an_expectation_of_its_own() -> None:
    for field in (
        Expect(within=1),
        Expect(cert_days=0),
        Expect(pattern=""),
        Expect("any", headers={"A": ""}),
    ):
        assert as_expect(field) is field
        assert pickle.loads(pickle.dumps(field)) == field  # noqa: S301 - ours
        assert hash(field) == hash(pickle.loads(pickle.dumps(field)))  # noqa: S301 - ours
    shown = "Expect(headers=(('A', 'b'),), within=0.5, cert_days=14)"
    assert repr(Expect(within=0.5, cert_days=14, headers={"A": "b"})) == shown


def test_an_expectation_is_a_value() -> None:
    expect = Expect(status="2xx", body=re.compile("a"))
    assert {expect: 1}[Expect(status="2xx", body=re.compile("a"))] == 1
    assert repr(expect) == "Expect(status='2xx', body=re.compile('a'))"
    listed = Expect(status=[200, range(300, 400)], max_redirects=0)
    assert repr(listed) == "Expect(status=(200, range(300, 400)), max_redirects=0)"
    assert hash(listed) == hash(Expect(status=(200, range(300, 400)), max_redirects=0))
    assert pickle.loads(pickle.dumps(listed)) == listed  # noqa: S301 - ours
    again = pickle.loads(pickle.dumps(expect))  # noqa: S301 - ours
    assert again == expect
    assert again.accepts_status(200)
    with pytest.raises(AttributeError):
        expect.status = 200  # type: ignore[misc]


@given(st.integers(100, 999), st.integers(100, 999), st.integers(0, 1100))
def test_a_range_accepts_what_lies_in_it(first: int, last: int, status: int) -> None:
    first, last = sorted((first, last))
    expect = Expect(status=f"{first}-{last}")
    assert expect.accepts_status(status) is (first <= status <= last)


@given(st.text() | st.text("0129xX-, "), st.integers(0, 1100))
def test_any_text_is_an_expectation_or_a_value_error(text: str, status: int) -> None:
    try:
        expect = Expect(status=text)
    except ValueError:
        return
    assert isinstance(expect.accepts_status(status), bool)
