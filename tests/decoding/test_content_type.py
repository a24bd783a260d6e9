"""The Content-Type header: the kind of text, and its charset."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._decoding.content_type import ContentKind, ContentType, content_type

HEADERS = {
    None: ContentType(ContentKind.html),
    "": ContentType(ContentKind.html),
    "text/html": ContentType(ContentKind.html),
    "TEXT/HTML; CHARSET=GBK": ContentType(ContentKind.html, "gbk"),
    "application/unknown": ContentType(ContentKind.html),
    "unknown/unknown": ContentType(ContentKind.html),
    "text/xml": ContentType(ContentKind.xml),
    "image/svg+xml": ContentType(ContentKind.xml),
    "application/json": ContentType(ContentKind.json),
    "application/problem+json": ContentType(ContentKind.json),
    "text/plain": ContentType(ContentKind.plain),
    "image/png; charset=utf-8": ContentType(ContentKind.plain, "utf-8"),
    # What cannot be read counts as absent.
    "nonsense": ContentType(ContentKind.html),
    "*/*; charset=gbk": ContentType(ContentKind.html),
    "text/; charset=gbk": ContentType(ContentKind.html),
    # A label browsers do not know, an empty one, a name with a space.
    "text/plain; charset=no-such": ContentType(ContentKind.plain),
    "text/plain; charset=": ContentType(ContentKind.plain),
    "text/plain; charset = gbk": ContentType(ContentKind.plain),
    # Quotes, escapes, a quote that never closes, text after one.
    'text/plain; charset="gbk"': ContentType(ContentKind.plain, "gbk"),
    r'text/plain; charset="g\bk"': ContentType(ContentKind.plain, "gbk"),
    'text/plain; charset="gbk': ContentType(ContentKind.plain, "gbk"),
    'text/plain; charset="gbk" big5': ContentType(ContentKind.plain, "gbk"),
    'text/plain; a=";charset=big5"; charset=gbk': ContentType(ContentKind.plain, "gbk"),
    # The first of one value counts, and the last value that can be read.
    "text/plain; charset=gbk; charset=big5": ContentType(ContentKind.plain, "gbk"),
    "text/html; charset=gbk, text/plain": ContentType(ContentKind.plain),
    "text/plain; charset=gbk, text/plain": ContentType(ContentKind.plain, "gbk"),
    "text/plain; charset=gbk, nonsense": ContentType(ContentKind.plain, "gbk"),
    'text/plain; a=", text/html"; charset=gbk': ContentType(ContentKind.plain, "gbk"),
}


@pytest.mark.parametrize(("header", "read"), HEADERS.items())
def test_a_header_is_read_as_browsers_do(header: str | None, read: ContentType) -> None:
    assert content_type(header) == read


@given(st.text(max_size=60))
def test_no_header_is_too_strange(header: str) -> None:
    assert content_type(header).kind in ContentKind
