"""The grammar of RFC 9110's token."""

from __future__ import annotations

import re
import string

from tryconnect._model.abnf import TOKEN


def test_a_token_is_made_of_what_the_standard_lists_and_of_nothing_else() -> None:
    """RFC 9110, 5.6.2: any VCHAR, except delimiters."""
    delimiters = '"(),/:;<=>?@[\\]{}'
    visible = string.digits + string.ascii_letters + string.punctuation
    characters = {chr(code) for code in range(0x250) if re.fullmatch(TOKEN, chr(code))}
    assert characters == set(visible) - set(delimiters)


def test_a_token_is_one_character_at_least() -> None:
    assert not re.fullmatch(TOKEN, "")
    assert re.fullmatch(TOKEN, "a" * 1000)
