"""Faults that tryconnect finds by itself."""

from __future__ import annotations

import pytest

from tryconnect._model import faults


@pytest.mark.parametrize("name", sorted({*faults.__all__} - {"links"}))
def test_a_fault_is_an_exception_that_says_what_it_is(name: str) -> None:
    fault = getattr(faults, name)
    assert issubclass(fault, Exception)
    assert fault.__doc__


def test_what_the_guard_refuses_lets_the_next_address_be_tried() -> None:
    """An ``OSError``; and all with the same text, by which aiohappyeyeballs compares them."""
    assert isinstance(faults.Blocked(), OSError)
    assert str(faults.Blocked()) == str(faults.Blocked())


def test_a_broken_coding_is_a_wrong_value() -> None:
    assert issubclass(faults.ContentEncodingError, ValueError)


def test_the_links_of_an_error_are_what_it_came_of_each_once() -> None:
    first, second, third = KeyError(), ValueError(), OSError()
    first.__cause__, first.__context__ = second, third
    second.__context__ = third
    third.__context__ = first
    assert [*faults.links(first)] == [first, second, third]
    assert [*faults.links(None)] == []


def test_an_interruption_says_for_how_long() -> None:
    fault = faults.Interrupted(2.25)
    assert fault.seconds == 2.25
    assert "for 2.2 s of the check" in str(fault)
