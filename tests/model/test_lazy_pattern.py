"""A pattern is compiled for whoever asks it first, and then says what a compiled one says."""

from __future__ import annotations

import re

import pytest

from tryconnect._model.lazy_pattern import lazy_pattern

TEXTS = ["", "abc", "xABCx", "ab\nabc"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("method", ["match", "search", "fullmatch", "findall", "split"])
def test_it_says_what_a_compiled_one_says(method: str, text: str) -> None:
    lazy, compiled = lazy_pattern("a(b)c", re.IGNORECASE), re.compile("a(b)c", re.IGNORECASE)
    asked = [getattr(each, method) for each in (lazy, compiled)]

    assert len({str(ask(text)) for ask in asked}) == 1
    assert lazy.flags == compiled.flags
    assert lazy.pattern == compiled.pattern


def test_it_is_compiled_when_it_is_used_and_not_before() -> None:
    broken = lazy_pattern("(")

    with pytest.raises(re.error):
        broken.match("")
