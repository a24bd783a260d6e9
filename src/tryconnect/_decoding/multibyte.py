"""The Chinese, Japanese and Korean encodings in which a lead byte opens a character.

Python's C codec reads whole pieces. It is one of the wider ones, so that it knows nearly all that
the standard knows; a piece that it refuses is cut into the standard's steps by one regular
expression, and each step is looked up by itself: a character that Python lacks is supplied, and
a malformed step becomes U+FFFD, which never swallows the ASCII after a broken lead byte
(Encoding Standard: "if byte is an ASCII byte, restore byte"). That costs about 0.2 s for 1 MiB,
twenty times the swift way, but the same for any bytes; error handlers in Python took up to 2.6 s.

A body with thousands of malformed steps is not text in that encoding anyway. From there on
Python's own "replace" is good enough: it keeps the ASCII, too, and only counts U+FFFD otherwise.
"""

import codecs
import functools
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from tryconnect._decoding.tables import euc_jp_rows, hkscs_2008

MALFORMED_CAP: Final = 10_000
"""How many malformed steps are replaced one by one, as the standard counts them."""

# Chinese text uses some thousand characters; each takes about 200 bytes here.
_REMEMBERED: Final = 2**13


class _Spelling(NamedTuple):
    """How an encoding spells characters, and where Python's codec is not the standard's."""

    codec: str
    """The nearest of Python's codecs."""
    step: bytes
    """Pattern of what the standard reads in one go after a lead byte, well-formed or not."""
    unfinished: bytes
    """Pattern of a step that more bytes may complete."""
    renamed: Mapping[str, str] = MappingProxyType({})
    """Characters that Python gives for another, and for nothing else."""
    supplied: Mapping[bytes, str] = MappingProxyType({})
    """Sequences that Python refuses, or reads as a character that it also has elsewhere."""
    doubtful: tuple[bytes, ...] = ()
    """Those of the supplied sequences that Python does not refuse."""


# Encoding Standard, chapters 10 to 13: the decoder of each, and its index. Built when first needed.


def _gb18030() -> _Spelling:
    # GB 18030-2022 took these out of the private use area.
    private = (
        "\ue5e5\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795"
        "\ue796\ue7c7\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864"
    )
    public = (
        "\u3000\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18"
        "\ufe19\u1e3f\u9fb4\u9fb5\u9fb6\u9fb7\u9fb8\u9fb9\u9fba\u9fbb"
    )
    return _Spelling(
        "gb18030",
        rb"[\x81-\xfe](?:[\x40-\x7e\x80-\xff]|[0-9][\x81-\xfe][0-9]|[0-9][\x81-\xfe]?\Z)?",
        rb"[\x81-\xfe](?:[0-9][\x81-\xfe]?)?",
        renamed=dict(zip(private, public, strict=True)),
        supplied={b"\x80": "\u20ac", b"\x81\x35\xf4\x37": "\ue7c7"},
        doubtful=(b"\x81\x35\xf4\x37",),
    )


def _big5() -> _Spelling:
    theirs = "\u2022\uff64\u203e\u223c\u2641\u2609\u00a5\u00a2\u00a3"
    ours = "\u2027\ufe51\u00af\uff5e\u2295\u2299\uffe5\uffe0\uffe1"
    return _Spelling(
        "big5hkscs",
        rb"[\x81-\xfe][\x40-\x7e\x80-\xff]?",
        rb"[\x81-\xfe]",
        renamed=dict(zip(theirs, ours, strict=True)),
        supplied=hkscs_2008() | {b"\xa2\x41": "\u2215", b"\xa2\x42": "\ufe68"},
        doubtful=(b"\xa2\x41", b"\xa2\x42"),
    )


def _euc_jp() -> _Spelling:
    theirs, ours = "\u301c\u2016\u2212\u00a2\u00a3\u00ac", "\uff5e\u2225\uff0d\uffe0\uffe1\uffe2"
    return _Spelling(
        "euc_jp",
        rb"\x8f(?:[\xa1-\xfe][\x80-\xff]?|[\x80-\xff])?|[\x8e\xa1-\xfe][\x80-\xff]?",
        rb"\x8f[\xa1-\xfe]?|[\x8e\xa1-\xfe]",
        renamed=dict(zip(theirs, ours, strict=True)),
        supplied=euc_jp_rows() | {b"\x8f\xa2\xb7": "\uff5e"},
        doubtful=(b"\x8f\xa2\xb7",),
    )


def _shift_jis() -> _Spelling:
    return _Spelling(
        "cp932",
        rb"[\x81-\x9f\xe0-\xfc][\x40-\x7e\x80-\xff]?",
        rb"[\x81-\x9f\xe0-\xfc]",
        # Four single bytes that only Windows reads, as characters for private use.
        renamed=dict.fromkeys("\uf8f0\uf8f1\uf8f2\uf8f3", "\ufffd"),
    )


def _euc_kr() -> _Spelling:
    return _Spelling("cp949", rb"[\x81-\xfe][\x41-\x7e\x80-\xff]?", rb"[\x81-\xfe]")


SPELLINGS: Final[dict[str, Callable[[], _Spelling]]] = {
    "gbk": _gb18030,
    "gb18030": _gb18030,
    "big5": _big5,
    "euc-jp": _euc_jp,
    "shift_jis": _shift_jis,
    "euc-kr": _euc_kr,
}


class Sequences:
    """The sequences of one encoding: reads them all, and remembers single ones."""

    def __init__(self, spelling: _Spelling) -> None:
        self.codec = spelling.codec
        self._step = re.compile(spelling.step + rb"|.", re.DOTALL)
        self._unfinished = re.compile(spelling.unfinished)
        self._renamed = spelling.renamed
        self._supplied = spelling.supplied
        self._doubtful = spelling.doubtful
        self._character = functools.lru_cache(_REMEMBERED)(self._look_up)

    def renamed(self, text: str) -> str:
        """Return the text with the standard's characters for Python's."""
        for theirs, ours in self._renamed.items():
            text = text.replace(theirs, ours)
        return text

    def is_doubtful(self, data: bytes) -> bool:
        """Return whether Python would read these bytes, but perhaps not as the standard does."""
        return any(sequence in data for sequence in self._doubtful)

    def step_by_step(self, data: bytes, *, final: bool) -> tuple[str, bytes]:
        """Return the text as the standard reads it, and the bytes that need more to follow."""
        steps = self._step.findall(data)
        unfinished = b""
        if not final and self._unfinished.fullmatch(steps[-1]):
            unfinished = steps.pop()
        return "".join(map(self._character, steps)), unfinished

    def _look_up(self, step: bytes) -> str:
        supplied = self._supplied.get(step)
        if supplied is not None:
            return supplied
        text = step.decode(self.codec, "replace")  # "strict" would be slow in refusing
        if "\ufffd" not in text:
            return self._renamed.get(text, text)
        # An ASCII byte that could have been a trail byte is given back. Digits are not: they are
        # the middle and the end of four bytes, which are one step.
        return "\ufffd" + step[1:].decode("ascii", "ignore").lstrip("0123456789")


@functools.cache
def sequences(name: str) -> Sequences:
    """Return the sequences of the encoding with this WHATWG name."""
    return Sequences(SPELLINGS[name]())


class MultiByteDecoder:
    """Decodes one body."""

    def __init__(self, known: Sequences) -> None:
        self._known = known
        self._python = codecs.getincrementaldecoder(known.codec)("strict")
        self._unfinished = b""
        self._malformed = 0

    def decode(self, data: bytes, final: bool) -> str:  # noqa: FBT001 (as Python's decoders)
        """Return the text of the next bytes; ``final`` says that these are the last."""
        data = self._unfinished + data
        self._python.reset()
        if self._known.is_doubtful(data) and self._malformed <= MALFORMED_CAP:
            return self._step_by_step(data, final=final)
        try:
            text = self._python.decode(data, final)
        except UnicodeDecodeError:
            return self._step_by_step(data, final=final)
        self._unfinished = self._python.getstate()[0]
        return self._known.renamed(text)

    def _step_by_step(self, data: bytes, *, final: bool) -> str:
        text, self._unfinished = self._known.step_by_step(data, final=final)
        self._malformed += text.count("\ufffd")
        if self._malformed > MALFORMED_CAP:
            self._python = codecs.getincrementaldecoder(self._known.codec)("replace")
        return text
