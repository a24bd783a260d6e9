"""What may be shown: secrets go, the rest stays, and terminals are given nothing to obey."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._model.redaction import (
    escape_control,
    redact,
    redact_address,
    redacted_error,
    secret_spans,
)
from tryconnect._model.secret_words import HIDE_USERS

ADDRESSES = [
    ("http://example.com/path", "http://example.com/path"),
    ("http://me:SECRET@example.com/", "http://me:***@example.com/"),
    ("http://SECRET@example.com/", "http://***@example.com/"),  # often a token
    ("https://SECRET:@example.com/", "https://***@example.com/"),  # Stripe
    ("https://SECRET:x-oauth-basic@example.com/", "https://***@example.com/"),  # GitHub
    ("https://SECRET:X-OAuth-Basic@example.com/", "https://***@example.com/"),
    ("https://SECRET:X@example.com/", "https://***@example.com/"),  # Freshdesk
    ("https://SECRET:api_token@example.com/", "https://***@example.com/"),  # Toggl
    ("https://SECRET:%20@example.com/", "https://***@example.com/"),
    ("https://ghp_SECRET:other@example.com/", "https://***@example.com/"),
    ("https://sk_live_SECRET:other@example.com/", "https://***@example.com/"),
    ("https://SECRET0SECRET1SECRET2:other@example.com/", "https://***@example.com/"),
    ("https://oauth2:SECRET@example.com/", "https://oauth2:***@example.com/"),  # GitLab
    ("https://me%40home.test:SECRET@example.com/", "https://me%40home.test:***@example.com/"),
    ("SECRET:@example.com", "***@example.com"),
    ("http://:@example.com/", "http://***@example.com/"),
    ("http://:SECRET@example.com/", "http://:***@example.com/"),
    ("http://me:SEC@RET@example.com/", "http://me:***@example.com/"),  # the last @ counts
    ("http://me:SEC:RET@example.com/", "http://me:***@example.com/"),
    ("https://example.com/?token=SECRET", "https://example.com/?token=***"),
    ("https://example.com/#SECRET", "https://example.com/#***"),
    ("https://example.com/?SECRET#SECRET", "https://example.com/?***#***"),
    ("https://example.com/?pw=hunter&two#three&a=1", "https://example.com/?pw=***&***#***&a=1"),
    ("https://example.com?SECRET", "https://example.com?***"),
    ("https://example.com/?", "https://example.com/?"),
    ("https://example.com/~me@home", "https://example.com/~me@home"),  # no user name
    ("https://example.com/?to=me@SECRET", "https://example.com/?to=***"),
    ("https://example.com/?page=2&token=SECRET&q=é", "https://example.com/?page=2&token=***&q=é"),
    ("https://example.com/?wsdl", "https://example.com/?wsdl"),
    ("https://example.com/#history", "https://example.com/#history"),
    (
        "https://example.com/#access_token=SECRET&page=2",
        "https://example.com/#access_token=***&page=2",
    ),
    ("http://me:SECRET@example.com/?SECRET", "http://me:***@example.com/?***"),
    ("me:SECRET@example.com", "me:***@example.com"),
    ("example.com/?SECRET", "example.com/?***"),
    (" http://me:SECRET@example.com/ ", " http://me:***@example.com/ "),  # as parse() reads it
    ("\u00a0http://SECRET@example.com/", "\u00a0http://***@example.com/"),
    ("HTTP://me:SECRET@example.com/", "HTTP://me:***@example.com/"),
    ("unix:///run/me@home?.sock", "unix:///run/me@home?.sock"),  # a file's name, all of it
    ("unix://me:SECRET@home", "unix://me:***@home"),  # a slip: no file
    ("http:///?SECRET", "http:///?***"),  # no host, and no file either
    ("", ""),
]


@pytest.mark.parametrize(("address", "shown"), ADDRESSES)
def test_an_address_is_shown_without_its_secrets(address: str, shown: str) -> None:
    assert redact_address(address) == shown


@pytest.mark.parametrize(("address", "shown"), ADDRESSES)
def test_every_user_name_is_hidden_where_the_environment_says_so(
    address: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HIDE_USERS, "1")

    hidden = redact_address(address)

    assert hidden == re.sub(r"(^|://)[^/?#:]+:\*\*\*@", r"\1***@", shown)


DOUBTFUL = [
    ("http://me:pa/SECRET@host:x", "http://***@host:x"),
    ("http://host:x/?SECRET", "http://host:x/?***"),
    ("http://me@host:x/?SECRET", "http://***@host:x/?***"),
    ("http://host:x/", "http://host:x/"),
]


@pytest.mark.parametrize(("address", "shown"), DOUBTFUL)
def test_in_doubt_all_before_the_last_at_is_a_password(address: str, shown: str) -> None:
    assert redact_address(address, unparsable=True) == shown


@pytest.mark.parametrize(
    "address",
    [
        "http://host:x/?user=me@example.com&token=SECRET",
        "http://me:pa?SECRET@host:x",
        "me:pa#SECRET@host",
    ],
)
def test_in_doubt_neither_side_of_an_at_in_a_query_is_shown(address: str) -> None:
    assert "SECRET" not in redact_address(address, unparsable=True)


TEXTS = [
    ("nothing to hide: 10:20 a/b?c", "nothing to hide: 10:20 a/b?c"),
    ("GET http://h/?SECRET failed", "GET http://h/?*** failed"),
    ("http://me:SECRET@h/, then https://h/#SECRET", "http://me:***@h/, then https://h/#***"),
    ("url=http://h/?SECRET", "url=http://h/?***"),
    ("http://h/?page=2&to=me@home failed", "http://h/?*** failed"),  # maybe a password before an @
    ("…http://me:SECRET@h/", "…http://me:***@h/"),
    ("...http://me:SECRET@h/", "...http://me:***@h/"),
    ("1. http://me:SECRET@h/ 2.http://me:SECRET@h/", "1. http://me:***@h/ 2.http://me:***@h/"),
    ("-http://me:SECRET@h/", "-http://me:***@h/"),
    ("at http://me:SE/CRET@h/x", "at http://***@h/x"),
    ("at http://me:SE?CRET@h/x", "at http://***@h/x"),
    ("at http://me:SE#CRET@h/x", "at http://***@h/x"),
    ("at http://h/http://me:SE#CRET@SECRET/x", "at http://h/http://***"),
    ("at http://h/://:[/a@e/#b:@SECRET", "at http://h/://***"),
    ("http://h:80/@me http://[::1]/me@home", "http://h:80/@me http://[::1]/me@home"),  # paths
]


@pytest.mark.parametrize(("text", "shown"), TEXTS)
def test_a_text_is_shown_without_the_secrets_of_its_addresses(text: str, shown: str) -> None:
    assert redact(text) == shown


QUOTES = [
    "URL('http://host/?SECRET')",
    "<http://host/?SECRET>",
    "'http://host/?a='SECRET''",  # yarl leaves apostrophes in queries as they are
    'http://host/?"SECRET"',
    "http://me:'SECRET'@host/",
    "http://host/#<SECRET>",
]


@pytest.mark.parametrize("text", QUOTES)
def test_quotes_do_not_end_a_secret(text: str) -> None:
    shown = redact(text)
    assert "SECRET" not in shown
    assert "http://" in shown


VISIBLE = [
    ("plain", "plain"),
    ("日本 ü", "日本 ü"),
    ("\x1b[31mred", "\\x1b[31mred"),
    ("\x9b31m", "\\x9b31m"),  # CSI in one byte
    ("\udc80\udcff", "\\x80\\xff"),  # bytes that were no UTF-8
    ("\udc7f\udd00", "\\udc7f\\udd00"),  # no bytes
    ("a\r\nb\tc\0", "a\\r\\nb\\tc\\x00"),
    ("\u202egnp.exe", "\\u202egnp.exe"),  # right-to-left override
    ("\u2066\u2069\u200b\u2028", "\\u2066\\u2069\\u200b\\u2028"),
    ("\ud800", "\\ud800"),
    ("\U000e0041", "\\U000e0041"),  # an invisible tag
]


@pytest.mark.parametrize(("text", "shown"), VISIBLE)
def test_what_a_terminal_obeys_is_written_as_an_escape(text: str, shown: str) -> None:
    assert escape_control(text) == shown


ANY_TEXT = st.text(st.characters(exclude_categories=()))
URL_ISH = st.lists(
    st.sampled_from(
        [
            "http://",
            "unix://",
            "me",
            ":",
            "@",
            "/",
            "?",
            "#",
            "\\",
            ".",
            "[",
            "]",
            "%",
            " ",
            "'",
            "é",
        ]
    )
).map("".join)


@given(ANY_TEXT | URL_ISH)
def test_whatever_is_made_visible_is_printable_and_stays(text: str) -> None:
    shown = escape_control(text)
    assert shown.isprintable()
    assert escape_control(shown) == shown


@given(ANY_TEXT | URL_ISH, st.booleans())
def test_secrets_are_stretches_of_the_text_in_their_order(address: str, unparsable: bool) -> None:  # noqa: FBT001
    ends = [end for span in secret_spans(address, unparsable=unparsable) for end in span]
    assert ends == sorted(ends)
    assert all(
        0 <= first < last <= len(address)
        for first, last in secret_spans(address, unparsable=unparsable)
    )


@given(ANY_TEXT | URL_ISH, st.booleans())
def test_to_redact_twice_changes_nothing_more(text: str, unparsable: bool) -> None:  # noqa: FBT001
    once = redact_address(text, unparsable=unparsable)
    assert redact_address(once, unparsable=unparsable) == once
    assert redact(redact(text)) == redact(text)


@pytest.mark.slow
@given(
    scheme=st.sampled_from(["http://", " HTTPS://", "\u3000tcp://", " ", ""]),
    before=st.text(st.characters(exclude_characters="/?#\\@:")),
    after=st.text(st.characters(exclude_characters="/?#\\")),
    rest=URL_ISH,
    unparsable=st.booleans(),
)
def test_no_password_is_ever_shown(
    scheme: str,
    before: str,
    after: str,
    rest: str,
    unparsable: bool,  # noqa: FBT001
) -> None:
    address = f"{scheme}me:{before}SECRET{after}@host{rest}"
    assert "SECRET" not in redact_address(address, unparsable=unparsable)


@given(
    start=st.sampled_from(["http://host", "host", "host:x", "http://me@host", " tcp://[::1"]),
    mark=st.tuples(
        st.sampled_from(["?", "#", "/?", "/path#", "?a=1&b=", "?a=b#"]),
        st.sampled_from(["token=", "X-Amz-Signature=", "api_key=", ""]),
    ).map("".join),
    before=ANY_TEXT | URL_ISH,
    after=ANY_TEXT | URL_ISH,
    unparsable=st.booleans(),
)
def test_no_secret_of_a_query_is_ever_shown(
    start: str,
    mark: str,
    before: str,
    after: str,
    unparsable: bool,  # noqa: FBT001
) -> None:
    # Long enough to be known where it has become a name: what comes after may begin with "=".
    address = f"{start}{mark}{before}0SECRET0SECRET0SECRET0{after}"
    assert "SECRET" not in redact_address(address, unparsable=unparsable)


def test_an_error_without_secrets_is_itself() -> None:
    error = ValueError("nothing at http://host/")
    assert redacted_error(error) is error


def raised(text: str, cause: BaseException | None = None) -> ValueError:
    """Return an error that has a traceback."""
    with pytest.raises(ValueError, match=re.escape(text)) as caught:
        raise ValueError(text) from cause
    return caught.value


def test_an_error_with_a_secret_has_a_stand_in_with_its_type_and_traceback() -> None:
    error = raised("nothing at http://host/?SECRET")
    stand_in = redacted_error(error)
    assert str(stand_in) == "ValueError: nothing at http://host/?***"
    assert stand_in.__traceback__ is error.__traceback__
    assert stand_in.__cause__ is None
    assert stand_in.__suppress_context__


def test_a_secret_of_a_cause_goes_and_the_chain_stays() -> None:
    innermost = KeyError("plain")
    stand_in = redacted_error(raised("outer", raised("http://host/?SECRET", innermost)))
    assert str(stand_in) == "ValueError: outer"
    assert str(stand_in.__cause__) == "ValueError: http://host/?***"
    assert stand_in.__cause__ is not None
    assert stand_in.__cause__.__cause__ is innermost


def test_a_secret_of_a_mere_context_goes_with_it() -> None:
    error = raised("outer")
    error.__context__ = raised("http://host/?SECRET")
    assert redacted_error(error).__context__ is None


def test_errors_that_cause_each_other_are_looked_at_once() -> None:
    one, other = raised("one"), raised("other")
    one.__cause__, other.__cause__ = other, one
    assert redacted_error(one) is one


@pytest.mark.parametrize("piece", ["a", ":", "/", "@", "a:", "a://", "?", "http://h/?a "])
def test_a_long_text_is_redacted_at_once(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    assert "SECRET" not in redact(f"{text} http://h/?SECRET")
    assert "SECRET" not in redact_address(f"{text}?SECRET")
