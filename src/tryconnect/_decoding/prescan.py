"""The first bytes of a page -> the encoding that the page declares itself.

The scan follows Chromium rather than the letter of the HTML Standard ("prescan a byte stream"):
the standard looks at 1024 bytes, Chromium reads on to the end of the head. Chromium does not wait
for ``</head>``: anything that may not stand in a head ends it, but the first 1024 bytes are
looked at in any case (html_meta_charset_parser.cc; measured to 300 KB).

Hostile pages: each construct is matched once, by a pattern that never backtracks into itself
(possessive), and one that never ends ends the scan. So the work is linear.
"""

import re
from typing import Final

from tryconnect._decoding.labels import web_name

PRESCAN_SIZE: Final = 64 * 1024
"""How much of a page is searched for a <meta>. Real ones stand in the first few kilobytes."""

_ALWAYS_SCANNED: Final = 1024
# What leaves the head open: these tags, opening or closing, and these only when opening.
_HEAD_ELEMENTS: Final = frozenset(b"base link meta noscript object script style title".split())
_HEAD_FRAMES: Final = frozenset(b"head html".split())

# Elements whose text holds no tags (HTML Standard: RCDATA, RAWTEXT, script data), and their ends.
_TEXT_ENDS: Final = {
    tag: re.compile(rb"</%b(?=[\s/>])" % tag, re.IGNORECASE)
    for tag in b"iframe noembed noframes script style textarea title xmp".split()
} | {b"plaintext": re.compile(rb"(?!)")}

# HTML Standard, 13.2.5.32 to 13.2.5.39: a quote matters only right after "=". A value whose quote
# never closes swallows the rest ("\Z"), so that its tag never ends.
_NAME = rb"[^\s/>][^\s/>=]*+"
_VALUE = rb"""(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\s>"'][^\s>]*+|(?=>))"""
_ATTRIBUTE = rb"[\s/]*+%b(?:\s*+=\s*+%b)?+" % (_NAME, _VALUE)
_ATTRIBUTES = re.compile(rb"[\s/]*+(%b)(?:\s*+=\s*+(%b))?+" % (_NAME, _VALUE))
_MARKUP = re.compile(
    rb"""
    <(?:
        !--(?:-?>|.*?--!?>)                           # a comment; <!--> and <!---> are empty ones
      | [!?](?!--)[^>]*+>                             # a doctype or a bogus comment
      | /(?![a-z])[^>]*+>                             # a bogus comment, too
      | (/?)([a-z][^\s/>]*+)((?:%b)*+)[\s/]*+>        # a tag
    )
    """
    % _ATTRIBUTE,
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
_OPENING = re.compile(rb"<(?=[!?/a-z])", re.IGNORECASE)

# HTML Standard, "extracting a character encoding from a meta element".
_CONTENT_CHARSET = re.compile(
    rb"""charset\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s;"'][^\s;]*+))""", re.IGNORECASE
)

# HTML Standard, "xml encoding": a declaration at the very start, in ASCII.
_XML_DECLARATION = re.compile(rb"<\?xml[^>]*+>")
_XML_LABEL = re.compile(rb"""encoding[\0- ]*+=[\0- ]*+(?:"([^"]*+)"|'([^']*+)')""")
# The same place: "<?x" in UTF-16, without a byte order mark.
_XML_IN_UTF16: Final = ((b"<\0?\0x\0", "utf-16le"), (b"\0<\0?\0x", "utf-16be"))


def meta_encoding(head: bytes) -> str | None:
    """Return the WHATWG name that the first valid <meta> declares, or None."""
    in_head, position = True, 0
    while opening := _OPENING.search(head, position):
        markup = _MARKUP.match(head, opening.start())
        if markup is None or not (in_head or opening.start() < _ALWAYS_SCANNED):
            return None
        position = markup.end()
        slash, tag, attributes = markup.groups()
        if tag is None:
            continue
        tag = tag.lower()
        in_head &= tag in _HEAD_ELEMENTS or (not slash and tag in _HEAD_FRAMES)
        if slash:
            continue
        if tag == b"meta" and b"charset" in attributes.lower() and (name := _from_meta(attributes)):
            return name
        if tag in _TEXT_ENDS:
            end = _TEXT_ENDS[tag].search(head, position)
            position = end.start() if end else len(head)
    return None


def xml_encoding(head: bytes) -> str | None:
    """Return the WHATWG name that an XML declaration names, or None."""
    for opening, name in _XML_IN_UTF16:
        if head.startswith(opening):
            return name
    declaration = _XML_DECLARATION.match(head)
    label = _XML_LABEL.search(declaration[0]) if declaration else None
    return _ascii_compatible(b"".join(label.groups(b""))) if label else None


def _from_meta(source: bytes) -> str | None:
    """Return the encoding that the attributes of one <meta> declare.

    HTML Standard, "prescan", steps for meta: ``charset`` outdoes ``content``, which counts only
    beside ``http-equiv``. (Of two ``charset`` Chromium takes the last, the standard the first.)
    """
    label: bytes | None = None
    pragma, needs_pragma = False, False
    for name, written in _ATTRIBUTES.findall(source):
        value = written[1:-1] if written[:1] in {b'"', b"'"} else written
        match name.lower():
            case b"http-equiv":
                pragma |= value.lower() == b"content-type"
            case b"charset":
                label, needs_pragma = value, False
            case b"content" if label is None and (found := _CONTENT_CHARSET.search(value)):
                label, needs_pragma = b"".join(found.groups(b"")), True
    return _ascii_compatible(label or b"") if pragma or not needs_pragma else None


def _ascii_compatible(label: bytes) -> str | None:
    """Return the encoding of a label that was read as ASCII, so that UTF-16 cannot be true.

    HTML Standard, "prescan" and "xml encoding": UTF-16 then means UTF-8; x-user-defined, which
    nobody means, windows-1252.
    """
    name = web_name(label.decode("latin-1"))
    return {"utf-16le": "utf-8", "utf-16be": "utf-8", "x-user-defined": "windows-1252"}.get(
        name or "", name
    )
