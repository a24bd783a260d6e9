"""Addresses are cheap tuples."""

import socket
import sys

import pytest

from tryconnect._model.faults import LocalFault
from tryconnect._transport.addr_infos import pinned_infos
from tryconnect._transport.addresses import (
    Address,
    address_of,
    read_address,
    scope_of,
    sockaddr,
)

V4, V6 = socket.AF_INET, socket.AF_INET6


@pytest.mark.parametrize(
    ("ip", "address"),
    [
        ("127.0.0.1", (V4, "127.0.0.1", 0, 0)),
        ("::1", (V6, "::1", 0, 0)),
        ("FD00:0::8", (V6, "fd00::8", 0, 0)),
        ("127.1", None),
        ("fe80::1%lo", None),
        ("\0", None),
        ("\udce9", None),
        ("", None),
    ],
)
def test_an_address_of_a_text(ip: str, address: Address | None) -> None:
    assert address_of(ip) == address


def test_an_address_of_another_family_is_none() -> None:
    assert address_of("::1", V4) is None
    assert address_of("127.0.0.1", V6) is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ((V4, "127.0.0.1", 0, 0), ("127.0.0.1", 80)),
        ((V4, "127.0.0.1", 0, 81), ("127.0.0.1", 81)),
        ((V6, "fe80::1", 3, 0), ("fe80::1", 80, 0, 3)),
        ((V6, "::1", 0, 81), ("::1", 81, 0, 0)),
    ],
)
def test_what_a_socket_connects_to(address: Address, expected: tuple[object, ...]) -> None:
    assert sockaddr(address, 80) == expected


def test_the_number_of_an_interface() -> None:
    number, name = socket.if_nameindex()[0]

    assert [scope_of(zone) for zone in ("", "7", name)] == [0, 7, number]
    with pytest.raises(LocalFault, match="no network interface named nothing0"):
        scope_of("nothing0")


LOOPBACK = socket.if_nametoindex("lo") if sys.platform == "linux" else 0


@pytest.mark.skipif(sys.platform != "linux", reason="Linux calls it lo")
@pytest.mark.parametrize(
    ("text", "scope"),
    [("fe80::1", 0), ("fe80::1%lo", LOOPBACK), ("fe80::1%25lo", LOOPBACK), ("fe80::1%25", 25)],
)
def test_a_zone_stands_in_an_address_as_in_urls_or_as_the_system_writes_it(
    text: str, scope: int
) -> None:
    assert read_address(text) == (V6, "fe80::1", scope, 0)
    assert [info[4] for info in pinned_infos((text,), 80, 0)] == [("fe80::1", 80, 0, scope)]
