"""Whether IPv6 is absent, usable, or there but broken."""

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


def ipv6(name: str, *, addresses: Path = _ADDRESSES, routes: Path = _ROUTES) -> Iterator[Finding]:
    """See which addresses and ways there are; nothing is sent.

    Args:
        name: the finding's.
        addresses: Linux's list of interfaces' addresses (``man 5 proc_pid_net``).
        routes: its table of routes.
    """
    if sys.platform != "linux":
        yield _by_binding(name)
        return
    outward = any(_is_outward(line) for line in _lines(addresses))
    way = any(_is_way_out(line) for line in _lines(routes))
    yield _JUDGEMENTS[outward, way](name)


def _lines(file: Path) -> list[list[str]]:
    """Return the words of each line; the files are missing where IPv6 is switched off."""
    try:
        return [line.split() for line in file.read_text("ascii").splitlines()]
    except FileNotFoundError:
        return []


def _is_outward(line: list[str]) -> bool:
    """Tell whether an address is good beyond its own link."""
    address = ipaddress.IPv6Address(bytes.fromhex(line[0]))
    return not (address.is_loopback or address.is_link_local)


_REJECT = 0x200
"""RTF_REJECT of ``linux/route.h``: this route says no."""


def _is_way_out(line: list[str]) -> bool:
    """Tell whether a route leads everywhere."""
    destination, length, flags, interface = line[0], line[1], int(line[8], 16), line[9]
    leads = interface != "lo" and not flags & _REJECT
    return leads and int(destination, 16) == int(length, 16) == 0


_JUDGEMENTS = {
    (True, True): lambda name: ok(name, "IPv6 has an address and a way out"),
    (False, False): lambda name: ok(name, "there is no IPv6 here: all names are asked by IPv4"),
    (True, False): lambda name: warning(
        name,
        "IPv6 is broken: there is an address, but no way out",
        "give it a default route or switch it off; meanwhile Client(family='ipv4') saves a try",
    ),
    (False, True): lambda name: warning(
        name,
        "IPv6 is broken: there is a way out, but no address to send from",
        "see why no address was assigned, or switch IPv6 off",
    ),
}
"""By whether there is an address that is good beyond its link, and a route that leads out."""


def _by_binding(name: str) -> Finding:
    """See whether there is IPv6 at all, which is as much as other systems tell without sending."""
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind((_LOOPBACK, 0))
    except OSError:
        return _JUDGEMENTS[False, False](name)
    return ok(name, "IPv6 is there; whether it has a way out was not tried on this system")
