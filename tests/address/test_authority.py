"""``userinfo@host:port``, taken apart."""

from __future__ import annotations

import contextlib
import ipaddress

import ada_url
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._address.authority import Authority, Part, is_ip, read_authority
from tryconnect.errors import InvalidAddress


def read(text: str, *, has_scheme: bool = True) -> Authority:
    return read_authority(Part(text, 0, len(text)), has_scheme=has_scheme)


GOOD = [
    # text, userinfo, host, port, is_ip, tail
    ("example.com", None, "example.com", None, False, ""),
    ("EXAMPLE.com:8080/Path", None, "example.com", 8080, False, "/Path"),
    ("h?q", None, "h", None, False, "?q"),
    ("h#f", None, "h", None, False, "#f"),
    ("h:/x", None, "h", None, False, "/x"),  # RFC 3986: an empty port is the default one
    ("h:00080", None, "h", 80, False, ""),
    ("h:65535", None, "h", 65535, False, ""),
    ("me:pw@h", "me:pw", "h", None, False, ""),
    ("@h", "", "h", None, False, ""),
    ("a@b@h:1", "a@b", "h", 1, False, ""),  # the last @ counts
    ("h/x@y", None, "h", None, False, "/x@y"),
    ("h/a\\b", None, "h", None, False, "/a\\b"),  # a backslash later is the path's business
    ("_service.h", None, "_service.h", None, False, ""),
    ("my_host-1.", None, "my_host-1.", None, False, ""),
    (f"{'a' * 63}.b", None, f"{'a' * 63}.b", None, False, ""),
    ("127.0.0.1:1", None, "127.0.0.1", 1, True, ""),
    ("127.0.0.1.", None, "127.0.0.1", None, True, ""),
    ("bücher.de", None, "xn--bcher-kva.de", None, False, ""),
    ("BÜCHER.de", None, "xn--bcher-kva.de", None, False, ""),
    ("例え。jp", None, "xn--r8jz45g.jp", None, False, ""),  # and so is an ideographic full stop
    ("cafe\u0301.fr", None, "xn--caf-dma.fr", None, False, ""),
    ("faß.de", None, "xn--fa-hia.de", None, False, ""),  # IDNA 2008: it is a letter of its own
    ("نامه\u200cای.ir", None, "xn--mgba3gch31f060k.ir", None, False, ""),  # RFC 5892, A.1
    ("क्\u200dष.in", None, "xn--11b2ezcw70k.in", None, False, ""),  # A.2
    ("ex\xadample.com", None, "example.com", None, False, ""),  # a soft hyphen is not seen
    ("\uff48\uff4f\uff53\uff54", None, "host", None, False, ""),
    ("☕.us", None, "xn--53h.us", None, False, ""),
    ("b%C3%BCcher.de", None, "xn--bcher-kva.de", None, False, ""),  # escapes are undone first
    ("%77%77w.EXAMPLE.com", None, "www.example.com", None, False, ""),
    ("XN--BCHER-KVA.de", None, "xn--bcher-kva.de", None, False, ""),
    ("h\\x", None, "h", None, False, "\\x"),  # who reads strictly looks at the tail
    ("a b:c d@h", "a b:c d", "h", None, False, ""),
    ("[::1]", None, "::1", None, True, ""),
    ("[::1]:80/", None, "::1", 80, True, "/"),
    ("[::1]:", None, "::1", None, True, ""),
    ("[2001:DB8::A]", None, "2001:db8::a", None, True, ""),
    ("[::ffff:1.2.3.4]", None, "::ffff:102:304", None, True, ""),
    ("[fe80::1%eth0]", None, "fe80::1%eth0", None, True, ""),
    ("[fe80::1%25eth0]", None, "fe80::1%eth0", None, True, ""),  # RFC 6874
    ("[fe80::1%25251]", None, "fe80::1%251", None, True, ""),
    ("[fe80::1%25]", None, "fe80::1%25", None, True, ""),  # a zone of this number
]


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case[0])
def test_an_authority_is_taken_apart(
    case: tuple[str, str | None, str, int | None, bool, str],
) -> None:
    text, userinfo, *others = case
    found = read(text)
    assert (found.userinfo and found.userinfo.text) == userinfo
    assert [found.host, found.port, found.is_ip, found.tail.text] == others


PORT = "a port is a number from 1 to 65535"
IPV4 = "an IPv4 address is four numbers from 0 to 255, as in 127.0.0.1"
BRACKETS = "write an IPv6 address in brackets, as in [::1]:80"
NO_NAME = "this is not a host name"
NO_WORLD = "this is not an international host name"
NO_IPV6 = "this is not an IPv6 address"

BAD = [
    # text, problem, what the fault points at
    ("", "the host is missing", ""),
    ("/x", "the host is missing", ""),
    (":80", "the host is missing", ""),
    ("me@", "the host is missing", ""),
    ("h:0", PORT, "0"),
    ("h:65536", PORT, "65536"),
    ("h:000001x", PORT, "000001x"),
    ("h:x", PORT, "x"),
    ("h:-1", PORT, "-1"),
    ("h: 1", PORT, " 1"),
    ("h:٣", PORT, "٣"),  # a digit, but not one of ASCII
    ("h:²", PORT, "²"),
    ("[::1]:x", PORT, "x"),
    ("h:80:90", BRACKETS, "h:80:90"),
    ("::1", BRACKETS, "::1"),
    ("[::1", "the bracket is not closed", "[::1"),
    ("[", "the bracket is not closed", "["),
    ("[::1]80", "only a port can follow the bracket", "80"),
    ("[]", NO_IPV6, "[]"),
    ("[h]", NO_IPV6, "[h]"),
    ("[\x00]", NO_IPV6, "[\x00]"),
    ("[127.0.0.1]", NO_IPV6, "[127.0.0.1]"),
    ("[::1%]", NO_IPV6, "[::1%]"),
    ("[::1%a b]", NO_IPV6, "[::1%a b]"),
    ("[v1.x]", NO_IPV6, "[v1.x]"),  # RFC 3986 foresees it, nobody has it
    ("127.1", IPV4, "127.1"),  # legacy forms: 127.0.0.1 to some, unknown to others
    ("0x7f.0.0.1", IPV4, "0x7f.0.0.1"),
    ("2130706433", IPV4, "2130706433"),
    ("0x7f000001", IPV4, "0x7f000001"),
    ("0x", IPV4, "0x"),
    ("127.0.0.01", IPV4, "127.0.0.01"),
    ("127.0.0.256", IPV4, "127.0.0.256"),
    ("1.2.3.4.5", IPV4, "1.2.3.4.5"),
    ("host.1", IPV4, "host.1"),
    ("①", IPV4, "①"),
    ("\uff11\uff12\uff17.0.0.1", IPV4, "\uff11\uff12\uff17.0.0.1"),
    ("127.0.0.\xad1", IPV4, "127.0.0.\xad1"),
    ("%31%32%37.0.0.1", IPV4, "%31%32%37.0.0.1"),
    ("a b", NO_NAME, "a b"),
    ("a..b", NO_NAME, "a..b"),
    (".a", NO_NAME, ".a"),
    (".", NO_NAME, "."),
    ("a..", NO_NAME, "a.."),
    ("a%00b", NO_NAME, "a%00b"),
    ("a%2Fb", NO_NAME, "a%2Fb"),
    ("a%zz", NO_NAME, "a%zz"),
    ("a%", NO_NAME, "a%"),
    ("%E9", NO_NAME, "%E9"),  # no UTF-8
    ("a!", NO_NAME, "a!"),
    ("a]", NO_NAME, "a]"),
    (f"{'a' * 64}.b", NO_NAME, f"{'a' * 64}.b"),
    (f"{'a.' * 127}b", NO_NAME, f"{'a.' * 127}b"),
    ("é" * 255, NO_NAME, "é" * 255),
    ("a\u200db", NO_WORLD, "a\u200db"),
    ("é" * 64, NO_NAME, "é" * 64),
    ("é.1", NO_WORLD, "é.1"),
    ("a\uff0fb", NO_WORLD, "a\uff0fb"),
    ("\u202eh", NO_WORLD, "\u202eh"),
    ("\xad", NO_WORLD, "\xad"),
]


@pytest.mark.parametrize(("text", "problem", "fault"), BAD)
def test_a_fault_is_named_and_pointed_at(text: str, problem: str, fault: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        read(text)
    error = caught.value
    assert (error.problem, text[error.start : error.end]) == (problem, fault)


def test_an_ipv6_address_may_stand_bare_where_there_is_no_scheme() -> None:
    assert read("::1/x", has_scheme=False)[1:4] == ("::1", None, True)
    assert read("FE80::1%eth0", has_scheme=False).host == "fe80::1%eth0"


@pytest.mark.parametrize(("text", "problem"), [("::1::", BRACKETS), ("h:", PORT)])
def test_without_a_scheme_colons_still_must_make_sense(text: str, problem: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        read(text, has_scheme=False)
    assert caught.value.problem == problem


LEGACY = [
    ("127.1", "127.0.0.1"),
    ("0x7f.0.0.01", "127.0.0.1"),
    ("2130706433.", "127.0.0.1"),
    ("\uff11\uff12\uff17.0.0.1", "127.0.0.1"),
    ("127.0.0.1", "127.0.0.1"),
]


@pytest.mark.parametrize(("text", "host"), LEGACY)
def test_legacy_forms_of_ipv4_are_read_where_browsers_are_followed(text: str, host: str) -> None:
    found = read_authority(Part(text, 0, len(text)), legacy_ipv4=True)
    assert (found.host, found.is_ip) == (host, True)


@pytest.mark.parametrize("text", ["256.256.256.256", "1.2.3.4.5", "0x100000000", "host.1"])
def test_what_is_no_ipv4_address_to_browsers_is_none(text: str) -> None:
    with pytest.raises(InvalidAddress):
        read_authority(Part(text, 0, len(text)), legacy_ipv4=True)


def test_an_ipv6_address_goes_back_into_its_brackets() -> None:
    assert read("[::1]:80").netloc_host == "[::1]"
    assert read("[fe80::1%eth0]").netloc_host == "[fe80::1%25eth0]"
    assert read("h:80").netloc_host == "h"


IPS = [
    ("127.0.0.1", True),
    ("::1", True),
    ("fe80::1%eth0", True),
    ("localhost", False),
    ("example.com", False),
    ("1.example.com", False),
    ("0x1.com", False),
    ("example.com.", False),
    ("", False),
]


@pytest.mark.parametrize(("host", "answer"), IPS)
def test_a_host_tells_whether_it_is_an_ip(host: str, answer: bool) -> None:  # noqa: FBT001
    assert is_ip(host) is answer


@pytest.mark.parametrize("text", [case[0] for case in GOOD])
def test_is_ip_agrees_with_what_was_read(text: str) -> None:
    found = read(text)
    assert is_ip(found.host) is found.is_ip


def test_a_part_remembers_where_it_stands() -> None:
    part = Part("scheme://host/x", 9, 13)
    assert part.text == "host"
    assert part.find("s") == 11
    assert part.find("/") == -1  # it lies behind the part
    assert (part.until(11).text, part.after(11).text) == ("ho", "st")
    fault = part.fault("wrong")
    assert (fault.address, fault.problem, fault.start, fault.end) == (*part[:1], "wrong", 9, 13)


@given(st.integers(1, 65535))
def test_each_port_is_read(port: int) -> None:
    assert read(f"h:{port}").port == port


@given(st.ip_addresses())
def test_each_ip_address_is_read(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    text = str(address)
    found = read(f"[{text}]" if ":" in text else text)
    assert (ipaddress.ip_address(found.host), found.is_ip) == (address, True)


@pytest.mark.parametrize("spelling", ["::1", "0::1", "0:0:0:0:0:0:0:1", "::0001", "::0.0.0.1"])
def test_an_ipv6_address_has_one_spelling(spelling: str) -> None:
    assert read(f"[{spelling}]").host == "::1"


@given(st.ip_addresses(v=6))
def test_an_ipv6_address_is_spelt_as_in_urls(address: ipaddress.IPv6Address) -> None:
    assert read(f"[{address}]").host == ada_url.URL(f"http://[{address}]/").hostname[1:-1]


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))), st.booleans())
def test_hosts_are_plain_ascii_or_nothing(text: str, has_scheme: bool) -> None:  # noqa: FBT001
    try:
        found = read(text, has_scheme=has_scheme)
    except InvalidAddress:
        return
    assert found.host.isascii()
    assert found.host.isprintable()
    assert found.host == found.host.lower()
    assert not set(found.host) & set(" /?#@\\[]")


def test_punycode_that_overflows_is_a_fault_of_the_address() -> None:
    """On Python 3.13 it does; older ones read a label of it."""
    with contextlib.suppress(InvalidAddress):
        read("0\u3002xn--55555555555555550p")
