"""IP addresses as look-ups return them: a tuple, cheap enough for a million names."""

from __future__ import annotations

import socket
from typing import TypeAlias

from tryconnect._model.faults import LocalFault

__all__ = ["Address", "address_of", "read_address", "scope_of", "sockaddr"]

Address: TypeAlias = tuple[int, str, int, int]
"""The family, the address as text without a zone, the number of its interface or 0, and the port or
0 where it is the one that was asked for."""


def address_of(ip: str, family: int = socket.AF_UNSPEC) -> Address | None:
    """Return an address of its text, or ``None`` where it is none (or none of that family)."""
    for each in (socket.AF_INET, socket.AF_INET6):
        if family in (socket.AF_UNSPEC, each):
            try:
                return each, socket.inet_ntop(each, socket.inet_pton(each, ip)), 0, 0
            except (OSError, ValueError):  # ValueError: a null byte, or no Unicode
                continue
    return None


def read_address(text: str, port: int = 0) -> Address:
    """Return the address that a text is; a zone stands behind ``%25``, as in URLs, or behind ``%``.

    Raises:
        LocalFault: its zone is none of this machine's.
    """
    ip, _, zone = text.partition("%")
    if zone != "25":  # which can be an interface's number only
        zone = zone.removeprefix("25")
    return socket.AF_INET6 if ":" in ip else socket.AF_INET, ip, scope_of(zone), port


def scope_of(zone: str) -> int:
    """Return the number of an interface (RFC 4007, section 11); 0 for no zone.

    Raises:
        LocalFault: this machine has none of that name.
    """
    if not zone or zone.isdecimal():
        return int(zone or 0)
    try:
        return socket.if_nametoindex(zone)
    except OSError as error:
        raise LocalFault(f"this machine has no network interface named {zone}") from error


def sockaddr(address: Address, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """Return what a socket connects to for a port."""
    family, ip, scope, other_port = address
    port = other_port or port
    return (ip, port, 0, scope) if family == socket.AF_INET6 else (ip, port)
