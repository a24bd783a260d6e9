"""The Content-Type header -> what kind of text it announces, and the charset it names.

MIME Sniffing Standard, "parse a MIME type", and Fetch Standard, "extract a MIME type": several
values, joined by commas, are all read and the last one that can be read wins.
"""

import enum
import functools
import re
from typing import Final, NamedTuple

from tryconnect._decoding.labels import web_name
from tryconnect._model.abnf import TOKEN


class ContentKind(enum.Enum):
    """Where a text of this type may declare its own encoding."""

    html = enum.auto()
    xml = enum.auto()
    json = enum.auto()
    plain = enum.auto()


class ContentType(NamedTuple):
    """What a header says; the default is what no header says."""

    kind: ContentKind = ContentKind.html
    charset: str | None = None
    """A WHATWG name. A label that browsers do not know counts as none."""


# An untyped body is scanned like HTML: browsers would sniff its type, and a <meta> in a text
# that is not HTML is not to be expected. Two types say no more (MIME Sniffing, 7).
_KINDS: Final = (
    (re.compile(r"text/html|(?:application|unknown)/unknown"), ContentKind.html),
    (re.compile(r"(?:text|application)/xml|.*\+xml"), ContentKind.xml),
    (re.compile(r"(?:text|application)/json|.*\+json"), ContentKind.json),
    (re.compile(r".*"), ContentKind.plain),
)

_SPACE = " \t\n\r"
_QUOTED = r'"(?:[^"\\]|\\.)*+"?'
_VALUE = re.compile(rf'(?:{_QUOTED}|[^",])++|"', re.DOTALL)
_ESSENCE = re.compile(rf"{TOKEN}/{TOKEN}")
# A name with a space in it ("charset = gbk") is not a token, hence not the charset.
_PARAMETER = re.compile(rf';[{_SPACE}]*+([^;=]*+)(?:=({_QUOTED}|[^;"][^;]*+)?)?[^;]*+', re.DOTALL)


@functools.lru_cache(maxsize=128)
def content_type(header: str | None) -> ContentType:
    """Read a Content-Type header; what cannot be read counts as absent."""
    essence, label = "", None
    for value in _VALUE.findall(header or ""):
        read = _parse(value.strip(_SPACE))
        if read is None:
            continue
        # A second value of the same type inherits the charset of the first.
        label = read[1] or (label if read[0] == essence else None)
        essence = read[0]
    if not essence:
        return ContentType()
    kind = next(kind for pattern, kind in _KINDS if pattern.fullmatch(essence))
    return ContentType(kind, web_name(label) if label else None)


def _parse(text: str) -> tuple[str, str | None] | None:
    """Return type and first charset parameter of one value; None if it has no type."""
    essence, semicolon, parameters = text.partition(";")
    essence = essence.rstrip(_SPACE).lower()
    if not _ESSENCE.fullmatch(essence) or essence == "*/*":
        return None
    for name, value in _PARAMETER.findall(semicolon + parameters):
        if name.lower() == "charset" and (label := value.rstrip(_SPACE)):
            return essence, _unquoted(label)
    return essence, None


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", r"\1", value[1:].removesuffix('"'), flags=re.DOTALL)
