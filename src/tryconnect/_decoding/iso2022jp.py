"""ISO-2022-JP: seven-bit Japanese, in which escapes say what the following bytes are.

Between two escapes, two-byte text is EUC-JP with the eighth bit cleared, so it is read as EUC-JP.
A part costs about a microsecond beside its characters, whatever stands in it: the work is linear.

Python's codecs do not serve: "iso2022_jp" lacks the rows that Windows added and half-width kana,
"iso2022_jp_ext" knows more escapes than browsers do.
"""

import codecs
import re
from typing import Final

from tryconnect._decoding.multibyte import sequences

# An escape, and what stands until the next. Encoding Standard, "ISO-2022-JP decoder", escape
# state; an escape that is not among these is malformed in its first byte only.
_PART = re.compile(rb"(\x1b(?:\([BIJ]|\$[@B])?|\A)([^\x1b]*+)")
_UNFINISHED_ESCAPE = re.compile(rb"\x1b[($]?\Z")


def _seven_bit(*, yen: str, overline: str) -> str:
    # Shift Out and Shift In are malformed, like every byte with the eighth bit set.
    table = "".join("\ufffd" if byte in b"\x0e\x0f" else chr(byte) for byte in range(0x80))
    return table.replace("\\", yen).replace("~", overline) + "\ufffd" * 0x80


_ASCII: Final = _seven_bit(yen="\\", overline="~")
_ROMAN: Final = _seven_bit(yen="\xa5", overline="\u203e")
_KANA: Final = "\ufffd" * 0x21 + "".join(map(chr, range(0xFF61, 0xFFA0))) + "\ufffd" * 0xA0
# Two-byte text, as EUC-JP. A byte that cannot stand there becomes FF, which EUC-JP has not either.
_TO_EUC: Final = b"\xff" * 0x21 + bytes(range(0xA1, 0xFF)) + b"\xff" * 0x81

_MODES: Final[dict[bytes, str | None]] = {
    b"\x1b(B": _ASCII,
    b"\x1b(J": _ROMAN,
    b"\x1b(I": _KANA,
    b"\x1b$@": None,
    b"\x1b$B": None,
}


class Iso2022JpDecoder:
    """Decodes one body."""

    def __init__(self) -> None:
        self._euc_jp = sequences("euc-jp")
        self._table: str | None = _ASCII
        self._just_switched = False
        self._unfinished = b""

    def decode(self, data: bytes, final: bool) -> str:  # noqa: FBT001 (as Python's decoders)
        """Return the text of the next bytes; ``final`` says that these are the last."""
        data = self._unfinished + data
        cut = None if final else _UNFINISHED_ESCAPE.search(data)
        self._unfinished = cut[0] if cut else b""
        parts = _PART.findall(data, 0, cut.start() if cut else len(data))
        texts = []
        for number, (escape, characters) in enumerate(parts, 1):
            if escape:
                texts.append(self._switch(escape))
            if characters:
                self._just_switched = False
                is_ended = final or cut is not None or number < len(parts)
                texts.append(self._read(characters, final=is_ended))
        return "".join(texts)

    def _switch(self, escape: bytes) -> str:
        """Obey an escape; return U+FFFD if that is malformed."""
        if escape == b"\x1b":
            self._just_switched = False
            return "\ufffd"
        self._table = _MODES[escape]
        # Two escapes in a row are one too many: they could hide something from a filter.
        text = "\ufffd" if self._just_switched else ""
        self._just_switched = True
        return text

    def _read(self, characters: bytes, *, final: bool) -> str:
        """Return the text between escapes; ``final`` says that its last byte is here."""
        if self._table is not None:
            return codecs.charmap_decode(characters, "strict", self._table)[0]
        two_byte = characters.translate(_TO_EUC)
        try:
            return self._euc_jp.renamed(two_byte.decode("euc_jp"))
        except UnicodeDecodeError:
            text, unfinished = self._euc_jp.step_by_step(two_byte, final=final)
            if unfinished:  # else half an escape may wait there, whose turn it still is
                self._unfinished = characters[-len(unfinished) :]
            return text
