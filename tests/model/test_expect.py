"""What an answer must be like to count."""

from __future__ import annotations

import pickle
import re
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._model.expect import Expect, as_expect

STATUSES: list[tuple[int | str, list[int], list[int]]] = [
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
]


@pytest.mark.parametrize(("expected", "accepted", "others"), STATUSES)
def test_a_status_is_expected(expected: int | str, accepted: list[int], others: list[int]) -> None:
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
    [204],
    range(200, 300),
    object(),
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
    with pytest.raises(ValueError, match=r"^Expect needs a status, a body, or both$"):
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


def test_an_expectation_is_a_value() -> None:
    expect = Expect(status="2xx", body=re.compile("a"))
    assert {expect: 1}[Expect(status="2xx", body=re.compile("a"))] == 1
    assert repr(expect) == "Expect(status='2xx', body=re.compile('a'))"
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
