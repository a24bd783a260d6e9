"""IP addresses as what sockets connect to: pure, but for the names of network interfaces."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, TypeAlias

from tryconnect._model.faults import LocalFault
from tryconnect._transport.addresses import sockaddr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tryconnect._transport.addresses import Address

__all__ = ["AddrInfo", "addr_infos", "literal_infos", "looked_up_infos"]

AddrInfo: TypeAlias = "tuple[int, int, int, str, Any]"
"""Family, kind, protocol, "", address: as ``socket.getaddrinfo`` has it."""


def addr_infos(hosts: Sequence[Mapping[str, Any]], family: int) -> list[AddrInfo]:
    """Turn look-up results into what sockets connect to.

    Args:
        hosts: the addresses of one name.
        family: only addresses of this one; ``AF_UNSPEC`` for all.
    """
    return _wanted([_addr_info(host["host"], host["port"]) for host in hosts], family)


def looked_up_infos(addresses: Sequence[Address], port: int, family: int) -> list[AddrInfo]:
    """Turn what a look-up has found into the same.

    Raises:
        LocalFault: none of them is of the wanted family.
    """
    return _wanted(
        [
            (address[0], socket.SOCK_STREAM, socket.IPPROTO_TCP, "", sockaddr(address, port))
            for address in addresses
        ],
        family,
    )


def literal_infos(ip: str, port: int, family: int) -> list[AddrInfo]:
    """Turn an IP address into the same; a zone stands in it as in URLs, behind ``%25``.

    Raises:
        LocalFault: it is of another family than the wanted one, or its zone is none of ours.
    """
    return _wanted([_addr_info(ip, port)], family)


def _wanted(infos: list[AddrInfo], family: int) -> list[AddrInfo]:
    if family == socket.AF_UNSPEC:
        return infos
    wanted = [info for info in infos if info[0] == family]
    if not wanted:
        raise LocalFault(f"the client is set to another family of addresses than {infos[0][4][0]}")
    return wanted


def _addr_info(ip: str, port: int) -> AddrInfo:
    if ":" in ip:
        address = _ipv6_address(ip, port)
        return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (ip, port)


def _ipv6_address(ip: str, port: int) -> tuple[str, int, int, int]:
    # Zones are in the form that URLs have them in, which is how aiohttp hands literals on.
    ip, _, zone = ip.partition("%25")
    if not zone:
        return ip, port, 0, 0
    try:
        return ip, port, 0, int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)
    except OSError as error:
        raise LocalFault(f"this machine has no network interface named {zone}") from error
