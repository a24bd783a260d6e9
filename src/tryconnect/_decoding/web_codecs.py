"""The name of an encoding -> a decoder that means what browsers mean by that name.

Python has a codec for nearly every encoding of the web, but few agree with the Encoding Standard
to the last byte. The differences were found by asking Chromium and Python for every sequence of
one and two bytes; they are mended here and in the two neighbours for multi-byte encodings.

A decoder never raises, and its work is linear in the bytes, whatever they are.
"""

import codecs
import functools
from collections.abc import Callable
from typing import Final

import webencodings  # type: ignore[import-untyped]

from tryconnect._decoding.iso2022jp import Iso2022JpDecoder
from tryconnect._decoding.multibyte import SPELLINGS, MultiByteDecoder, sequences

# How many bytes keep a decoder busy for a few milliseconds at worst.
_SWIFT: Final = 256 * 1024
_CAREFUL: Final = 16 * 1024


def piece_decoder(name: str) -> tuple[Callable[[bytes, bool], str], int]:
    """Return a function that decodes one body, and how many bytes to give it at a time.

    The function takes the next bytes, and whether they are the last; it returns their text.

    Args:
        name: A name that check_encoding() returned.
    """
    if name in SPELLINGS:
        return MultiByteDecoder(sequences(name)).decode, _CAREFUL
    if name in _OWN:
        return _OWN[name](), _CAREFUL
    if name.startswith("utf-") or webencodings.lookup(name) is None:
        python = codecs.getincrementaldecoder(name)("replace")
        return python.decode, _SWIFT if name == "utf-8" else _CAREFUL
    return functools.partial(_by_table, table=_table(name)), _SWIFT


def _by_table(data: bytes, final: bool, *, table: str) -> str:  # noqa: ARG001, FBT001
    return codecs.charmap_decode(data, "strict", table)[0]


# Where the standard's index ("index-koi8-u.txt", "index-windows-1255.txt") has another character
# than Python's codec.
_STANDARD_HAS: Final = {
    ("koi8-u", 0xAE): "\u045e",
    ("koi8-u", 0xBE): "\u040e",
    ("windows-1255", 0xCA): "\u05ba",
}
_C1_END: Final = 0xA0


@functools.cache
def _table(name: str) -> str:
    """Return what the 256 bytes mean in a single-byte encoding."""
    decode = webencodings.lookup(name).codec_info.decode
    characters = []
    for byte in range(0x100):
        character = _STANDARD_HAS.get((name, byte)) or decode(bytes([byte]), "replace")[0]
        if character == "\ufffd" and byte < _C1_END:
            # What the Windows code pages leave undefined here are C1 controls in the standard.
            character = chr(byte)
        characters.append(character)
    return "".join(characters)


def _replacement() -> Callable[[bytes, bool], str]:
    """Return a decoder for what browsers refuse to decode (HZ, ISO-2022-KR ...).

    Encoding Standard, "replacement": one U+FFFD for the body, because such escapes can hide
    markup from filters.
    """
    unsaid = ["\ufffd"]

    def decode(data: bytes, final: bool) -> str:  # noqa: ARG001, FBT001
        return unsaid.pop() if data and unsaid else ""

    return decode


_OWN: Final[dict[str, Callable[[], Callable[[bytes, bool], str]]]] = {
    "iso-2022-jp": lambda: Iso2022JpDecoder().decode,
    "replacement": _replacement,
}
