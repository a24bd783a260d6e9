"""The address table: every text becomes a target, or an error that points at the fault."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from base64 import b64decode

import ada_url
import pytest
import yarl
from hypothesis import given, settings
from hypothesis import strategies as st

from tryconnect._address import target
from tryconnect._address.target import (
    Target,
    TargetKind,
    address_text,
    may_share_credentials,
    parse,
    resolve_redirect,
)
from tryconnect._check.verdict import judge
from tryconnect._model.render import caret, line
from tryconnect._model.report import Report
from tryconnect._transport.attempt import Attempt
from tryconnect.errors import InvalidAddress, Reason

HTTP, TCP, UNIX = TargetKind.http, TargetKind.tcp, TargetKind.unix

GOOD = [
    # text, kind, url, host, port
    # A scheme says it all.
    ("http://example.com", HTTP, "http://example.com/", "example.com", 80),
    ("https://example.com", HTTP, "https://example.com/", "example.com", 443),
    ("HTTPS://EXAMPLE.Com/Path", HTTP, "https://example.com/Path", "example.com", 443),
    ("http://example.com:80/", HTTP, "http://example.com/", "example.com", 80),
    ("https://example.com:443/", HTTP, "https://example.com/", "example.com", 443),
    ("http://example.com:443/", HTTP, "http://example.com:443/", "example.com", 443),
    ("http://example.com:/", HTTP, "http://example.com/", "example.com", 80),
    ("http://example.com/?q=1", HTTP, "http://example.com/?q=1", "example.com", 80),
    ("http://example.com?q=1", HTTP, "http://example.com/?q=1", "example.com", 80),
    ("http://example.com?", HTTP, "http://example.com/?", "example.com", 80),
    ("http://example.com?#", HTTP, "http://example.com/?", "example.com", 80),
    ("http://example.com#a\x00\ud800b", HTTP, "http://example.com/", "example.com", 80),  # not sent
    ("http://example.com#part", HTTP, "http://example.com/", "example.com", 80),
    ("http://example.com/a#b?c", HTTP, "http://example.com/a", "example.com", 80),
    ("http://example.com/a b", HTTP, "http://example.com/a%20b", "example.com", 80),
    ("http://example.com/a/../b", HTTP, "http://example.com/b", "example.com", 80),
    ("http://example.com/%zz", HTTP, "http://example.com/%zz", "example.com", 80),
    ("http://B%C3%BCcher.de/", HTTP, "http://xn--bcher-kva.de/", "xn--bcher-kva.de", 80),
    ("http://localhost", HTTP, "http://localhost/", "localhost", 80),
    ("https://127.0.0.1", HTTP, "https://127.0.0.1/", "127.0.0.1", 443),
    ("http://[::1]:8080/", HTTP, "http://[::1]:8080/", "::1", 8080),
    ("http://me:pw@example.com/", HTTP, "http://example.com/", "example.com", 80),
    ("tcp://example.com:22", TCP, "tcp://example.com:22", "example.com", 22),
    ("tcp://example.com:80/", TCP, "tcp://example.com:80", "example.com", 80),
    ("TCP://[::1]:22", TCP, "tcp://[::1]:22", "::1", 22),
    ("tcp://bücher.de:1", TCP, "tcp://xn--bcher-kva.de:1", "xn--bcher-kva.de", 1),
    ("unix:///run/app.sock", UNIX, "unix:///run/app.sock", "", 0),
    ("UNIX:///run/a b?c#d@e", UNIX, "unix:///run/a b?c#d@e", "", 0),  # all of it is the name
    # host and host/path: https …
    ("example.com", HTTP, "https://example.com/", "example.com", 443),
    ("example.com/path?q", HTTP, "https://example.com/path?q", "example.com", 443),
    ("example.com?q", HTTP, "https://example.com/?q", "example.com", 443),
    ("example.com#f", HTTP, "https://example.com/", "example.com", 443),
    ("server", HTTP, "https://server/", "server", 443),
    # … and http for localhost and IP literals.
    ("localhost", HTTP, "http://localhost/", "localhost", 80),
    ("LOCALHOST/x", HTTP, "http://localhost/x", "localhost", 80),
    ("localhost.", HTTP, "http://localhost./", "localhost.", 80),
    ("app.localhost", HTTP, "http://app.localhost/", "app.localhost", 80),
    ("notlocalhost", HTTP, "https://notlocalhost/", "notlocalhost", 443),
    ("127.0.0.1", HTTP, "http://127.0.0.1/", "127.0.0.1", 80),
    ("127.0.0.1/x", HTTP, "http://127.0.0.1/x", "127.0.0.1", 80),
    ("::1", HTTP, "http://[::1]/", "::1", 80),
    ("::1/x", HTTP, "http://[::1]/x", "::1", 80),
    ("[::1]", HTTP, "http://[::1]/", "::1", 80),
    ("1::2:80", HTTP, "http://[1::2:80]/", "1::2:80", 80),  # no port: an address is never split
    # host:443…, host:80…, host:port/path.
    ("example.com:443", HTTP, "https://example.com/", "example.com", 443),
    ("example.com:443/x", HTTP, "https://example.com/x", "example.com", 443),
    ("127.0.0.1:443", HTTP, "https://127.0.0.1/", "127.0.0.1", 443),
    ("example.com:80", HTTP, "http://example.com/", "example.com", 80),
    ("example.com:80/x", HTTP, "http://example.com/x", "example.com", 80),
    ("[::1]:80", HTTP, "http://[::1]/", "::1", 80),
    ("[::1]:443", HTTP, "https://[::1]/", "::1", 443),
    ("example.com:8080/", HTTP, "http://example.com:8080/", "example.com", 8080),
    ("example.com:8443/x", HTTP, "http://example.com:8443/x", "example.com", 8443),
    ("example.com:8080?q", HTTP, "http://example.com:8080/?q", "example.com", 8080),
    # host:port: tcp.
    ("example.com:5432", TCP, "tcp://example.com:5432", "example.com", 5432),
    ("localhost:8080", TCP, "tcp://localhost:8080", "localhost", 8080),
    ("127.0.0.1:22", TCP, "tcp://127.0.0.1:22", "127.0.0.1", 22),
    ("[::1]:5000", TCP, "tcp://[::1]:5000", "::1", 5000),
    # International names, trailing dots, spaces around.
    ("例え.jp", HTTP, "https://xn--r8jz45g.jp/", "xn--r8jz45g.jp", 443),
    ("http://例え.jp/パ", HTTP, "http://xn--r8jz45g.jp/%E3%83%91", "xn--r8jz45g.jp", 80),
    ("bücher.de:81", TCP, "tcp://xn--bcher-kva.de:81", "xn--bcher-kva.de", 81),
    ("example.com.", HTTP, "https://example.com./", "example.com.", 443),
    ("http://1.2.3.4./", HTTP, "http://1.2.3.4/", "1.2.3.4", 80),
    (" example.com\n", HTTP, "https://example.com/", "example.com", 443),
    ("\u3000http://h/\u00a0", HTTP, "http://h/", "h", 80),
    # Zones of link-local addresses; RFC 6874 writes their mark as %25.
    ("http://[fe80::1%25eth0]/", HTTP, "http://[fe80::1%25eth0]/", "fe80::1%eth0", 80),
    ("fe80::1%eth0", HTTP, "http://[fe80::1%25eth0]/", "fe80::1%eth0", 80),
]


@pytest.mark.parametrize(("text", "kind", "url", "host", "port"), GOOD)
def test_an_address_becomes_a_target(
    text: str, kind: TargetKind, url: str, host: str, port: int
) -> None:
    target = parse(text)
    assert (target.kind, target.url, target.host, target.port) == (kind, url, host, port)
    assert target.path == (url.removeprefix("unix://") if kind is UNIX else "")


@pytest.mark.parametrize("text", [case[0] for case in GOOD] + ["http://[fe80::1%25251]/"])
def test_a_targets_url_is_an_address_of_the_same_target(text: str) -> None:
    assert_same_when_read_again(parse(text))


def assert_same_when_read_again(target: Target) -> None:
    again = parse(target.url)
    assert (again.url, again.host, again.port, again.kind, again.path) == (
        *(target.url, target.host, target.port, target.kind, target.path),
    )


PARTS = [
    # text, origin, request target, Host
    ("http://h", ("http", "h", 80), "/", "h"),
    ("https://h:443/a/b?c=/d", ("https", "h", 443), "/a/b?c=/d", "h"),
    ("http://h:81?q", ("http", "h", 81), "/?q", "h:81"),
    ("https://[::1]:8443/x", ("https", "::1", 8443), "/x", "[::1]:8443"),
    ("http://[fe80::1%25eth0]:81/x", ("http", "fe80::1%eth0", 81), "/x", "[fe80::1]:81"),
]


@pytest.mark.parametrize(("text", "origin", "request_target", "host"), PARTS)
def test_a_target_says_what_its_request_is_made_of(
    text: str, origin: tuple[str, str, int], request_target: str, host: str
) -> None:
    target = parse(text)
    assert target.scheme == origin[0]
    assert (target.origin, target.request_target, target.host_header) == (
        *(origin, request_target, host),
    )


CREDENTIALS = [
    ("http://me:pw@h/", b"me:pw"),
    ("http://me@h/", b"me:"),
    ("http://me:@h/", b"me:"),
    ("http://:pw@h/", b":pw"),
    ("http://me:p%40s%3As@h/", b"me:p@s:s"),
    ("http://me:p@ss@h/", b"me:p@ss"),
    ("http://me:a:b@h/", b"me:a:b"),
    ("http://mé:ü@h/", "mé:ü".encode()),  # RFC 7617: UTF-8
    ("http://me:%ff@h/", b"me:\xff"),
    ("http://m%:%zz%3@h/", b"m%:%zz%3"),
    ('http://a|b^:{c}[d]"<>`@h/', b'a|b^:{c}[d]"<>`'),
]


@pytest.mark.parametrize(("text", "pair"), CREDENTIALS)
def test_credentials_become_a_header_and_leave_the_url(text: str, pair: bytes) -> None:
    target = parse(text)
    scheme, _, code = (target.authorization or "").partition(" ")
    assert scheme == "Basic"
    assert b64decode(code) == pair
    assert target.url == "http://h/"
    assert code not in repr(target)


@pytest.mark.parametrize("text", ["http://h/", "http://@h/"])
def test_without_credentials_there_is_no_header(text: str) -> None:
    assert parse(text).authorization is None


NO_USER = "write https:// or http:// before an address with a user name"
SCHEMES = (
    "only http://, https://, http+unix://, tcp://, tls://, unix://, "
    "postgresql://, mysql://, redis://, smtp://, ssh:// can be checked"
)
FROM_ROOT = "a unix address names a file from the root, as in unix:///run/app.sock"
NEEDS_PORT = "a tcp address needs a port, as in tcp://host:22"
NO_SCHEME = "a scheme is missing: write https:// or http:// first"
SLIP = "write {}:// with a colon and two slashes"
SLASHES = "only two slashes, //, stand before the host"
SPACE = "a space in a user name or a password is written as %20"
BACKSLASH = "a backslash cannot follow the host: write /"
FORBIDDEN = "an address has no such character in it"
TOO_LONG = "the address is longer than 65,536 characters"
PORT = "a port is a number from 1 to 65535"
LONGEST_PATH = target._LONGEST_PATH

BAD = [
    # text, problem, what the fault points at
    ("", "the address is empty", ""),
    (" \t\r\n ", "the address is empty", ""),
    ("a" * 65_537, TOO_LONG, "a" * 65_537),
    ("ftp://h", SCHEMES, "ftp"),
    ("file:///etc/passwd", SCHEMES, "file"),
    ("git+ssh://h", SCHEMES, "git+ssh"),
    ("://h", NO_SCHEME, ""),
    ("1http://h", PORT, ""),  # a scheme begins with a letter, so this is a host and a port
    ("http:/h", SLIP.format("http"), "http:/"),
    ("HTTPS:h/x", SLIP.format("https"), "HTTPS:"),
    ("http:\\\\h", SLIP.format("http"), "http:\\\\"),
    ("http:127.0.0.1:80/", SLIP.format("http"), "http:"),
    ("https//h/x", SLIP.format("https"), "https//"),
    ("http;//h", SLIP.format("http"), "http;//"),
    ("http ://h", SLIP.format("http"), "http ://"),
    ("http:.//h", SLIP.format("http"), "http:"),
    ("tcp:h:22", SLIP.format("tcp"), "tcp:"),
    ("tcp:/h:22", SLIP.format("tcp"), "tcp:/"),
    ("tcp:127.0.0.1:22", SLIP.format("tcp"), "tcp:"),
    ("tcp:22", SLIP.format("tcp"), "tcp:"),
    ("http:8080/x", SLIP.format("http"), "http:"),
    ("tcp:[::1]:22", SLIP.format("tcp"), "tcp:"),
    ("unix:/run/app.sock", SLIP.format("unix"), "unix:/"),
    ("http:", SLIP.format("http"), "http:"),
    ("javascript:alert(1)", PORT, "alert(1)"),
    ("mailto:me@h", NO_USER, "mailto:me@h"),
    ("//h/x", NO_SCHEME, ""),
    ("me@h", NO_USER, "me@h"),
    ("me:pw@h:80/x", NO_USER, "me:pw@h:80/x"),
    ("http://", "the host is missing", ""),
    ("http:///", "the host is missing", ""),
    ("http:///x", SLASHES, "/"),
    ("https://\\h/x", SLASHES, "\\"),
    ("tcp:///h:22", SLASHES, "/"),
    ("http://h:99999", PORT, "99999"),
    ("http://127.1", "an IPv4 address is four numbers from 0 to 255, as in 127.0.0.1", "127.1"),
    ("h:", PORT, ""),
    ("http://h\\x", BACKSLASH, "\\"),
    ("h:80\\", BACKSLASH, "\\"),
    ("http://a b@h/", SPACE, "a b"),
    ("tcp://h", NEEDS_PORT, ""),
    ("tcp://h/", NEEDS_PORT, ""),
    ("tcp://h:", NEEDS_PORT, ""),
    ("tcp://me@h:1", "a tcp address has no user name", "me"),
    ("tcp://h:1/x", "a tcp address ends with its port", "/x"),
    ("tcp://h:1?x", "a tcp address ends with its port", "?x"),
    ("unix://", FROM_ROOT, ""),
    ("unix://run/x", FROM_ROOT, "run/x"),
    ("unix:///", FROM_ROOT, "/"),
    (
        f"unix:///{'é' * 60}",  # bytes count
        f"the path of a unix socket has at most {LONGEST_PATH} bytes",
        f"/{'é' * 60}",
    ),
    ("http://h/\r\nHost: evil", FORBIDDEN, "\r"),
    ("http://h/\ud800", FORBIDDEN, "\ud800"),
    ("unix:///x#\ny", FORBIDDEN, "\n"),
    ("h#\n/", FORBIDDEN, "\n"),
    ("unix:///\udcff", FORBIDDEN, "\udcff"),
    ("h\x7f", FORBIDDEN, "\x7f"),
]


@pytest.mark.parametrize(("text", "problem", "fault"), BAD, ids=[case[0][:20] for case in BAD])
def test_a_fault_is_named_and_pointed_at(text: str, problem: str, fault: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        parse(text)
    error = caught.value
    assert (error.problem, text[error.start : error.end]) == (problem, fault)
    assert error.address == text


@pytest.mark.parametrize("control", [*map(chr, range(32)), "\x7f"], ids=ascii)
def test_no_control_character_passes(control: str) -> None:
    for text in (
        f"http://h/a{control}b",
        f"h{control}h",
        f"tcp://h:1{control}1",
        f"unix:///{control}x",
    ):
        with pytest.raises(InvalidAddress, match=FORBIDDEN):
            parse(text)


def test_the_longest_path_of_a_unix_socket_passes() -> None:
    path = "/" + "a" * (LONGEST_PATH - 1)
    assert parse(f"unix://{path}").path == path


CARETS = [
    # text, problem, what is shown of it, carets
    (
        "http://example.com:80443/",
        "a port is a number from 1 to 65535",
        "http://example.com:80443/",
        "                   ^^^^^",
    ),
    (
        "tcp://example.com",
        "a tcp address needs a port, as in tcp://host:22",
        "tcp://example.com",
        "                 ^",
    ),
    (
        "  ftp://h",
        SCHEMES,
        "  ftp://h",
        "  ^^^",
    ),
    (
        "http://h\\evil",
        "a backslash cannot follow the host: write /",
        "http://h\\evil",
        "        ^",
    ),
    (
        "http://日本語:x/",
        "a port is a number from 1 to 65535",
        "http://日本語:x/",
        "              ^",
    ),
    (
        "日本 語.jp",
        "this is not an international host name",
        "日本 語.jp",
        "^^^^^^^^^^",
    ),
    (
        "http://cafe\u0301:x/",
        "a port is a number from 1 to 65535",
        "http://cafe\u0301:x/",
        "            ^",
    ),
    (
        "http://h\r\n/",
        "an address has no such character in it",
        "http://h\\r\\n/",
        "        ^^",
    ),
    (
        "http://h/\x00",
        "an address has no such character in it",
        "http://h/\\x00",
        "         ^^^^",
    ),
    (
        "http://me:SECRET@h:x/?SECRET",
        "a port is a number from 1 to 65535",
        "http://***@h:x/?***",
        "             ^",
    ),
    (
        "me:SECRET@h",
        "write https:// or http:// before an address with a user name",
        "***@h",
        "^^^^^",
    ),
    (
        "[::1",
        "the bracket is not closed",
        "[::1",
        "^^^^",
    ),
    (
        "",
        "the address is empty",
        "",
        "^",
    ),
]


@pytest.mark.parametrize(("text", "problem", "shown", "carets"), CARETS)
def test_the_caret_stands_below_the_fault(text: str, problem: str, shown: str, carets: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        parse(text)
    assert str(caught.value).split("\n") == [problem, f"    {shown}", f"    {carets}"]


ESCAPES = [
    # what is typed, what is sent
    ("/%2F%28%27%40%7e%41", "/%2F%28%27%40%7e%41"),
    ("/%2f?%2f", "/%2f?%2f"),  # the case of letters stays
    ("/?", "/?"),
    ("/??", "/??"),
    ("/a?b?#c?", "/a?b?"),
    ("/;a=1;b/c;", "/;a=1;b/c;"),
    ("/a b?c d", "/a%20b?c%20d"),
    ("/a+b?c+d", "/a+b?c+d"),
    ('/"<>^`{}|', "/%22%3C%3E%5E%60%7B%7D|"),
    ("/?\"<>^`{}|'", "/?%22%3C%3E^`{}|%27"),
    ("/é%E9?é%E9", "/%C3%A9%E9?%C3%A9%E9"),
    ("/%zz%?%zz%", "/%zz%?%zz%"),
    ("/a\\b?c\\d", "/a/b?c\\d"),
    ("/a/./b/../c/%2e/d/%2E%2e/e/.%2E", "/a/c/"),
    ("//a//", "//a//"),
    ("/x?r=/../y", "/x?r=/../y"),
    ("/:@[]!$&'()*+,;=-._~", "/:@[]!$&'()*+,;=-._~"),
    # Signed URLs: each change would make them invalid.
    (
        "/b/k%2B1%20x?X-Amz-Credential=AK%2F2024%2Fs3%2Faws4_request&X-Amz-Signature=0aF",
        "/b/k%2B1%20x?X-Amz-Credential=AK%2F2024%2Fs3%2Faws4_request&X-Amz-Signature=0aF",
    ),
    (
        "/x?Policy=ey_&Signature=a-b~c_&Key-Pair-Id=K",
        "/x?Policy=ey_&Signature=a-b~c_&Key-Pair-Id=K",
    ),
    (
        "/x?sv=2022&sig=a%2Bb%3D&se=2024-01-01T00%3A00%3A00Z",
        "/x?sv=2022&sig=a%2Bb%3D&se=2024-01-01T00%3A00%3A00Z",
    ),
]


@pytest.mark.parametrize(("typed", "sent"), ESCAPES)
def test_what_must_be_escaped_is_and_the_rest_goes_out_as_written(typed: str, sent: str) -> None:
    assert parse(f"http://h{typed}").request_target == sent
    assert parse(f"h:81{typed}").request_target == sent
    assert resolve_redirect(parse("http://h/x/y"), f"http://h{typed}").request_target == sent


def test_texts_and_yarl_urls_are_addresses() -> None:
    assert address_text("h") == "h"
    assert address_text(yarl.URL("http://h/a b")) == "http://h/a%20b"


@pytest.mark.parametrize("path", ["/%2F%28?a=%2F", "/a b?c d", "/é"])
def test_a_yarl_url_is_read_like_its_text(path: str) -> None:
    url = yarl.URL(f"http://h{path}", encoded=True)
    assert parse(address_text(url)) == parse(f"http://h{path}")


@pytest.mark.parametrize("thing", [None, b"http://h", 80, ["h"], object()])
def test_other_things_are_not(thing: object) -> None:
    name = type(thing).__name__
    with pytest.raises(TypeError, match=rf"^an address is a str or a yarl\.URL, not {name}$"):
        address_text(thing)


def test_to_refuse_other_things_does_not_need_yarl() -> None:
    script = """
import sys
from tryconnect._address.target import address_text
try:
    address_text(80)
except TypeError:
    sys.exit("yarl" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603 - ours


# --- redirects

BASE = "http://h:81/a/b?q"
REDIRECTS = [
    ("/x", "http://h:81/x"),
    ("x", "http://h:81/a/x"),
    ("?x", "http://h:81/a/b?x"),
    ("../../../x", "http://h:81/x"),
    ("", "http://h:81/a/b?q"),
    ("#part", "http://h:81/a/b?q"),
    ("?", "http://h:81/a/b?"),
    (":x", "http://h:81/a/:x"),
    ("./x:y", "http://h:81/a/x:y"),
    ("%68ttp://x/", "http://h:81/a/%68ttp://x/"),
    ("http:x", "http://h:81/a/x"),
    ("http:/x", "http://h:81/x"),
    ("\\x\\y?\\", "http://h:81/x/y?\\"),
    ("/%2F%28?%2F", "http://h:81/%2F%28?%2F"),
    ("/\tx\r\n", "http://h:81/x"),
    ("\x01/x\x1f", "http://h:81/x"),
    ("/a\x00b", "http://h:81/a%00b"),
    ("///other/x", "http://other/x"),
    ("http:///other/x", "http://other/x"),
    ("http:\\\\other\\x", "http://other/x"),
    ("\\\\other", "http://other/"),
    ("/\\other", "http://other/"),
    ("/\t/other", "http://other/"),
    ("https:other", "https://other/"),
    ("https:/other", "https://other/"),
    ("ht\ttp://ot\nher/", "http://other/"),
    ("http://other\\@h:81/", "http://other/@h:81/"),
    ("http://h:81@other/", "http://other/"),
    ("http://ot\xadher", "http://other/"),
    ("http://%6Fther", "http://other/"),
    ("http://\uff4fther", "http://other/"),
    ("http://نامه\u200cای.ir", "http://xn--mgba3gch31f060k.ir/"),
    ("http://127.1/", "http://127.0.0.1/"),
    ("//0x7f000001", "http://127.0.0.1/"),
    ("http://a b@other/", "http://other/"),
    ("//other/x", "http://other/x"),
    ("https://h:81/", "https://h:81/"),
    ("HTTP://other", "http://other/"),
    (" /x\t", "http://h:81/x"),
    ("/a b", "http://h:81/a%20b"),
    ("/日本", "http://h:81/%E6%97%A5%E6%9C%AC"),
    ("/\udce9t\udce9", "http://h:81/%E9t%E9"),  # bytes that are Latin-1, as aiohttp leaves them
    ("http://bücher.de/", "http://xn--bcher-kva.de/"),
]


@pytest.mark.parametrize(("location", "url"), REDIRECTS)
def test_a_redirect_leads_on(location: str, url: str) -> None:
    assert resolve_redirect(parse(BASE), location).url == url


@pytest.mark.parametrize("base", ["http://[::1]:81/a", "https://[fe80::1%251]/a"])
def test_a_redirect_stays_on_an_ipv6_host(base: str) -> None:
    target = parse(base)
    assert resolve_redirect(target, "/x").host == target.host
    # A server knows itself by its Host header, which has no zone.
    assert resolve_redirect(target, f"http://{target.host_header}/x").host == target.host


def test_a_redirect_may_name_a_zone_of_a_link_local_address() -> None:
    target = resolve_redirect(parse("http://[fe80::1%251]/a"), "http://[fe80::1%252]/")
    assert target.host == "fe80::1%2"


BAD_REDIRECTS = [
    ("ftp://h/", "not to an http or https address"),
    ("mailto:me@h", "not to an http or https address"),
    ("tcp://h:1", "not to an http or https address"),
    ("unix:///run/x", "not to an http or https address"),
    ("javascript:alert(1)", "not to an http or https address"),
    ("http://h:99999/", PORT),
    ("http://a b/", "this is not a host name"),
    ("http://[::1", "the bracket is not closed"),
    ("http://[::1%251]/", "this is not an IPv6 address"),
    ("http://", "the host is missing"),
    ("//", "the host is missing"),
    ("http://other%2Fx/", "this is not a host name"),
    ("//\udce9/", "this is not a host name"),
    ("x:y", "not to an http or https address"),
    ("/\ud800", FORBIDDEN),
    ("/" * 65_537, "it is longer than 65,536 characters"),
]


@pytest.mark.parametrize(("location", "problem"), BAD_REDIRECTS)
def test_a_bad_redirect_says_what_is_wrong(location: str, problem: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        resolve_redirect(parse(BASE), location)
    assert caught.value.problem.startswith(problem)


HOSTILE_REDIRECTS = [
    "http://me:SECRET@\u2100/",  # normalises to "a/c", which urllib refuses and quotes
    "http://\u2100\u202e/",
    "http://[\u202e]/",
    "http://[SECRET@",
]


@pytest.mark.parametrize("location", HOSTILE_REDIRECTS)
def test_a_bad_redirect_shows_no_secret_and_no_control(location: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        resolve_redirect(parse(BASE), location)
    assert "SECRET" not in str(caught.value)
    assert all(each.isprintable() for each in str(caught.value).split("\n"))


@pytest.mark.parametrize(
    ("first", "location", "sent"),
    [
        ("http://me:pw@h/", "/x", "me:pw"),
        ("http://me:pw@h/", "https://h/", "me:pw"),
        ("http://me:pw@h/", "//you:qw@h/x", "you:qw"),
        ("http://me:pw@h/", "http://other/", None),
        ("http://me:pw@h/", "http://h:81/", None),
        ("https://me:pw@h/", "http://h/", None),
        ("http://h/", "http://you:qw@other/", "you:qw"),
        ("http://h/", "/x", None),
    ],
)
def test_credentials_follow_within_one_party_only(
    first: str, location: str, sent: str | None
) -> None:
    wanted = parse(f"http://{sent}@h/").authorization if sent else None
    assert resolve_redirect(parse(first), location).authorization == wanted


PARTIES = [
    ("http://h/a", "http://h/b", True),
    ("http://h/", "http://H:80/", True),
    ("http://h/", "https://h/", True),  # an upgrade
    ("https://h/", "http://h/", False),
    ("http://h:81/", "https://h/", False),
    ("http://h/", "https://h:444/", False),
    ("http://h:444/", "https://h:444/", False),
    ("http://h/", "http://h:81/", False),
    ("http://h/", "http://other/", False),
    ("http://h/", "http://h./", False),
    ("http://h/", "http://www.h/", False),
    ("http://[::1]/", "http://[::1]/x", True),
]


@pytest.mark.parametrize(("first", "second", "same"), PARTIES)
def test_a_party_is_one_origin_or_its_upgrade(first: str, second: str, same: bool) -> None:  # noqa: FBT001
    assert may_share_credentials(parse(first), parse(second)) is same


# --- laws

FRAGMENTS = [
    *("http://", "https://", "tcp://", "unix://", "HTTP://", "ftp://"),
    *("//", "/", ":", "@", "[", "]", "%", "?", "#", "\\", ".", "..", "-", "_", "/../"),
    *("a", "h", "example.com", "localhost", "127.0.0.1", "::1", "[::1]", "fe80::1%eth0"),
    *("80", "443", "65536", "0", "0x", "1", "\uff11", "me", "pw", "xn--"),
    *("é", "例え", "。", "ß", "\u0301", "\u200d", "\u2100", "\u202e", "\xad", "\xa0"),
    *("%25", "%2f", "%00", "%zz", "&", "=", "+", "~", "|", "^", "`", "{", "}", ",", ";"),
    *("'", '"', "<", ">", "$", "!", "*", "(", ")", " ", "\t", "\r\n"),
    *("\x00", "\x1b[", "\x85", "\u2028", "\ud800", "\udc80"),
]

ANY_TEXT = st.text(st.characters(exclude_categories=()))
URL_ISH = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join)
ADDRESSES = ANY_TEXT | URL_ISH
C0_AND_SPACE = "".join(map(chr, range(0x21)))
thorough = settings(max_examples=200, deadline=None)


def read(text: str) -> Target | InvalidAddress:
    try:
        return parse(text)
    except InvalidAddress as error:
        return error


def report_on(text: str) -> Report:
    """What a check of the text reports, had its server answered."""
    found = read(text)
    if isinstance(found, InvalidAddress):
        return judge(text, Attempt(target=None, error=found))
    return judge(text, Attempt(target=found, status=200))


@pytest.mark.parametrize(
    "text", ["http://example.com", "https://a-b.example_1.com:8443/x/y.z", "http://127.0.0.1:80/"]
)
def test_most_addresses_are_read_the_short_way(text: str) -> None:
    assert target._parse_plain(text) == target._parse_full(text)


@pytest.mark.slow
@given(st.from_regex(target._USUAL.pattern, fullmatch=True))
@settings(max_examples=50, deadline=None)
def test_the_short_way_says_what_the_long_way_says(text: str) -> None:
    short = target._parse_plain(text)

    assert short is None or short == target._parse_full(text)


@given(ADDRESSES)
@thorough
def test_any_text_is_a_target_or_an_invalid_address(text: str) -> None:
    found = read(text)
    if isinstance(found, InvalidAddress):
        assert found.address == text
        assert 0 <= found.start <= len(text)
        assert 0 <= found.end <= len(text)
        assert len(str(found).split("\n")) == 3
        assert all(each.isprintable() for each in str(found).split("\n"))
    elif found.kind is not UNIX:
        assert found.host
        assert found.url.isascii()
        assert found.url.isprintable()
        assert 1 <= found.port <= 65535


@given(ADDRESSES)
@thorough
def test_a_target_can_be_read_again(text: str) -> None:
    found = read(text)
    if isinstance(found, Target):
        assert_same_when_read_again(found)


@pytest.mark.slow
@given(st.text(st.characters(codec="utf-8", exclude_characters="#"), max_size=20))
@thorough
def test_paths_and_queries_are_written_as_ada_writes_them(tail: str) -> None:
    url = f"http://h/{tail.strip()}"
    if isinstance(found := read(url), Target):
        assert found.url == ada_url.URL(url).href


@given(st.sampled_from([case[0] for case in GOOD if case[1] is HTTP]), URL_ISH)
@thorough
def test_a_location_never_leads_to_another_host_than_in_browsers(base: str, location: str) -> None:
    start = parse(base)
    try:
        target = resolve_redirect(start, location)
    except InvalidAddress:
        return
    # Zones and bytes that are no UTF-8 are ours.
    if "%" not in start.host + target.host and location.isprintable():
        meant = ada_url.URL(location.strip(C0_AND_SPACE), start.url)
        meant.username = meant.password = ""
        assert target.url == meant.href.partition("#")[0]


@given(st.sampled_from([case[0] for case in GOOD if case[1] is HTTP]), ADDRESSES)
@thorough
def test_any_location_is_a_target_or_an_invalid_address(base: str, location: str) -> None:
    try:
        target = resolve_redirect(parse(base), location)
    except InvalidAddress:
        return
    assert target.kind is HTTP


def assert_secret_is_kept(report: Report) -> None:
    shown = [
        str(report.error),
        repr(report),
        report.detail,
        line(report),
        caret(report),
        json.dumps(report.as_dict()),
    ]
    assert not [text for text in shown if "SECRET" in text]


@pytest.mark.slow
@given(
    space=st.sampled_from(["", " ", "\u3000"]),
    scheme=st.sampled_from(["http://", "https://", "tcp://", "ftp://", "HTTP://", ""]),
    before=st.text(st.characters(exclude_characters="/?#\\@", exclude_categories=())),
    after=st.text(st.characters(exclude_characters="/?#\\", exclude_categories=())),
    rest=URL_ISH,
)
@thorough
def test_a_password_is_never_shown(
    space: str, scheme: str, before: str, after: str, rest: str
) -> None:
    assert_secret_is_kept(report_on(f"{space}{scheme}me:{before}SECRET{after}@h{rest}"))


KEPT = [
    " http://me:SECRET@h/",
    "http://me:'SECRET@h/",
    "http://h/?a='SECRET",
    'http://h/?a="<SECRET>"',
    "http://h:x/?user=me@h&token=SECRET",
    "http://me:pa/SECRET@h:x",
]


@pytest.mark.parametrize("text", KEPT)
def test_these_secrets_are_never_shown(text: str) -> None:
    assert_secret_is_kept(report_on(text))


def test_an_invalid_address_is_reported_as_such() -> None:
    assert report_on("http://h:x").reason is Reason.invalid_address


# --- long texts

PIECES = [
    *("a", ":", "@", "[", "]", ".", "%", "/", "?", "#", "\\", "-", "1", " ", "é", "日", "a.", "a@"),
    *("1.", "::", "%25", "é.", "xn--", "\u0301", "\u200d", "\ufdfa", "//", "../", "\n", "\x00"),
]
PROMPT = 2.0
"""Seconds of processor time; what is not linear takes much longer on any machine."""


@pytest.mark.parametrize("piece", PIECES, ids=ascii)
@pytest.mark.parametrize("size", [65_000, 1_000_000])
@pytest.mark.parametrize("start", ["", "http://", "http://h/"])
def test_a_long_text_is_read_promptly(start: str, size: int, piece: str) -> None:
    text = start + piece * (size // len(piece))
    begin = time.process_time()
    found = read(text)
    if isinstance(found, InvalidAddress):
        str(found)
    assert time.process_time() - begin < PROMPT
    assert isinstance(found, InvalidAddress) or len(text.strip()) <= 65_536


@pytest.mark.parametrize("piece", ["a", "é", "\ufdfa", "../", "@"], ids=ascii)
def test_a_long_redirect_is_read_promptly(piece: str) -> None:
    base, location = parse("http://h/"), "//" + piece * (8_000 // len(piece))
    begin = time.process_time()
    with pytest.raises(InvalidAddress):
        resolve_redirect(base, location)
    assert time.process_time() - begin < PROMPT


# --- HTTP over a unix socket, TLS, services


READ = {
    "http+unix://%2Frun%2Fapp.sock/health": "http+unix://%2Frun%2Fapp.sock/health",
    "HTTP+UNIX://%2Frun%2fapp.sock": "http+unix://%2Frun%2Fapp.sock/",
    "http+unix://%2Frun%2Fa b%3F.sock?x=1#y": "http+unix://%2Frun%2Fa%20b%3F.sock/?x=1",
    "http+unix://%2Frun%2Fapp.sock/a/../b c": "http+unix://%2Frun%2Fapp.sock/b%20c",
    "tls://Example.COM:993": "tls://example.com:993",
    "tls://[::1]:443/": "tls://[::1]:443",
    "redis://h": "redis://h:6379",
    "redis://h:6380/0": "redis://h:6380",
    "rEdis://:SECRET@[::1]/0?a=b": "redis://[::1]:6379",
    "postgres://me:SECRET@db.test/shop?sslmode=require": "postgresql://db.test:5432",
    "mariadb://db.test": "mysql://db.test:3306",
    "smtp://mail.test": "smtp://mail.test:25",
    "ssh://me@h": "ssh://h:22",
}


@pytest.mark.parametrize(("text", "url"), READ.items())
def test_other_schemes_are_read(text: str, url: str) -> None:
    target = parse(text)
    assert target.url == url
    assert target.scheme == url.partition(":")[0]
    assert parse(target.url) == target
    assert "SECRET" not in repr(target)


def test_http_over_a_unix_socket_is_called_localhost() -> None:
    target = parse("http+unix://%2Frun%2Fapp.sock/health?a")
    assert (target.kind, target.path) == (TargetKind.http, "/run/app.sock")
    assert (target.host_header, target.request_target) == ("localhost", "/health?a")


UNIX_REDIRECTS = {
    "/login?a": "http+unix://%2Frun%2Fapp.sock/login?a",
    "login": "http+unix://%2Frun%2Fapp.sock/a/login",
    "http://localhost/login": "http+unix://%2Frun%2Fapp.sock/login",
    "//localhost:80": "http+unix://%2Frun%2Fapp.sock/",
    "http://localhost:8080/": "http://localhost:8080/",
    "https://localhost/": "https://localhost/",
    "//example.com/x": "http://example.com/x",
    "http://example.com/x": "http://example.com/x",
}


@pytest.mark.parametrize(("location", "url"), UNIX_REDIRECTS.items())
def test_a_redirect_of_a_unix_socket_stays_or_leaves(location: str, url: str) -> None:
    target = resolve_redirect(parse("http+unix://%2Frun%2Fapp.sock/a/b"), location)
    assert target.url == url
    assert bool(target.path) is url.startswith("http+unix:")


def test_nothing_redirects_to_a_unix_socket() -> None:
    with pytest.raises(InvalidAddress, match="not to an http or https address"):
        resolve_redirect(parse("http://h/"), "http+unix://%2Frun%2Fapp.sock/")


OTHER_FAULTS = [
    "http+unix:///run/app.sock",
    "http+unix://",
    "http+unix://run/x",
    "http+unix://%2F" + "a" * 200,
    "http+unix://%2Fa%00b/",
    "tls://h",
    "tls://me@h:1",
    "tls://h:1/path",
    "redis://",
    "postgresql:///shop",
    "postgresql://a:1,b:2/shop",
]


@pytest.mark.parametrize("text", OTHER_FAULTS)
def test_other_schemes_have_faults_too(text: str) -> None:
    with pytest.raises(InvalidAddress):
        parse(text)
