"""IP addresses as what sockets connect to: pure, but for the names of network interfaces."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, TypeAlias

from tryconnect._model.faults import LocalFault
from tryconnect._transport.addresses import read_address, sockaddr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tryconnect._transport.addresses import Address

__all__ = ["AddrInfo", "Pins", "addr_infos", "literal_infos", "looked_up_infos", "pinned_infos"]

AddrInfo: TypeAlias = "tuple[int, int, int, str, Any]"
"""Family, kind, protocol, "", address: as ``socket.getaddrinfo`` has it."""


Pins: TypeAlias = "Mapping[tuple[str, int], tuple[str, ...]]"
"""The addresses of some hosts and ports, which stand in for a look-up."""


def addr_infos(hosts: Sequence[Mapping[str, Any]], family: int) -> list[AddrInfo]:
    """Turn look-up results into what sockets connect to.

    Args:
        hosts: the addresses of one name.
        family: only addresses of this one; ``AF_UNSPEC`` for all.
    """
    return looked_up_infos(
        [read_address(host["host"], host["port"]) for host in hosts], port=0, family=family
    )


def looked_up_infos(addresses: Sequence[Address], port: int, family: int) -> list[AddrInfo]:
    """Turn what a look-up has found into the same.

    Raises:
        LocalFault: none of them is of the wanted family.
    """
    wanted = addresses
    if family != socket.AF_UNSPEC:
        wanted = [each for each in addresses if each[0] == family]
    if addresses and not wanted:
        raise LocalFault(f"the client is set to another family of addresses than {addresses[0][1]}")
    return [
        (each[0], socket.SOCK_STREAM, socket.IPPROTO_TCP, "", sockaddr(each, port))
        for each in wanted
    ]


def literal_infos(ip: str, port: int, family: int) -> list[AddrInfo]:
    """Turn an IP address into the same; a zone stands in it as in URLs, behind ``%25``.

    Raises:
        LocalFault: it is of another family than the wanted one, or its zone is none of ours.
    """
    if ":" not in ip and family in _OF_IPV4:  # most are that, and there is nothing to look at
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (ip, port))]
    return looked_up_infos([read_address(ip)], port, family)


_OF_IPV4 = frozenset({socket.AF_UNSPEC, socket.AF_INET})


def pinned_infos(ips: Sequence[str], port: int, family: int) -> list[AddrInfo]:
    """Turn the addresses that stand in for a look-up into the same.

    Raises:
        LocalFault: none of them is of the wanted family.
    """
    return looked_up_infos([*map(read_address, ips)], port, family)
