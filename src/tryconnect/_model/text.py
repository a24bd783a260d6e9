"""What decoding answers: the text, the encoding that was taken, and why."""

import enum
from dataclasses import dataclass


class EncodingSource(enum.StrEnum):
    """Who named the encoding, strongest first.

    Example:
        >>> page = await tryconnect.fetch("https://example.com", encoding="gbk")
        >>> page.encoding_source is tryconnect.EncodingSource.override
        True
    """

    bom = "bom"
    """A byte order mark opened the body."""
    override = "override"
    """The caller named the encoding."""
    header = "header"
    """The ``charset`` of the ``Content-Type`` header."""
    meta = "meta"
    """A ``<meta>`` element of an HTML head."""
    xml = "xml"
    """An XML declaration, or the UTF-8 that XML prescribes where there is none."""
    json = "json"
    """The UTF-8 that JSON prescribes."""
    utf8 = "utf8"
    """Nobody named one, and the bytes are UTF-8 (some broken characters are forgiven)."""
    detected = "detected"
    """Nobody named one, and the bytes look like this encoding."""
    fallback = "fallback"
    """Nobody named one, and the bytes look like nothing: windows-1252, as browsers do."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded body."""

    text: str
    """The text, without a byte order mark; what was malformed is U+FFFD."""
    encoding: str
    """The WHATWG name in lower case (``"shift_jis"``), or the Python codec that was asked for."""
    source: EncodingSource
    """Why that encoding was taken."""
