"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._model.duration import parse_duration

DURATIONS = {
    "30s": 30,
    "2m": 120,
    "500ms": 0.5,
    "1h30m": 5400,
    "1d": 86_400,
    "1d2h3m4s5ms": 93_784.005,
    "1.5": 1.5,
    "10": 10,
    ".5": 0.5,
    "0": 0,
    ".5s": 0.5,
    "1.5h": 5400,
    "90m": 5400,  # more than an hour of minutes is no fault
    "1h 30m": 5400,
    " 30 s ": 30,
    "1m 500ms": 60.5,
}


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items())
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "s", "ms", "1x", "1S", "1 2", "1e3", "1,5", "-1", "-1s", "+1s", "1.s", "inf"),
        *("nan", "30sec", "30m1h", "1s1s", "1ms1s", "s30", "30ss", "1:30", "\u0661s", "1s\n2"),
    ],
)
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a duration looks like 30s, 2m, .* not ") as caught:
        parse_duration(text)
    assert str(caught.value).endswith(f"not {text!r}")


@given(st.text() | st.text("0123456789.dhms "))
def test_any_text_is_a_number_of_seconds_or_a_value_error(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert seconds >= 0


@given(st.tuples(*[st.integers(0, 999)] * 5))
def test_the_units_add_up(amounts: tuple[int, ...]) -> None:
    units = ("d", "h", "m", "s", "ms")
    text = "".join(f"{amount}{unit}" for amount, unit in zip(amounts, units, strict=True))
    days, hours, minutes, seconds, milliseconds = amounts
    expected = ((days * 24 + hours) * 60 + minutes) * 60 + seconds + milliseconds / 1000
    assert parse_duration(text) == pytest.approx(expected)
