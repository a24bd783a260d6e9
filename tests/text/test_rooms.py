"""What the rooms of ``_text`` promise one another, where no whole body shows it."""

import pytest

from tryconnect._text._iso2022jp import Iso2022JpDecoder
from tryconnect._text._prescan import meta_encoding

SWITCHING = "a\u65e5\u672c\uff71\xa5b".encode("iso2022_jp_ext") + b"\x1b$B\x46"
"""Escapes in between, and half a character at the end."""


@pytest.mark.parametrize("first", range(len(SWITCHING) + 1))
@pytest.mark.parametrize("second", [0, 1, 2, 3])
def test_iso_2022_jp_may_be_cut_inside_an_escape_or_a_character(first: int, second: int) -> None:
    whole = Iso2022JpDecoder().decode(SWITCHING, final=True)
    decoder = Iso2022JpDecoder()
    pieces = (
        SWITCHING[:first],
        SWITCHING[first : first + second],
        SWITCHING[first + second :],
    )

    told = [decoder.decode(piece, final=False) for piece in pieces]
    told.append(decoder.decode(b"", final=True))

    assert "".join(told) == whole
    assert whole == "a\u65e5\u672c\uff71\xa5b\ufffd"


DECLARED = {
    b"<meta charset=utf-16be>": "utf-8",
    b"<meta charset=utf-16le>": "utf-8",
    b"<meta charset=x-user-defined>": "windows-1252",
    b"<meta content='text/html; charset=gbk'>": None,
    b"<meta http-equiv=content-type content='text/html; charset=gbk'>": "gbk",
}


@pytest.mark.parametrize(("head", "name"), DECLARED.items())
def test_what_a_page_declares(head: bytes, name: str | None) -> None:
    assert meta_encoding(head) == name
