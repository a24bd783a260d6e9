"""The words for what can go wrong, and the caret under it."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._model.report import Report
from tryconnect.errors import FetchError, InvalidAddress, Reason, TryConnectError

REASONS = [
    *("ok", "invalid_address", "blocked", "dns_not_found", "dns_failed", "refused"),
    *("unreachable", "reset", "tls_certificate", "tls_handshake", "proxy", "timeout", "protocol"),
    *(
        "too_many_redirects",
        "status",
        "slow",
        "cert_expiring",
        "body",
        "too_large",
        "local",
        "unknown",
    ),
]


def test_the_reasons_are_a_closed_set() -> None:
    assert list(Reason) == REASONS


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_its_own_text_and_means_something(reason: Reason) -> None:
    assert reason == reason.name == str(reason) == f"{reason}"
    assert Reason[reason.name] is reason
    assert reason.meaning.endswith(".")
    assert reason.meaning[0].isupper()


def test_no_two_reasons_mean_the_same() -> None:
    assert len({reason.meaning for reason in Reason}) == len(Reason)


def test_one_base_catches_all_and_an_invalid_address_is_a_value_error() -> None:
    assert issubclass(InvalidAddress, TryConnectError)
    assert issubclass(InvalidAddress, ValueError)
    assert issubclass(FetchError, TryConnectError)


CARETS: dict[str, tuple[tuple[str, int, int], str, str]] = {
    # text and place of the fault, what is shown of it, carets
    "one character": (
        ("http://a b/", 8, 9),
        "http://a b/",
        "        ^",
    ),
    "a stretch": (
        ("http://256.0.0.1/", 7, 16),
        "http://256.0.0.1/",
        "       ^^^^^^^^^",
    ),
    "something is missing at the end": (
        ("tcp://host", 10, 10),
        "tcp://host",
        "          ^",
    ),
    "nothing is there at all": (
        ("", 0, 0),
        "",
        "^",
    ),
    "an end before the start counts as the start": (
        ("host:x", 5, 0),
        "host:x",
        "     ^",
    ),
    "wide characters take two cells": (
        ("http://日本 例/", 10, 11),
        "http://日本 例/",
        "            ^^",
    ),
    "wide letters of ASCII too": (
        ("\uff48\uff4f\uff53\uff54:x", 5, 6),
        "\uff48\uff4f\uff53\uff54:x",
        "         ^",
    ),
    "combining characters take none": (
        ("http://cafe\u0301:x", 13, 14),
        "http://cafe\u0301:x",
        "            ^",
    ),
    "Thai vowels above a letter take none": (
        ("http://กั:x", 10, 11),
        "http://กั:x",
        "         ^",
    ),
    "Hindi vowels below a letter take none": (
        ("http://कु:x", 10, 11),
        "http://कु:x",
        "         ^",
    ),
    "a control is shown as its escape": (
        ("http://a\x1b[b", 8, 9),
        "http://a\\x1b[b",
        "        ^^^^",
    ),
    "a password is not shown, nor pointed into": (
        ("http://me:SEC RET@host", 13, 14),
        "http://***@host",
        "       ^^^",
    ),
    "nor a query": (
        ("http://host/?SEC RET", 16, 17),
        "http://host/?***",
        "             ^^^",
    ),
    "a fault that begins before a secret": (
        ("http://host x?SECRET", 7, 20),
        "http://host x?***",
        "       ^^^^^^^^^^",
    ),
    "a long address is shown around its fault": (
        ("http://" + "a" * 100 + "!" + "b" * 100, 107, 108),
        "a" * 30 + "!" + "b" * 30,
        " " * 30 + "^",
    ),
    "a long fault is shown by its beginning": (
        ("a" * 100, 0, 100),
        "a" * 60,
        "^" * 30,
    ),
}


@pytest.mark.parametrize(("fault", "shown", "carets"), CARETS.values(), ids=CARETS)
def test_the_caret_stands_below_the_fault(
    fault: tuple[str, int, int], shown: str, carets: str
) -> None:
    address, start, end = fault
    lines = str(InvalidAddress(address, "wrong", start, end)).split("\n")
    assert lines == ["wrong", f"    {shown}", f"    {carets}"]


def test_the_facts_are_attributes() -> None:
    error = InvalidAddress("a b", "wrong", 1, 2)
    assert (error.address, error.problem, error.start, error.end) == ("a b", "wrong", 1, 2)


ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT, st.integers(0, 100), st.integers(0, 100))
def test_an_invalid_address_can_always_be_printed(address: str, start: int, end: int) -> None:
    size = len(address)
    lines = str(InvalidAddress(address, "wrong", min(start, size), min(end, size))).split("\n")
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert set(lines[2].strip()) == {"^"}


@given(ANY_TEXT, ANY_TEXT, st.integers(0, 60))
def test_an_invalid_address_never_prints_its_password(before: str, after: str, start: int) -> None:
    address = f"http://me:{before}SECRET{after}@host"
    assert "SECRET" not in str(InvalidAddress(address, "wrong", min(start, len(address))))


def test_an_invalid_address_shows_itself_without_its_password() -> None:
    error = InvalidAddress("http://me:SECRET@host", "wrong")
    assert repr(error) == "InvalidAddress('http://***@host', 'wrong')"


def test_an_invalid_address_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(InvalidAddress("a b", "wrong", 1, 2)))  # noqa: S301 - ours
    assert str(error) == "wrong\n    a b\n     ^"


def test_a_fetch_error_says_what_its_report_says() -> None:
    report = Report("http://host", Reason.refused, "nothing listens at host:80")
    error = FetchError(report)
    assert error.report is report
    assert str(error) == "http://host: refused: nothing listens at host:80"
    secret = Report("http://me:SECRET@h/", Reason.refused, "no")
    assert str(FetchError(secret)) == "http://me:***@h/: refused: no"


def test_a_fetch_error_survives_pickling() -> None:
    report = Report("http://host", Reason.refused, "nothing listens at host:80")
    assert pickle.loads(pickle.dumps(FetchError(report))).report == report  # noqa: S301 - ours
