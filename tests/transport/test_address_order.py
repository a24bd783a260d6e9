"""The order of addresses; ``test_as_getaddrinfo.py`` asks glibc, with ways out of the machine."""

import socket

import pytest

from tryconnect._transport import address_order
from tryconnect._transport.address_order import parse_gai_conf, sort_addresses
from tryconnect._transport.addresses import Address, address_of


def addresses(*ips: str) -> list[Address]:
    found = [address_of(ip) for ip in ips]
    assert None not in found
    return [each for each in found if each]


SOURCES = {
    # of what is sent there, or None where there is no way
    "192.0.2.1": "198.51.100.1",
    "192.0.2.2": "198.51.100.1",
    "169.254.0.1": "169.254.0.9",
    "127.0.0.9": "127.0.0.1",
    "2001:db8::1": "2001:db8::9",
    "2001:db8:8000::1": "2001:db8::9",
    "2001:db8:ffff::1": None,
    "2002:c000:201::1": "2001:db8::9",
    "fd00::1": "2001:db8::9",
    "fd09::1": "fd09::9",
    "fe80::1": "fe80::9",
    "fec0::1": "fec0::9",
    "ff05::1": "2001:db8::9",
    "::1": "::1",
}


@pytest.fixture(autouse=True)
def ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with these ways out, and without a gai.conf."""

    def source(address: Address) -> int | None:
        ip = SOURCES[address[1]]
        return None if ip is None else address_order._number(address[0], ip)

    monkeypatch.setattr(address_order, "_source", source)
    monkeypatch.setattr(address_order, "_machines", [parse_gai_conf("")])


SORTED = {
    "one": ["192.0.2.1"],
    "IPv6 is preferred": ["2001:db8::1", "192.0.2.1"],
    "IPv4 where IPv6 has no way": ["192.0.2.1", "2001:db8:ffff::1"],
    "loopback": ["::1", "127.0.0.9"],
    "another label is worse: 6to4 from a native address": ["192.0.2.1", "2002:c000:201::1"],
    "unique local, from such an address": ["fd09::1", "192.0.2.1"],
    "unique local, from another": ["192.0.2.1", "fd00::1"],
    "the smaller scope, of equal precedence": ["fe80::1", "2001:db8::1", "192.0.2.1"],
    "site-local addresses are no longer preferred": ["2001:db8::1", "192.0.2.1"],
    "another scope is worse": ["192.0.2.1", "ff05::1"],
    "the longer common prefix": ["2001:db8::1", "2001:db8:8000::1", "192.0.2.1"],
    "a link-local IPv4 address": ["2001:db8::1", "169.254.0.1"],
}


@pytest.mark.parametrize("case", SORTED)
def test_the_order_is_rfc_6724s(case: str) -> None:
    expected = addresses(*SORTED[case])

    assert sort_addresses(expected) == expected
    assert sort_addresses(expected[::-1]) == expected


@pytest.mark.parametrize("ips", [["192.0.2.2", "192.0.2.1"], ["2001:db8:8000::1", "2001:db8::1"]])
def test_addresses_of_one_family_stay_as_they_came(ips: list[str]) -> None:
    assert sort_addresses(addresses(*ips)) == addresses(*ips)


PREFERS_IPV4 = {
    "precedence ::ffff:0:0/96 100": True,
    "# precedence ::ffff:0:0/96 100": False,
    "precedence ::ffff:0:0/96 100 # remark": True,
    "precedence ::ffff:0:0/96": False,
    "precedence ::ffff:0:0/96 many": False,
    "precedence nonsense 100": False,
    "precedence ::/x 100": False,
    "precedence ::/0 40\nprecedence ::ffff:0:0/96 41": True,
    "precedence ::ffff:0:0/96 41\nprecedence ::/0 42": False,
    "precedence 0.0.0.0/0 100": True,
    "label ::/0 1": False,
    "nonsense 1 2": False,
}


@pytest.mark.parametrize("text", PREFERS_IPV4)
def test_gai_conf_decides(text: str) -> None:
    both = addresses("2001:db8::1", "192.0.2.1")

    first, _ = sort_addresses(both, parse_gai_conf(text))

    assert (first[0] == socket.AF_INET) is PREFERS_IPV4[text]


def test_the_machines_policy_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_order, "_machines", [])
    monkeypatch.setattr(address_order, "_PATH", "/nowhere/gai.conf")

    assert address_order._machine() is address_order._machine()
    assert address_order._machine() == parse_gai_conf("")


def test_where_packets_would_be_sent_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    (here,) = addresses("127.0.0.1")

    assert address_order._source(here) == 0xFFFF << 32 | 0x7F000001
    assert address_order._source((socket.AF_INET6, "fe80::1", 9999, 0)) is None
