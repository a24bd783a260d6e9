"""Seven-bit Japanese."""

import pytest

from tryconnect._decoding.iso2022jp import Iso2022JpDecoder

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


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_lead_before_an_escape_is_malformed_wherever_it_is_cut(cut: int) -> None:
    body = b'\x1b$B$\x1b(B<\x1b$B$"'
    decoder = Iso2022JpDecoder()
    told = [
        decoder.decode(body[:cut], final=False),
        decoder.decode(body[cut:], final=False),
        decoder.decode(b"", final=True),
    ]
    assert "".join(told) == "\ufffd<\u3042"
