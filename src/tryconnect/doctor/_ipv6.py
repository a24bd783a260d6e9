"""Whether IPv6 is absent, usable or broken."""

from __future__ import annotations

import ipaddress
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tryconnect.doctor._findings import Finding, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ipv6"]

_ADDRESSES = Path("/proc/net/if_inet6")
_ROUTES = Path("/proc/net/ipv6_route")
_LOOPBACK = "::1"


def ipv6(*, addresses: Path = _ADDRESSES, routes: Path = _ROUTES) -> Iterator[Finding]:
    """Look for addresses and routes, without sending anything.

    Args:
        addresses: The list of interface addresses (proc_pid_net(5)).
        routes: The routing table.
    """
    if sys.platform != "linux":
        yield _by_binding()
        return
    outward = any(_is_outward(line) for line in _lines(addresses))
    route = any(_is_default_route(line) for line in _lines(routes))
    yield _JUDGEMENTS[outward, route]


def _lines(file: Path) -> list[list[str]]:
    """Return the words of each line; the files are missing if IPv6 is disabled."""
    try:
        return [line.split() for line in file.read_text("ascii").splitlines()]
    except FileNotFoundError:
        return []


def _is_outward(line: list[str]) -> bool:
    """Return whether an address is usable beyond its own link."""
    address = ipaddress.IPv6Address(bytes.fromhex(line[0]))
    return not (address.is_loopback or address.is_link_local)


_REJECT = 0x200
"""``RTF_REJECT`` in ``linux/route.h``: a route that rejects packets."""


def _is_default_route(line: list[str]) -> bool:
    """Return whether a route is a default route."""
    destination, length, flags, interface = line[0], line[1], int(line[8], 16), line[9]
    leads = interface != "lo" and not flags & _REJECT
    return leads and int(destination, 16) == int(length, 16) == 0


_JUDGEMENTS = {
    (True, True): ok("IPv6 has an address and a default route"),
    (False, False): ok("there is no IPv6 here; checks use IPv4"),
    (True, False): warning(
        "IPv6 is broken: there is an address, but no default route",
        "add a default route or disable IPv6; until then, use Client(family='ipv4')",
    ),
    (False, True): warning(
        "IPv6 is broken: there is a default route, but no address to send from",
        "find out why no address was assigned, or disable IPv6",
    ),
}
"""By whether there is an address beyond the link, and a default route."""


def _by_binding() -> Finding:
    """Report whether there is IPv6, which is all that other systems show without sending."""
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind((_LOOPBACK, 0))
    except OSError:
        return _JUDGEMENTS[False, False]
    return ok("there is IPv6; whether it has a route was not tried on this system")
