"""Cookies within one check go back byte for byte, and to nobody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._address.target import parse
from tryconnect._transport.cookies import Cookies

NOW = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC."""


def sent(
    *lines: str, by: str = "http://www.shop.test/a/b", to: str = "http://www.shop.test/a/b"
) -> str:
    """The ``Cookie`` header of a request after a response that sets cookies."""
    cookies = Cookies(now=lambda: NOW)
    cookies.store(parse(by), lines)
    return cookies.header(parse(to))


VERBATIM = [
    "a=b",
    "sid=MTIzNDU2Nzg5MA==",
    "AWSALB=abc/def+==",
    'j={"a":[1,"b,c"],"d":{"e":null}}',
    'q="quoted, with a space"',
    'q="half',
    'q=\\"escaped\\054"',
    "a,b=c, d",
    "a[0]=1",
    "a b=c d",
    "a@b/c:d=<e>?f",
    "{name}=1",
    "é=ü",
    "\udce9=\udcfc",  # bytes that are no UTF-8, as Python keeps them
    "名=値",
    "a=",
    "a=b=c",
    "a=b c\td",
    "a=%20%zz",
    "expires=never",
    "Path=/x",
    "just-a-value",
    "$Version=1",
    "__Host-a=b",
]


@pytest.mark.parametrize("pair", VERBATIM)
def test_a_cookie_comes_back_byte_for_byte(pair: str) -> None:
    assert sent(pair) == pair
    assert sent(f" {pair}\t; Path=/; HttpOnly;SameSite=Lax ; Priority=High;;x") == pair


def test_a_cookie_may_have_no_name() -> None:
    assert sent("=value") == "value"
    assert sent("=a=b") == "a=b"


@pytest.mark.parametrize(
    "line", ["", ";", "=", " = ; Path=/", "a=\x00", "a\n=b", "a=\x7f", "a=\ud800"]
)
def test_what_is_no_cookie_is_ignored(line: str) -> None:
    assert sent(line, "good=1") == "good=1"


def test_a_very_long_cookie_is_ignored() -> None:
    assert sent("a=" + "b" * 4095)
    assert not sent("a=" + "b" * 4096)
    assert not sent("a=" + "é" * 2048)


DOMAINS = [
    # who sets it, its domain, who is asked, whether it is sent
    ("shop.test", "", "shop.test", True),
    ("shop.test", "", "www.shop.test", False),
    ("www.shop.test", "", "shop.test", False),
    ("shop.test", "shop.test", "www.shop.test", True),
    ("shop.test", ".Shop.TEST", "www.shop.test", True),
    ("www.shop.test", "shop.test", "shop.test", True),
    ("www.shop.test", "shop.test", "a.b.shop.test", True),
    ("www.shop.test", "shop.test", "othershop.test", False),
    ("www.shop.test", "hop.test", "www.shop.test", False),
    ("shop.test", "www.shop.test", "shop.test", False),
    ("shop.test", "www.shop.test", "www.shop.test", False),
    ("shop.test", "other.test", "other.test", False),
    ("shop.test", "test", "shop.test", False),
    ("shop.co.uk", "co.uk", "shop.co.uk", False),
    ("shop.co.uk", "shop.co.uk", "www.shop.co.uk", True),
    ("localhost", "localhost", "localhost", True),
    ("localhost", "localhost", "a.localhost", False),
    ("127.0.0.1", "", "127.0.0.1", True),
    ("127.0.0.1", "127.0.0.1", "127.0.0.1", True),
    ("127.0.0.1", "0.0.1", "127.0.0.1", False),
    ("127.0.0.1", "", "127.0.0.2", False),
    ("[::1]", "", "[::1]", True),
    ("bücher.test", "bücher.test", "www.xn--bcher-kva.test", True),
    ("shop.test", "a\u200db.test", "shop.test", False),
    ("shop.test", ";", "shop.test", True),
]


@pytest.mark.parametrize(("setter", "domain", "asked", "is_sent"), DOMAINS)
def test_a_cookie_goes_to_its_domain(
    setter: str,
    domain: str,
    asked: str,
    is_sent: bool,  # noqa: FBT001
) -> None:
    line = f"a=b; Domain={domain}" if domain else "a=b"
    assert bool(sent(line, by=f"http://{setter}/", to=f"http://{asked}/")) is is_sent
    # Ports do not part cookies (section 8.5).
    assert bool(sent(line, by=f"http://{setter}:81/", to=f"http://{asked}:82/")) is is_sent


PATHS = [
    # who sets it, its path, who is asked, whether it is sent
    ("/", "", "/", True),
    ("/", "", "/a/b", True),
    ("/a/b", "", "/a/", True),
    ("/a/b", "", "/a", True),
    ("/a/b", "", "/a/c/d?e", True),
    ("/a/b", "", "/ab", False),
    ("/a/b?/c/d", "", "/a/x", True),
    ("/a", "", "/b", True),
    ("/a", "/b", "/b", True),
    ("/a", "/b", "/b/c", True),
    ("/a", "/b/", "/b/c", True),
    ("/a", "/b/", "/b", False),
    ("/a", "/b", "/bc", False),
    ("/a", "/b", "/a", False),
    ("/a/b", "b", "/a/c", True),
    ("/a", "/%7e", "/~", False),
]


@pytest.mark.parametrize(("setter", "path", "asked", "is_sent"), PATHS)
def test_a_cookie_goes_to_its_path(setter: str, path: str, asked: str, is_sent: bool) -> None:  # noqa: FBT001
    line = f"a=b; Path={path}" if path else "a=b"
    answer = sent(line, by=f"http://h.test{setter}", to=f"http://h.test{asked}")
    assert bool(answer) is is_sent


@pytest.mark.parametrize(
    ("setter", "asked", "is_sent"),
    [("https", "https", True), ("https", "http", False), ("http", "https", True)],
)
def test_a_secure_cookie_goes_over_tls_only(setter: str, asked: str, is_sent: bool) -> None:  # noqa: FBT001
    assert bool(sent("a=b; secure", by=f"{setter}://h/", to=f"{asked}://h/")) is is_sent


EXPIRY = [
    ("Max-Age=1", True),
    ("Max-Age=0", False),
    ("max-age=-1", False),
    ("Max-Age=99999999999999999999", True),
    ("Max-Age=soon", True),
    ("Max-Age=1.5", True),
    ("Max-Age=0; Max-Age=5", True),
    ("Max-Age=0; Max-Age=x", False),
    (f"Max-Age={'9' * 5000}", True),
    ("Expires=Thu, 01 Jan 1970 00:00:00 GMT", False),
    ("Expires=Tue, 14 Nov 2023 22:13:19 GMT", False),
    ("Expires=Tue, 14 Nov 2023 22:13:21 GMT", True),
    ("Expires=Tue, 14-Nov-23 22:13:19 GMT", False),
    ("Expires=Tuesday, 14-Nov-23 22:13:21 GMT", True),
    ("Expires=Tue Nov 14 22:13:19 2023", False),
    ("Expires=1-jan-70 0:0:0", False),
    ("Expires=1-jan-69 0:0:0", True),
    ("Expires=22:13:19 14 november 2023 or so", False),
    ("Expires=Thu, 32 Jan 1970 00:00:00 GMT", True),  # no date, so none is meant
    ("Expires=Thu, 31 Jun 1970 00:00:00 GMT", True),
    ("Expires=Thu, 01 Jan 1600 00:00:00 GMT", True),
    ("Expires=Thu, 01 Jan 1970 24:00:00 GMT", True),
    ("Expires=Thu, 01 Jan 1970", True),
    ("Expires=0", True),
    ("Expires=", True),
    ("Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=1", True),
    ("Max-Age=0; Expires=Fri, 01 Jan 2100 00:00:00 GMT", False),
]


@pytest.mark.parametrize(("attribute", "is_sent"), EXPIRY)
def test_a_cookie_lives_until_it_expires(attribute: str, is_sent: bool) -> None:  # noqa: FBT001
    assert bool(sent(f"a=b; {attribute}")) is is_sent


def test_a_cookie_expires_between_two_requests() -> None:
    now = [NOW]
    cookies = Cookies(now=lambda: now[0])
    target = parse("http://h/")
    cookies.store(target, ["a=b; Max-Age=2", "c=d"])
    assert cookies.header(target) == "a=b; c=d"
    now[0] += 2
    assert cookies.header(target) == "c=d"


def test_a_cookie_is_replaced_and_removed() -> None:
    assert sent("a=1", "b=2", "a=3") == "a=3; b=2"
    assert sent("a=1", "b=2", "a=; Max-Age=0") == "b=2"
    assert sent("a=1; Path=/a", "a=2; Path=/") == "a=1; a=2"  # they are two


def test_cookies_are_in_order() -> None:
    """Longer paths first, then earlier ones (section 5.4)."""
    lines = ("a=1; Path=/", "b=2; Path=/a", "c=3; Path=/", "d=4; Path=/a/b")
    assert sent(*lines) == "d=4; b=2; a=1; c=3"


def test_the_last_attribute_that_means_anything_counts() -> None:
    assert sent("a=b; Path=/x; Path=/a") == "a=b"
    assert not sent("a=b; Path=/a; Path=/x")
    assert sent(f"a=b; Path=/a; Path=/{'x' * 2000}") == "a=b"


def test_without_cookies_nothing_is_sent() -> None:
    assert sent() == ""


@given(st.text(st.characters(exclude_categories=()), max_size=80))
def test_any_line_is_a_cookie_or_none(line: str) -> None:
    pair = sent(f"{line}; Path=/")
    assert pair.isprintable() or "\t" in pair or not pair.isascii()
    assert not pair or pair in line


@given(st.text(" ,;=:/-aN0129janGMT", max_size=40))
def test_any_attributes_are_read(text: str) -> None:
    assert sent(f"a=b; Expires={text}", f"c=d; Max-Age={text}", f"e=f; {text}") is not None
