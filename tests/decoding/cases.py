"""The table: bytes and headers -> the text that a browser shows, and where that is written.

The expected text stands here as text; the bytes are made by Python's codecs where those agree
with the Encoding Standard, and are typed from the standard's indexes where they do not.

``why`` names the source: a section of the Encoding Standard ("enc:"), of the HTML Standard
("html:"), of the MIME Sniffing Standard ("mime:"), an RFC, a rule that the html5lib-tests
"encoding" fixtures check ("html5lib:"), what Chromium 156 did with these bytes ("chromium:"), or
a promise of our own where browsers guess ("ours:").
"""
# ruff: noqa: PLR0917 - these are letters; a row is read by position

import codecs
from typing import Final, NamedTuple

from tests.decoding import sentences as said
from tryconnect._model.text import EncodingSource

BOM, OVERRIDE, HEADER, META, XML, JSON, UTF8, DETECTED, FALLBACK = EncodingSource


class Case(NamedTuple):
    """One row."""

    name: str
    body: bytes
    header: str | None
    text: str
    encoding: str
    source: EncodingSource
    why: str


HTML: Final = "text/html"
NBSP: Final = "\xa0"


def _by_header(name: str, text: str, codec: str, label: str, encoding: str, why: str) -> Case:
    """Return a page whose header alone names the encoding."""
    page = f"<!DOCTYPE html><title>{text}</title>"
    header = f"text/html; charset={label}"
    return Case(f"header: {name}", page.encode(codec), header, page, encoding, HEADER, why)


def _by_meta(name: str, head: str, text: str, codec: str, encoding: str, why: str) -> Case:
    """Return a page whose markup alone names the encoding."""
    page = head + text
    return Case(f"meta: {name}", page.encode(codec), HTML, page, encoding, META, why)


def _no_meta(name: str, head: str, why: str) -> Case:
    """Return a page whose markup looks as if it named an encoding, but is UTF-8."""
    page = head + said.GERMAN
    return Case(f"meta: {name}", page.encode(), HTML, page, "utf-8", UTF8, why)


def _undeclared(name: str, text: str, codec: str, encoding: str, *, header: str | None) -> Case:
    """Return a text of which nobody names the encoding."""
    why = "ours: detected, as Firefox does"
    return Case(f"undeclared: {name}", text.encode(codec), header, text, encoding, DETECTED, why)


def _header(name: str, header: str, encoding: str, why: str) -> Case:
    """Return a Korean or Chinese body under a header that is the point of the case."""
    text = said.KOREAN if encoding == "euc-kr" else said.CHINESE
    codec = "cp949" if encoding == "euc-kr" else "gb18030"
    return Case(f"header: {name}", text.encode(codec), header, text, encoding, HEADER, why)


def _ignored(name: str, header: str | None, why: str) -> Case:
    """Return a UTF-8 body under a header from which no charset can be read."""
    return Case(f"header: {name}", said.FRENCH.encode(), header, said.FRENCH, "utf-8", UTF8, why)


def _bytes(name: str, label: str, body: bytes, text: str, why: str) -> Case:
    """Return bytes under a header that names their encoding by its WHATWG name."""
    header = f"text/plain; charset={label}"
    return Case(f"{label}: {name}", body, header, text, label, HEADER, why)


LABELLED: Final = [
    # Every encoding of the standard with a text in it, under one of its labels.
    _by_header("utf-8", said.CHINESE, "utf-8", "utf-8", "utf-8", "enc: 4.2 names and labels"),
    _by_header("utf8", said.THAI, "utf-8", "UTF8", "utf-8", "enc: 4.2"),
    _by_header("unicode-1-1-utf-8", said.HEBREW, "utf-8", "unicode-1-1-utf-8", "utf-8", "enc: 4.2"),
    _by_header("ibm866", said.RUSSIAN, "cp866", "cp866", "ibm866", "enc: 9 single-byte"),
    _by_header("iso-8859-2", said.POLISH, "iso8859-2", "latin2", "iso-8859-2", "enc: 9"),
    _by_header("iso-8859-2 cs", said.CZECH, "iso8859-2", "ISO_8859-2", "iso-8859-2", "enc: 9"),
    _by_header("iso-8859-3", said.MALTESE, "iso8859-3", "iso-8859-3", "iso-8859-3", "enc: 9"),
    _by_header("iso-8859-4", said.LATVIAN, "iso8859-4", "l4", "iso-8859-4", "enc: 9"),
    _by_header("iso-8859-5", said.RUSSIAN, "iso8859-5", "cyrillic", "iso-8859-5", "enc: 9"),
    _by_header("iso-8859-6", said.ARABIC, "iso8859-6", "asmo-708", "iso-8859-6", "enc: 9"),
    _by_header("iso-8859-7", said.GREEK, "iso8859-7", "greek8", "iso-8859-7", "enc: 9"),
    _by_header("iso-8859-8", said.HEBREW, "iso8859-8", "visual", "iso-8859-8", "enc: 9"),
    _by_header("iso-8859-8-i", said.HEBREW, "iso8859-8", "logical", "iso-8859-8-i", "enc: 9"),
    _by_header("iso-8859-10", said.ICELANDIC, "iso8859-10", "latin6", "iso-8859-10", "enc: 9"),
    _by_header(
        "iso-8859-13", said.LITHUANIAN, "iso8859-13", "iso-8859-13", "iso-8859-13", "enc: 9"
    ),
    _by_header("iso-8859-14", said.WELSH, "iso8859-14", "iso885914", "iso-8859-14", "enc: 9"),
    _by_header("iso-8859-15", said.ESTONIAN, "iso8859-15", "latin-9", "utf-8", "")._replace(
        name="header: latin-9 is no label",
        body=said.ESTONIAN.encode(),
        text=said.ESTONIAN,
        source=UTF8,
        why="enc: 4.2 has latin9 by its other names only",
    ),
    _by_header("iso-8859-15", said.ESTONIAN, "iso8859-15", "l9", "iso-8859-15", "enc: 9"),
    _by_header("iso-8859-16", said.ROMANIAN, "iso8859-16", "iso-8859-16", "iso-8859-16", "enc: 9"),
    _by_header("koi8-r", said.RUSSIAN, "koi8-r", "koi", "koi8-r", "enc: 9"),
    _by_header("koi8-u", said.UKRAINIAN, "koi8-u", "koi8-ru", "koi8-u", "enc: 9"),
    _by_header("macintosh", said.FRENCH, "mac_roman", "x-mac-roman", "macintosh", "enc: 9"),
    _by_header(
        "x-mac-cyrillic",
        said.RUSSIAN,
        "mac_cyrillic",
        "x-mac-ukrainian",
        "x-mac-cyrillic",
        "enc: 9",
    ),
    _by_header("windows-874", said.THAI, "cp874", "tis-620", "windows-874", "enc: 9"),
    _by_header("windows-1250", said.CZECH, "cp1250", "x-cp1250", "windows-1250", "enc: 9"),
    _by_header("windows-1250 hu", said.HUNGARIAN, "cp1250", "cp1250", "windows-1250", "enc: 9"),
    _by_header("windows-1251", said.UKRAINIAN, "cp1251", "cp1251", "windows-1251", "enc: 9"),
    _by_header("windows-1251 bg", said.BULGARIAN, "cp1251", "x-cp1251", "windows-1251", "enc: 9"),
    _by_header("windows-1252", said.FRENCH, "cp1252", "x-cp1252", "windows-1252", "enc: 9"),
    _by_header("iso-8859-1", said.FRENCH, "cp1252", "iso-8859-1", "windows-1252", "enc: 4.2"),
    _by_header("us-ascii", said.SPANISH, "cp1252", "us-ascii", "windows-1252", "enc: 4.2"),
    _by_header("windows-1253", said.GREEK, "cp1253", "cp1253", "windows-1253", "enc: 9"),
    _by_header("iso-8859-9", said.TURKISH, "cp1254", "iso-8859-9", "windows-1254", "enc: 4.2"),
    _by_header("windows-1255", said.HEBREW, "cp1255", "windows-1255", "windows-1255", "enc: 9"),
    _by_header("windows-1256", said.ARABIC, "cp1256", "cp1256", "windows-1256", "enc: 9"),
    _by_header("windows-1256 fa", said.PERSIAN, "cp1256", "x-cp1256", "windows-1256", "enc: 9"),
    _by_header("windows-1257", said.LITHUANIAN, "cp1257", "cp1257", "windows-1257", "enc: 9"),
    _by_header("windows-1258", said.VIETNAMESE, "cp1258", "cp1258", "windows-1258", "enc: 9"),
    # 镕 is not in GB 2312, and every browser shows it.
    _by_header("gb2312", said.CHINESE, "gb18030", "gb2312", "gbk", "enc: 10.1 gbk"),
    _by_header("gbk", said.CHINESE, "gbk", "x-gbk", "gbk", "enc: 10.1"),
    _by_header(
        "gb18030", said.CHINESE + "😀ḿ", "gb18030", "gb18030", "gb18030", "enc: 10.2"
    )._replace(
        body=f"<!DOCTYPE html><title>{said.CHINESE}😀".encode("gb18030") + b"\xa8\xbc</title>",
        why="enc: 10.2, index-gb18030 (A8BC moved out of private use in 2022)",
    ),
    _by_header("big5", said.TAIWANESE, "big5", "cn-big5", "big5", "enc: 11.1"),
    _by_header("big5-hkscs", said.CANTONESE, "big5hkscs", "big5-hkscs", "big5", "enc: 11.1"),
    _by_header("euc-jp", said.JAPANESE, "euc_jp", "x-euc-jp", "euc-jp", "enc: 12.1"),
    _by_header(
        "iso-2022-jp", said.JAPANESE, "iso2022_jp", "csISO2022JP", "iso-2022-jp", "enc: 12.2"
    ),
    _by_header("shift_jis", said.JAPANESE, "cp932", "x-sjis", "shift_jis", "enc: 12.3"),
    _by_header("windows-31j", said.JAPANESE, "cp932", "windows-31j", "shift_jis", "enc: 12.3"),
    _by_header("euc-kr", said.KOREAN, "cp949", "ks_c_5601-1987", "euc-kr", "enc: 13.1"),
    _by_header("windows-949", said.KOREAN, "cp949", "windows-949", "euc-kr", "enc: 13.1"),
    _by_header("utf-16be", said.KOREAN, "utf-16-be", "utf-16be", "utf-16be", "enc: 14.3"),
    _by_header("utf-16le", said.ARABIC, "utf-16-le", "utf-16le", "utf-16le", "enc: 14.4"),
    _by_header("utf-16", said.CHINESE, "utf-16-le", "utf-16", "utf-16le", "enc: 4.2"),
]

HEADERS: Final = [
    _header("quoted", 'text/html; charset="gb2312"', "gbk", "mime: 4.4"),
    _header("quoted, unclosed", 'text/html; charset="euc-kr', "euc-kr", "mime: 4.4; chromium"),
    _header("quoted, escaped", r'text/html; charset="euc\-kr"', "euc-kr", "mime: 4.4; chromium"),
    _header("quoted, more after it", 'text/html; charset="euc-kr"x', "euc-kr", "mime: 4.4"),
    _header("upper case", "TEXT/HTML; CHARSET=EUC-KR", "euc-kr", "mime: 4.4; chromium"),
    _header("no space", "text/html;charset=gbk", "gbk", "mime: 4.4"),
    _header("space in the value", "text/html; charset= gbk ", "gbk", "enc: 4.2; chromium"),
    _header("two charsets", "text/html; charset=euc-kr; charset=big5", "euc-kr", "chromium"),
    _header("empty, then one", "text/html; charset=; charset=euc-kr", "euc-kr", "chromium"),
    _header("a space, then one", "text/html; charset= ; charset=euc-kr", "euc-kr", "mime: 4.4"),
    _header("other parameters", 'text/html; a="x;charset=big5"; charset=gbk', "gbk", "mime: 4.4"),
    _header("two values", "text/html; charset=big5, text/html; charset=gbk", "gbk", "fetch: 3.6"),
    _header("second value without", "text/html; charset=gbk, text/html", "gbk", "fetch: 3.6"),
    _header("second value is garbage", "text/html; charset=gbk, ?", "gbk", "fetch: 3.6"),
    _header("first value is garbage", "?, text/html; charset=gbk", "gbk", "fetch: 3.6"),
    _header("another type", "X/Y; charset=gbk", "gbk", "mime: 4.4"),
    _header("space before the semicolon", "text/html ;charset=gbk", "gbk", "mime: 4.4"),
    _header("escaped line", 'a/b; c="\\\n,x/y"; charset="\\\ngbk"', "gbk", "mime: 4.4; enc: 4.2"),
    _header("comma in quotes", 'text/html; a=",x/y;"; charset=gbk', "gbk", "fetch: 3.6"),
    _header("plain text", "text/plain; charset=gb2312", "gbk", "mime: 4.4"),
    _header("json", "application/json; charset=gbk", "gbk", "chromium shows JSON as text"),
    _header("xml", "application/xml; charset=euc-kr", "euc-kr", "RFC 7303, 3"),
    _ignored("spaces around =", "text/html; charset = gbk", "mime: 4.4; chromium"),
    _ignored("single quotes", "text/html; charset='gbk'", "enc: 4.2; chromium"),
    _ignored("other type later", "text/html; charset=gbk, text/plain", "fetch: 3.6; chromium"),
    _ignored("odd space before the type", "\vtext/html; charset=gbk", "mime: 4.4, HTTP whitespace"),
    _ignored("odd space after the type", "text/html\v; charset=gbk", "mime: 4.4, HTTP whitespace"),
    _ignored("odd space after the label", "text/html; charset=gbk\v", "mime: 4.4; enc: 4.2"),
    _ignored("no type", "charset=gbk", "mime: 4.4; chromium"),
    _ignored("no value", "text/html; charset", "mime: 4.4"),
    _ignored("nothing", "", "mime: 4.4"),
    _ignored("absent", None, "mime: 4.4"),
    _ignored("not ASCII", "text/html; charset=gbk\udcff", "enc: 4.2"),
    _ignored("any type", "*/*; charset=gbk", "fetch: 3.6"),
    *(
        _ignored(
            f"label {label}", f"text/html; charset={label}", "enc: 4.2 does not have it; chromium"
        )
        for label in ("cp949", "cp932", "cp936", "ms949", "utf_8", "euc_kr", "latin-1", "x-unknown")
    ),
]

MARKS: Final = [
    Case(
        "bom: utf-8", codecs.BOM_UTF8 + b"a\xe2\x82\xac", None, "a€", "utf-8", BOM, "enc: 6 decode"
    ),
    Case("bom: utf-16le", "\ufeff한".encode("utf-16-le"), None, "한", "utf-16le", BOM, "enc: 6"),
    Case("bom: utf-16be", "\ufeff한".encode("utf-16-be"), None, "한", "utf-16be", BOM, "enc: 6"),
    Case(
        "bom: against the header",
        codecs.BOM_UTF8 + said.CHINESE.encode(),
        "text/html; charset=gbk",
        said.CHINESE,
        "utf-8",
        BOM,
        "html: 13.2.3.2, step 1",
    ),
    Case(
        "bom: against meta",
        codecs.BOM_UTF8 + f"<meta charset=gbk>{said.CHINESE}".encode(),
        HTML,
        f"<meta charset=gbk>{said.CHINESE}",
        "utf-8",
        BOM,
        "html: 13.2.3.2, step 1",
    ),
    Case("bom: in JSON", codecs.BOM_UTF8 + b"{}", "application/json", "{}", "utf-8", BOM, "enc: 6"),
    Case("bom: alone", codecs.BOM_UTF8, HTML, "", "utf-8", BOM, "enc: 6"),
    Case("bom: two", codecs.BOM_UTF8 * 2, HTML, "\ufeff", "utf-8", BOM, "enc: 6 takes one"),
    Case(
        "bom: in the middle",
        b"a" + codecs.BOM_UTF8,
        HTML,
        "a\ufeff",
        "utf-8",
        UTF8,
        "enc: 6: not a mark",
    ),
    Case(
        "bom: utf-16, cut",
        codecs.BOM_UTF16_LE + b"a\0b",
        HTML,
        "a\ufffd",
        "utf-16le",
        BOM,
        "enc: 14.2 shared UTF-16 decoder, end of queue",
    ),
]

_HTTP_EQUIV: Final = '<meta http-equiv="Content-Type" content="text/html; charset=gb2312">'

METAS: Final = [
    _by_meta("charset", "<meta charset=gbk>", said.CHINESE, "gbk", "gbk", "html: 13.2.3.2 prescan"),
    _by_meta("quoted", '<meta charset="big5">', said.TAIWANESE, "big5", "big5", "html: prescan"),
    _by_meta(
        "single", "<meta charset='euc-jp'/>", said.JAPANESE, "euc_jp", "euc-jp", "html: prescan"
    ),
    _by_meta(
        "spaces", "<META  CharSet = KOI8-R >", said.RUSSIAN, "koi8-r", "koi8-r", "html: prescan"
    ),
    _by_meta("slash", "<meta/charset=euc-kr>", said.KOREAN, "cp949", "euc-kr", "html5lib: tests1"),
    _by_meta("http-equiv", _HTTP_EQUIV, said.CHINESE, "gbk", "gbk", "html: 2.5.3 extract"),
    _by_meta(
        "http-equiv after content",
        "<meta content='text/html;charset=windows-1255;x' http-equiv=content-type>",
        said.HEBREW,
        "cp1255",
        "windows-1255",
        "html5lib: tests1",
    ),
    _by_meta(
        "content, charset in quotes",
        "<meta http-equiv=content-type content=\"text/html; charset = 'shift_jis'\">",
        said.JAPANESE,
        "cp932",
        "shift_jis",
        "html: 2.5.3",
    ),
    _by_meta(
        "content, charset said twice",
        '<meta http-equiv=content-type content="charset charset=euc-kr">',
        said.KOREAN,
        "cp949",
        "euc-kr",
        "html: 2.5.3, loop; chromium",
    ),
    _by_meta(
        "charset outdoes content",
        '<meta http-equiv=content-type content="text/html; charset=big5" charset=gbk>',
        said.CHINESE,
        "gbk",
        "gbk",
        "html: prescan; chromium",
    ),
    _by_meta(
        "last of two attributes",
        "<meta charset=big5 charset=gbk>",
        said.CHINESE,
        "gbk",
        "gbk",
        "chromium (the standard drops the second)",
    ),
    _by_meta(
        "first valid wins",
        "<meta charset=x-unknown><meta charset=gbk><meta charset=big5>",
        said.CHINESE,
        "gbk",
        "gbk",
        "html: prescan; chromium",
    ),
    _by_meta(
        "against an XML declaration",
        '<?xml version="1.0" encoding="big5"?><meta charset=gbk>',
        said.CHINESE,
        "gbk",
        "gbk",
        "chromium",
    ),
    _by_meta(
        "behind a long head",
        "<html><head><script>" + "x" * 5000 + "</script><meta charset=gbk>",
        said.CHINESE,
        "gbk",
        "gbk",
        "chromium, beyond the standard's 1024 bytes",
    ),
    _by_meta(
        "in a body, near the start",
        "<body><p>" + "x" * 900 + "<meta charset=gbk>",
        said.CHINESE,
        "gbk",
        "gbk",
        "chromium: the first 1024 bytes count in any case",
    ),
    _by_meta(
        "within noscript",
        "<noscript><meta charset=gbk></noscript>",
        said.CHINESE,
        "gbk",
        "gbk",
        "chromium",
    ),
    _by_meta(
        "after comments",
        "<!--><!---><!-- --!><!-- a > --><!doctype html><?php ?></><meta charset=gbk>",
        said.CHINESE,
        "gbk",
        "gbk",
        "html5lib: tests1; chromium",
    ),
    _by_meta(
        "after strange attributes",
        '<a "><a =\'x\'><a b=c"d><a b= ><a b = "<meta charset=big5>"><meta charset=gbk>',
        said.CHINESE,
        "gbk",
        "gbk",
        "html5lib: tests1; chromium",
    ),
    _by_meta(
        "utf-16 means utf-8", "<meta charset=utf-16>", said.THAI, "utf-8", "utf-8", "html: prescan"
    ),
    _by_meta(
        "x-user-defined means windows-1252",
        "<meta charset=x-user-defined>",
        said.GERMAN,
        "cp1252",
        "windows-1252",
        "html: prescan; chromium",
    ),
    _by_meta("without a header", "<meta charset=gbk>", said.CHINESE, "gbk", "gbk", "ours")._replace(
        header=None
    ),
    _by_meta(
        "under an unknown label", "<meta charset=gbk>", said.CHINESE, "gbk", "gbk", "html"
    )._replace(header="text/html; charset=cp936"),
    _by_meta(
        "cut 64 KiB", "<head>" + " " * 65000 + "<meta charset=gbk>", "春天", "gbk", "gbk", "ours"
    ),
    _no_meta("in a comment", "<!-- <meta charset=gbk> -->", "html: prescan"),
    _no_meta("in a comment that never ends", "<!-- <meta charset=gbk>", "html5lib: tests1"),
    _no_meta("in a title", "<title><meta charset=gbk></title>", "chromium"),
    _no_meta("in a script", "<script>'<meta charset=gbk>'</script>", "chromium"),
    _no_meta("in a style", "<style><meta charset=gbk></style >", "chromium"),
    _no_meta("in a textarea that never ends", "<textarea><meta charset=gbk>", "chromium"),
    _no_meta("in plain text to the end", "<plaintext><meta charset=gbk>", "chromium"),
    _no_meta("in an attribute", "<a title='<meta charset=gbk>'>", "html: prescan"),
    _no_meta("in a quote that never ends", '<a title="<meta charset=gbk>', "chromium"),
    _no_meta("in a bogus comment", "</ <meta charset=gbk>", "chromium"),
    _no_meta("in a processing instruction", "<?x <meta charset=gbk>", "chromium"),
    _no_meta("closing", "</meta charset=gbk>", "html: prescan"),
    _no_meta("other element", "<metadata charset=gbk>", "html5lib: tests1"),
    _no_meta("content alone", '<meta content="text/html; charset=gbk">', "html: need pragma"),
    _no_meta(
        "http-equiv of another kind", _HTTP_EQUIV.replace("-Type", "-Style"), "html: need pragma"
    ),
    _no_meta(
        "http-equiv alone", '<meta http-equiv="Content-Type" charsets=gbk>', "html: need pragma"
    ),
    _no_meta(
        "content without charset", "<meta http-equiv=content-type content=gbk>", "html: 2.5.3"
    ),
    _no_meta(
        "content, unclosed quote",
        '<meta http-equiv=content-type content="text/html; charset=\'gbk">',
        "html: 2.5.3; chromium",
    ),
    _no_meta(
        "empty charset",
        '<meta charset="" http-equiv=content-type content="text/html; charset=gbk">',
        "html: prescan; chromium",
    ),
    _no_meta("unknown label", "<meta charset=cp949>", "enc: 4.2; chromium"),
    _no_meta("far into a body", "<body>" + "x" * 2000 + "<meta charset=gbk>", "chromium"),
    _no_meta(
        "after 64 KiB", "<head>" + " " * 66000 + "<meta charset=gbk>", "ours: the scan is bounded"
    ),
    _no_meta("in plain text", "<meta charset=gbk>", "mime: no scan")._replace(header="text/plain"),
    _no_meta("in a script file", "<meta charset=gbk>", "mime: no scan")._replace(
        header="text/javascript"
    ),
]

_XML: Final = '<?xml version="1.0" encoding="{}"?><a>{}</a>'


def _xml(name: str, label: str, text: str, codec: str, encoding: str, header: str | None) -> Case:
    page = _XML.format(label, text)
    why = "html: 'xml encoding'; XML 1.0, 4.3.3"
    return Case(f"xml: {name}", page.encode(codec), header, page, encoding, XML, why)


TYPES: Final = [
    _xml("declared", "Shift_JIS", said.JAPANESE, "cp932", "shift_jis", "application/xml"),
    _xml("feed", "iso-8859-1", said.FRENCH, "cp1252", "windows-1252", "application/rss+xml"),
    _xml("text/xml", "gb2312", said.CHINESE, "gbk", "gbk", "text/xml"),
    _xml("in HTML", "euc-kr", said.KOREAN, "cp949", "euc-kr", HTML),
    _xml("without a type", "koi8-r", said.RUSSIAN, "koi8-r", "koi8-r", None),
    _xml("utf-16 means utf-8", "utf-16", said.GREEK, "utf-8", "utf-8", "application/xml"),
    _xml("in utf-16le, no mark", "utf-16", said.GREEK, "utf-16-le", "utf-16le", "text/xml"),
    _xml("in utf-16be, no mark", "utf-16", said.GREEK, "utf-16-be", "utf-16be", HTML),
    _xml("unknown label", "x-unknown", said.POLISH, "utf-8", "utf-8", "image/svg+xml"),
    _xml("single quotes", "gbk", said.CHINESE, "gbk", "gbk", "text/xml")._replace(
        body=f"<?xml version='1.0' encoding = 'gbk' ?><a>{said.CHINESE}</a>".encode("gbk"),
        text=f"<?xml version='1.0' encoding = 'gbk' ?><a>{said.CHINESE}</a>",
    ),
    Case(
        "xml: undeclared",
        b"<a>\xe9</a>",
        "text/xml",
        "<a>é</a>",
        "windows-1252",
        DETECTED,
        "chromium: no declaration, and no UTF-8",
    ),
    Case(
        "xml: undeclared UTF-8",
        b"<a>\xc3\xa9</a>",
        "text/xml",
        "<a>é</a>",
        "utf-8",
        XML,
        "XML 1.0, 4.3.3",
    ),
    *(
        Case(
            f"xml: {name}",
            f"{before}<a>{said.RUSSIAN * 2}</a>".encode("cp1251"),
            header,
            f"{before}<a>{said.RUSSIAN * 2}</a>",
            "windows-1251",
            DETECTED,
            "chromium: no declaration counts, and no UTF-8",
        )
        for name, header, before in (
            ("a blank line first", "text/xml", '\n<?xml version="1.0" encoding="windows-1251"?>'),
            ("a space first", "image/svg+xml", ' <?xml version="1.0" encoding="windows-1251"?>'),
            ("a comment first", "application/xml", '<!----><?xml encoding="windows-1251"?>'),
            ("a label nobody knows", "application/rss+xml", '<?xml encoding="x-cyrillic"?>'),
            ("no label", "application/atom+xml", '<?xml version="1.0"?>'),
            ("a charset nobody knows", "text/xml; charset=x-unknown", '<?xml version="1.0"?>'),
            ("no declaration", "application/xhtml+xml", ""),
        )
    ),
    *(
        Case(
            f"xml: {name}",
            f"{before}<a>{said.GREEK}</a>".encode(),
            "application/rss+xml",
            f"{before}<a>{said.GREEK}</a>",
            "utf-8",
            XML,
            "XML 1.0, 4.3.3",
        )
        for name, before in (
            ("UTF-8 after a blank line", '\n<?xml version="1.0" encoding="windows-1251"?>'),
            ("UTF-8 under a label nobody knows", '<?xml version="1.0" encoding="x-greek"?>'),
        )
    ),
    *(
        Case(
            f"unknown type: {header}",
            f"<meta charset=windows-1257><p>{said.LITHUANIAN}".encode("cp1257"),
            header,
            f"<meta charset=windows-1257><p>{said.LITHUANIAN}",
            "windows-1257",
            META,
            "mime: 7; chromium",
        )
        for header in (
            *("application/unknown", "unknown/unknown", "*/*", "Application/Unknown; a=b"),
            *("unknown/unknown; charset=x-unknown", "text/plain, application/unknown"),
        )
    ),
    _header("of an unknown type", "application/unknown; charset=gbk", "gbk", "chromium"),
    Case(
        "xml: declared too late",
        b' <?xml version="1.0" encoding="gbk"?><a>\xc3\xa9</a>',
        HTML,
        ' <?xml version="1.0" encoding="gbk"?><a>é</a>',
        "utf-8",
        UTF8,
        "html: 'xml encoding'; chromium",
    ),
    Case(
        "xml: declaration never ends",
        b'<?xml version="1.0" encoding="gbk" \xc3\xa9',
        HTML,
        '<?xml version="1.0" encoding="gbk" é',
        "utf-8",
        UTF8,
        "html: 'xml encoding'",
    ),
    Case(
        "xml: XHTML has no meta",
        f"<html><meta charset='gbk'/>{said.GREEK}</html>".encode(),
        "application/xhtml+xml",
        f"<html><meta charset='gbk'/>{said.GREEK}</html>",
        "utf-8",
        XML,
        "html: 14.2 parsing XHTML; chromium",
    ),
    Case(
        "json",
        '{"a": "é"}'.encode(),
        "application/json",
        '{"a": "é"}',
        "utf-8",
        JSON,
        "RFC 8259, 8.1",
    ),
    Case("json: ld", '"é"'.encode(), "application/ld+json", '"é"', "utf-8", JSON, "RFC 8259, 8.1"),
    Case("json: latin-1", b'"\xe9"', "text/json", '"\ufffd"', "utf-8", JSON, "RFC 8259, 8.1"),
]

UNDECLARED: Final = [
    _undeclared("Chinese, GBK", said.CHINESE, "gb18030", "gb18030", header=HTML),
    _undeclared("Chinese, Big5", said.TAIWANESE, "big5", "big5", header=HTML),
    _undeclared("Cantonese, HKSCS", said.CANTONESE, "big5hkscs", "big5", header=None),
    _undeclared("Japanese, Shift_JIS", said.JAPANESE, "cp932", "shift_jis", header=HTML),
    _undeclared("Japanese, EUC-JP", said.JAPANESE, "euc_jp", "euc-jp", header="text/plain"),
    _undeclared("Japanese, ISO-2022-JP", said.JAPANESE, "iso2022_jp", "iso-2022-jp", header=HTML),
    _undeclared("Korean", said.KOREAN, "cp949", "euc-kr", header=HTML),
    _undeclared("Russian, windows", said.RUSSIAN, "cp1251", "windows-1251", header=HTML),
    _undeclared("Russian, KOI8", said.RUSSIAN, "koi8-r", "koi8-u", header=HTML),
    _undeclared("Russian, ISO", said.RUSSIAN, "iso8859-5", "iso-8859-5", header="text/plain"),
    _undeclared("Russian, DOS", said.RUSSIAN, "cp866", "ibm866", header=HTML),
    _undeclared("Ukrainian", said.UKRAINIAN, "cp1251", "windows-1251", header=HTML),
    _undeclared("Bulgarian", said.BULGARIAN, "cp1251", "windows-1251", header=HTML),
    _undeclared("Greek, windows", said.GREEK, "cp1253", "windows-1253", header=HTML),
    _undeclared("Greek, ISO", said.GREEK, "iso8859-7", "iso-8859-7", header=HTML),
    _undeclared("Hebrew", said.HEBREW, "cp1255", "windows-1255", header=HTML),
    _undeclared("Arabic", said.ARABIC, "cp1256", "windows-1256", header=HTML),
    _undeclared("Persian", said.PERSIAN, "cp1256", "windows-1256", header=HTML),
    _undeclared("Thai", said.THAI, "cp874", "windows-874", header=HTML),
    _undeclared("Turkish", said.TURKISH, "cp1254", "windows-1254", header=HTML),
    _undeclared("Polish, windows", said.POLISH, "cp1250", "windows-1250", header=HTML),
    _undeclared("Polish, ISO", said.POLISH, "iso8859-2", "iso-8859-2", header=HTML),
    _undeclared("Czech", said.CZECH, "cp1250", "windows-1250", header="application/octet-stream"),
    _undeclared("Hungarian", said.HUNGARIAN, "cp1250", "windows-1250", header=HTML),
    _undeclared("Lithuanian", said.LITHUANIAN, "cp1257", "windows-1257", header=HTML),
    _undeclared("Latvian", said.LATVIAN, "cp1257", "windows-1257", header=HTML),
    _undeclared("French", said.FRENCH, "cp1252", "windows-1252", header=HTML),
    _undeclared("German", said.GERMAN, "cp1252", "windows-1252", header="text/css"),
    _undeclared("Spanish", said.SPANISH, "cp1252", "windows-1252", header=HTML),
    _undeclared("Icelandic", said.ICELANDIC, "cp1252", "windows-1252", header=HTML),
    _undeclared("after much ASCII", "a" * 100_000 + said.CHINESE, "gbk", "gb18030", header=HTML),
    _undeclared(
        "ISO-2022-JP after another escape",
        "\x1b[1m" + said.JAPANESE,
        "iso2022_jp",
        "iso-2022-jp",
        header=HTML,
    )._replace(
        body=b"\x1b[1m" + said.JAPANESE.encode("iso2022_jp"),
        text="\ufffd[1m" + said.JAPANESE,
        why="ours: known by ESC $ B; enc: 12.2 for the other",
    ),
    _undeclared("cut inside a character", said.KOREAN, "cp949", "euc-kr", header=HTML)._replace(
        body=said.KOREAN.encode("cp949") + b"\xc7", text=said.KOREAN + "\ufffd"
    ),
    *(
        Case(
            f"undeclared: UTF-8, {name}",
            text.encode(),
            header,
            text,
            "utf-8",
            UTF8,
            "ours: valid UTF-8",
        )
        for name, text, header in (
            ("Chinese", said.CHINESE, HTML),
            ("Thai", said.THAI, "text/plain"),
            ("Japanese", said.JAPANESE, None),
            ("Arabic", said.ARABIC, HTML),
            ("Hebrew", said.HEBREW, HTML),
            ("Vietnamese", said.VIETNAMESE, "text/plain"),
            ("Polish", said.POLISH, HTML),
            ("one emoji", "ok 😀", HTML),
            ("one letter", "é", HTML),
            ("ASCII", "plain", HTML),
            ("ASCII with an escape", "\x1b[1mbold\x1b(X", HTML),
            ("nothing", "", HTML),
            ("NUL", "\0\0a\0é", HTML),
            ("a U+FFFD of its own", "\ufffd" * 9, HTML),
        )
    ),
    *(
        Case(
            f"undeclared: broken UTF-8, {name}",
            body,
            header,
            text,
            "utf-8",
            UTF8,
            "ours: nearly UTF-8",
        )
        for name, body, header, text in (
            ("a stray byte", said.CHINESE.encode() + b"\xff.", HTML, said.CHINESE + "\ufffd."),
            ("cut", said.THAI.encode()[:-1], HTML, said.THAI[:-1] + "\ufffd"),
            ("cut soon", "中文字".encode()[:-1], HTML, "中文\ufffd"),
            ("one in five", "é".encode() * 4 + b"\xff", HTML, "éééé\ufffd"),
            ("one in five, in 80", "À".encode() * 4 + b"\xff", HTML, "ÀÀÀÀ\ufffd"),
            ("late", b"\xc3\xa9" * 9000 + b"\xe9", "text/plain", "é" * 9000 + "\ufffd"),
        )
    ),
    Case(
        "undeclared: too broken for UTF-8",
        "é".encode() * 3 + said.FRENCH.encode("cp1252"),
        HTML,
        "Ã©" * 3 + said.FRENCH,
        "windows-1252",
        DETECTED,
        "ours: more than one in five",
    ),
    Case(
        "undeclared: one letter, cut",
        b"caf\xe9",
        HTML,
        "café",
        "windows-1252",
        DETECTED,
        "ours: a cut character alone is no UTF-8",
    ),
]

_LATE: Final = "index-gb18030, as of 2022"
HIGH: Final = bytes(range(0x80, 0x100))

SEQUENCES: Final = [
    # What Python's own codecs read otherwise, or not at all.
    _bytes("euro", "gbk", b"\x80 100", "€ 100", "enc: 10.2.1, byte 80"),
    _bytes(
        "euro again and again", "gbk", b"a\x80" * 20_000, "a€" * 20_000, "enc: 10.2.1; no repair"
    ),
    _bytes("ideographic space", "gbk", b"\xa3\xa0", "\u3000", _LATE),
    _bytes("vertical forms", "gb18030", b"\xa6\xd9\xa6\xf3\xfe\xa0", "\ufe10\ufe19\u9fbb", _LATE),
    _bytes(
        "four bytes", "gbk", b"\x81\x30\x81\x30\x90\x30\x81\x30", "\x80\U00010000", "enc: 10.2.1"
    ),
    _bytes("four bytes, private", "gb18030", b"\x81\x35\xf4\x37", "\ue7c7", "enc: index ranges"),
    _bytes("four bytes, none", "gb18030", b"\xfe\x39\xfe\x39<", "\ufffd<", "enc: 10.2.1"),
    _bytes("four bytes, then cut", "gbk", b"\x81\x35\xf4\x37\x81", "\ue7c7\ufffd", "enc: 10.2.1"),
    _bytes("malformed and line", "gbk", b"\xff\n", "\ufffd\n", "enc: 10.2.1"),
    _bytes("lead and tag", "gbk", b"\x81<p>\xff<p>", "\ufffd<p>\ufffd<p>", "enc: 10.2.1; chromium"),
    _bytes("two of four and tag", "gb18030", b"\x81\x30<p>", "\ufffd0<p>", "enc: 10.2.1; chromium"),
    _bytes("three of four and tag", "gbk", b"\x81\x30\x81<p>", "\ufffd0\ufffd<p>", "chromium"),
    _bytes("ends in two of four", "gbk", b"a\x81\x30", "a\ufffd", "enc: 10.2.1; chromium"),
    _bytes("ends in three of four", "gbk", b"\x81\x30\x81", "\ufffd", "enc: 10.2.1; chromium"),
    _bytes("HKSCS-2008", "big5", b"\x87\x7a\x9c\xd0", "㡵婧", "enc: index-big5"),
    _bytes("control pictures", "big5", b"\xa3\xc0\xa3\xe1", "␀€", "enc: index-big5"),
    _bytes("punctuation", "big5", b"\xa1\x45\xa1\xe3\xa1\xf2\xa2\x44", "‧～⊕￥", "enc: index-big5"),
    _bytes("slashes", "big5", b"\xa1\xfe\xa2\x41\xa2\x40\xa2\x42", "／∕＼﹨", "enc: index-big5"),
    _bytes("division slash alone", "big5", b"\xa2\x41", "∕", "enc: index-big5"),
    _bytes("small backslash alone", "big5", b"\xa2\x42", "﹨", "enc: index-big5"),
    _bytes("over a gap of trails", "big5", b"\x87\x7e\x87\xa1", "㻬𥣞", "enc: index-big5"),
    _bytes("malformed, then dot", "big5", b"\xff\xa1\x45", "\ufffd‧", "enc: 11.1.1"),
    _bytes("lead and X", "big5", b"\x81X", "\ufffdX", "enc: 11.1.1"),
    _bytes("two code points", "big5", b"\x88\x62\x88\xa5", "Ê̄ê̌", "enc: 11.1.1, pointers 1133 ff."),
    _bytes("backslash as trail", "big5", "許功蓋".encode("big5"), "許功蓋", "enc: 11.1.1"),
    _bytes("lead and tag", "big5", b"\xa4<p>\x81A", "\ufffd<p>\ufffdA", "enc: 11.1.1; chromium"),
    _bytes("NEC row", "euc-jp", b"\xad\xa1\xad\xea\xad\xe2", "①㈱№", "enc: index-jis0208"),
    _bytes("IBM rows", "euc-jp", b"\xfc\xe2\xf9\xa1", "髙纊", "enc: index-jis0208"),
    _bytes("IBM rows between", "euc-jp", b"\xfa\xa1\xfb\xa1", "忞犾", "enc: index-jis0208"),
    _bytes("before a row", "euc-jp", b"\xfa\xa0a", "\ufffda", "enc: 12.1.1, trail A1 to FE"),
    _bytes("after a row", "euc-jp", b"\xf9\xffa", "\ufffda", "enc: 12.1.1, trail A1 to FE"),
    _bytes("NEC row, often", "euc-jp", b"\xad\xa1a" * 20_000, "①a" * 20_000, "enc: no repair"),
    _bytes("waves and minus", "euc-jp", b"\xa1\xc1\xa1\xdd\xa1\xc2", "～－∥", "enc: index-jis0208"),
    _bytes("signs", "euc-jp", b"\xa1\xf1\xa1\xf2\xa2\xcc", "￠￡￢", "enc: index-jis0208"),
    _bytes("JIS X 0212", "euc-jp", b"\x8f\xb0\xa1\x8f\xa2\xb7", "丂～", "enc: index-jis0212"),
    _bytes("half-width kana", "euc-jp", b"\x8e\xb1\x8e\xdf", "ｱﾟ", "enc: 12.1.1"),
    _bytes("lead and tag", "euc-jp", b"\xa4<p>\x8e<p>", "\ufffd<p>\ufffd<p>", "enc: 12.1.1"),
    _bytes(
        "0212 lead and tag", "euc-jp", b"\x8f\xa1<p>\x8f<p>", "\ufffd<p>\ufffd<p>", "enc: 12.1.1"
    ),
    _bytes("no such row", "euc-jp", b"\xad\xfe\xa9\xa1a", "\ufffd\ufffda", "enc: index-jis0208"),
    _bytes("NEC and IBM", "shift_jis", b"\x87\x40\xfb\xfc\xee\xe0", "①髙髙", "enc: index-jis0208"),
    _bytes("wave and minus", "shift_jis", b"\x81\x60\x81\x7c", "～－", "enc: index-jis0208"),
    _bytes("private use", "shift_jis", b"\xf0\x40\xf9\xfc", "\ue000\ue757", "enc: 12.3.1"),
    _bytes(
        "Windows' own bytes", "shift_jis", b"\x80\xa0\xfd\xff", "\x80\ufffd\ufffd\ufffd", "chromium"
    ),
    _bytes("half-width kana", "shift_jis", b"\xb1\xdf", "ｱﾟ", "enc: 12.3.1"),
    _bytes("backslash stays", "shift_jis", b"\\~", "\\~", "enc: 12.3.1"),
    _bytes(
        "lead and tag", "shift_jis", b"\x81<p>\x85\x40", "\ufffd<p>\ufffd@", "enc: 12.3.1; chromium"
    ),
    _bytes("broken, then whole", "shift_jis", b"\x81<\x82\xa0X", "\ufffd<あX", "enc: 12.3.1"),
    _bytes("beyond KS X 1001", "euc-kr", "똠방각하".encode("cp949"), "똠방각하", "enc: 13.1.1"),
    _bytes(
        "lead and tag", "euc-kr", b"\xb0<p>\xc9\x41", "\ufffd<p>\ufffdA", "enc: 13.1.1; chromium"
    ),
    _bytes("cut", "euc-kr", "한글".encode("cp949")[:-1], "한\ufffd", "enc: 13.1.1, end of queue"),
    _bytes("NEC, IBM", "iso-2022-jp", b"\x1b$B-!-j|b\x1b(B!", "①㈱髙!", "enc: index-jis0208"),
    _bytes("roman", "iso-2022-jp", b"\x1b(J\\~\x1b(B\\~", "¥‾\\~", "enc: 12.2.1"),
    _bytes("kana", "iso-2022-jp", b"\x1b(I12\x60\x1b(B", "ｱｲ\ufffd", "enc: 12.2.1"),
    _bytes("1978", "iso-2022-jp", b"\x1b$@0!\x1b(J", "亜", "enc: 12.2.1"),
    _bytes(
        "two escapes", "iso-2022-jp", b'\x1b$B\x1b(B<\x1b$B$"', "\ufffd<あ", "enc: 12.2.1; chromium"
    ),
    _bytes("not its escape", "iso-2022-jp", b"\x1b$(D0!", "\ufffd$(D0!", "enc: 12.2.1; chromium"),
    _bytes("lead and escape", "iso-2022-jp", b"\x1b$B$\x1b(B<", "\ufffd<", "enc: 12.2.1; chromium"),
    _bytes("new line", "iso-2022-jp", b'\x1b$B$"\n<$', "あ\ufffd爾", "enc: 12.2.1; chromium"),
    _bytes("eight bits", "iso-2022-jp", b"A\xe9B\x0e", "A\ufffdB\ufffd", "enc: 12.2.1; chromium"),
    _bytes("all with eight bits", "iso-2022-jp", HIGH, "\ufffd" * 0x80, "enc: 12.2.1"),
    _bytes("X, Y and Z", "iso-2022-jp", b"XYZ", "XYZ", "enc: 12.2.1"),
    _bytes(
        "escape, escape", "iso-2022-jp", b'\x1b\x1b$B$"', "\ufffdあ", "enc: 12.2.1, escape state"
    ),
    _bytes("ends in an escape", "iso-2022-jp", b"A\x1b$", "A\ufffd$", "enc: 12.2.1; chromium"),
    _bytes("ends in a lead", "iso-2022-jp", b"\x1b$B$", "\ufffd", "enc: 12.2.1; chromium"),
    _bytes("C1", "windows-1252", b"\x80\x81\x8d\x9f", "€\x81\x8dŸ", "enc: index-windows-1252"),
    _bytes("C1 and none", "windows-874", b"\x81\xdb\xa1", "\x81\ufffdก", "enc: index-windows-874"),
    _bytes(
        "none", "windows-1253", b"\xaa\xd2\xff", "\ufffd\ufffd\ufffd", "enc: index-windows-1253"
    ),
    _bytes("holam haser", "windows-1255", b"\xca", "\u05ba", "enc: index-windows-1255"),
    _bytes("short u", "koi8-u", b"\xae\xbe", "ўЎ", "enc: index-koi8-u"),
    _bytes("as itself", "x-user-defined", b"a\x80\xff", "a\uf780\uf7ff", "enc: 14.5.1"),
    _bytes("one for all", "replacement", b"<script>", "\ufffd", "enc: 14.1.1"),
    _bytes("nothing", "replacement", b"", "", "enc: 14.1.1"),
    _bytes(
        "lone surrogates",
        "utf-16le",
        b"\x3d\xd8A\0\0\xdc",
        "\ufffdA\ufffd",
        "enc: 14.2.1; chromium",
    ),
    _bytes("odd length", "utf-16be", b"\0A\0", "A\ufffd", "enc: 14.2.1; chromium"),
    _bytes("cut lead", "utf-8", b"\xe4\xb8<p>", "\ufffd<p>", "enc: 8.1.1; chromium"),
    _bytes("overlong", "utf-8", b"\xc0\x80", "\ufffd\ufffd", "enc: 8.1.1; chromium"),
    _bytes("surrogate", "utf-8", b"\xed\xa0\x80", "\ufffd\ufffd\ufffd", "enc: 8.1.1; chromium"),
    _bytes("too large", "utf-8", b"\xf4\x90\x80\x80", "\ufffd" * 4, "enc: 8.1.1; chromium"),
    _bytes("cut", "utf-8", b"\xf0\x9f\x98", "\ufffd", "enc: 8.1.1; chromium"),
    _bytes(
        "lies",
        "utf-8",
        said.FRENCH.encode("cp1252")[:5],
        "D\ufffds N",
        "html: the header is obeyed",
    ),
    Case(
        "replacement: hz",
        b"~{<:Ky~}",
        "text/html; charset=hz-gb-2312",
        "\ufffd",
        "replacement",
        HEADER,
        "enc: 14.1",
    ),
    Case(
        "replacement: iso-2022-kr",
        b"\x1b$)Ca",
        "text/html; charset=iso-2022-kr",
        "\ufffd",
        "replacement",
        HEADER,
        "enc: 14.1",
    ),
]

CASES: Final = [*LABELLED, *HEADERS, *MARKS, *METAS, *TYPES, *UNDECLARED, *SEQUENCES]
