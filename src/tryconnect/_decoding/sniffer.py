"""The first bytes of a body and its declared type -> the encoding to take, and why.

The order is a browser's (HTML Standard, "encoding sniffing algorithm"), with two additions for
bodies that declare nothing, where browsers guess late or not at all: valid UTF-8 is UTF-8, and
ISO-2022-JP is known by its escapes.

Everything here looks at a bounded part of the body, so that decoding can begin before the body
has ended:

* its first bytes, for a mark or a declaration (64 KiB for HTML);
* if there is none, 16 KiB from the first byte that is not plain ASCII. All candidates agree on
  what stands before. Measured on 6339 texts: 16 KiB decide as well as 64, and a window that
  starts at byte 0 decides worse.
"""

import codecs
import re
from typing import Final, NamedTuple

from tryconnect._decoding.content_type import ContentKind, ContentType, content_type
from tryconnect._decoding.detector import detect
from tryconnect._decoding.labels import check_encoding, web_name
from tryconnect._decoding.prescan import PRESCAN_SIZE, meta_encoding, xml_encoding
from tryconnect._model.text import EncodingSource

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16le"),
    (codecs.BOM_UTF16_BE, "utf-16be"),
)
_MARK_SIZE: Final = 3
_WINDOW_SIZE: Final = 16 * 1024

# The first byte that tells encodings apart: beyond ASCII, or the escape into JIS X 0208. Written so
# that it starts with one set of bytes, which the regex engine skims for.
_TELLING = re.compile(rb"[\x1b\x80-\xff](?:(?<!\x1b)|\$[@B])")
_TELLING_OVERLAP: Final = 2
_ASCII: Final = bytes(range(0x80))

# How many of the characters beyond ASCII may be broken in a text that still counts as UTF-8. Texts
# in other encodings, read as UTF-8, were measured at 47 % and more; snippets of some characters
# come down to a third.
_FORGIVEN: Final = 0.2
# How many of them must be there for another one, cut off at the end, to count as UTF-8.
_ENOUGH: Final = 2


class Choice(NamedTuple):
    """The encoding to decode with, and its source."""

    encoding: str
    source: EncodingSource
    mark: int = 0
    """How many bytes at the start are a byte order mark, which is not text."""


class Sniffer:
    """Chooses the encoding of one body from its bytes, as they come.

    Args:
        header: The Content-Type header; None if there was none.
        encoding: The caller's own choice: a label that check_encoding() accepts.
    """

    def __init__(self, header: str | None, encoding: str | None) -> None:
        self._type = content_type(header)
        self._named = _named(self._type, encoding)
        # A mark outdoes a web label, even the caller's (the same algorithm, steps 1 and 2), but no
        # codec that browsers lack: to UTF-32-LE, "FF FE 00 00" is something else.
        self._is_literal = self._named is not None and web_name(self._named.encoding) is None
        scans = not self._named and self._type.kind in {ContentKind.html, ContentKind.xml}
        self._head: list[bytes] = []
        self._head_lacks = PRESCAN_SIZE if scans else _MARK_SIZE
        self._window = bytearray()
        self._skimmed = b""

    def look(self, chunk: bytes) -> Choice | None:
        """Take the next bytes of the body; return the choice as soon as there is one.

        What is chosen does not depend on how the body is cut into chunks.
        """
        if self._head_lacks <= 0:
            return self._skim(chunk)
        self._head.append(chunk)
        self._head_lacks -= len(chunk)
        return self._read_head() if self._head_lacks <= 0 else None

    def conclude(self) -> Choice:
        """Return the choice, now that the body has ended without one."""
        choice = self._read_head() if self._head_lacks > 0 else None
        return choice or self._undeclared(whole=True)

    def _read_head(self) -> Choice | None:
        seen = b"".join(self._head)
        self._head.clear()
        return (
            (None if self._is_literal else _marked(seen))
            or self._named
            or _declared(seen[:PRESCAN_SIZE], self._type.kind)
            or self._skim(seen)
        )

    def _skim(self, chunk: bytes) -> Choice | None:
        """Gather the window; return the choice once it is full."""
        start = 0
        if not self._window:
            chunk = self._skimmed + chunk
            telling = _TELLING.search(chunk)
            if telling is None:
                self._skimmed = chunk[-_TELLING_OVERLAP:]
                return None
            start = telling.start()
        self._window += chunk[start : start + _WINDOW_SIZE - len(self._window)]
        if len(self._window) < _WINDOW_SIZE:
            return None
        return self._undeclared(whole=False)

    def _undeclared(self, *, whole: bool) -> Choice:
        choice = _undeclared(bytes(self._window), whole=whole)
        if choice.source is EncodingSource.utf8 and self._type.kind is ContentKind.xml:
            return Choice("utf-8", EncodingSource.xml)  # it prescribes no other (XML 1.0, 4.3.3)
        return choice


def _named(declared: ContentType, encoding: str | None) -> Choice | None:
    """Return the choice that was made before the body."""
    if encoding is not None:
        return Choice(check_encoding(encoding), EncodingSource.override)
    if declared.charset is not None:
        return Choice(declared.charset, EncodingSource.header)
    return None


def _marked(head: bytes) -> Choice | None:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Choice(name, EncodingSource.bom, mark=len(mark))
    return None


def _declared(head: bytes, kind: ContentKind) -> Choice | None:
    """Return what the body declares in the way of its type, or what JSON prescribes."""
    if kind is ContentKind.json:
        return Choice("utf-8", EncodingSource.json)  # RFC 8259, 8.1
    if kind is ContentKind.html and (name := meta_encoding(head)):
        return Choice(name, EncodingSource.meta)
    if kind in {ContentKind.html, ContentKind.xml} and (name := xml_encoding(head)):
        return Choice(name, EncodingSource.xml)
    return None


def _undeclared(window: bytes, *, whole: bool) -> Choice:
    """Return what the bytes look like, from the first telling one on."""
    if window.isascii():
        # Nothing telling, or escapes and nothing beyond ASCII. (Detectors agree; browsers give up.)
        return (
            Choice("iso-2022-jp", EncodingSource.detected)
            if window
            else Choice("utf-8", EncodingSource.utf8)
        )
    if _is_utf8(window, whole=whole):
        return Choice("utf-8", EncodingSource.utf8)
    name = detect(window, whole=whole)
    if name is None:
        return Choice("windows-1252", EncodingSource.fallback)
    return Choice(name, EncodingSource.detected)


def _is_utf8(window: bytes, *, whole: bool) -> bool:
    """Return whether nearly all that is not ASCII is well-formed UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(window)
    is_cut = bool(decoder.getstate()[0])
    in_ascii = len(window) - len(window.translate(None, _ASCII))
    beyond = len(text) - in_ascii
    if whole and is_cut and beyond < _ENOUGH:
        return False
    broken = text.count("\ufffd") - window.count("\ufffd".encode())
    return broken <= _FORGIVEN * beyond
