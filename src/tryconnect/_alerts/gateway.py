"""Whether this machine's gateway can be reached, as far as the system knows; nothing is sent.

The checks themselves have the system ask for the gateway's hardware address, and find out whether
its device has a link. Only Linux tells that in files; elsewhere a canary must do.
"""

from __future__ import annotations

import socket
import struct
import sys
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import NamedTuple

__all__ = ["Gateway", "gateway_fault", "gateways"]

FOLDER = Path("/proc/net")

_SIOCGIFFLAGS = 0x8913
_IFF_RUNNING = 0x40
_ATF_COM = 0x02
"""An entry of the ARP table that is complete (linux/if_arp.h)."""


class Gateway(NamedTuple):
    """A default route: the gateway's address, and the device."""

    ip: str
    device: str


def gateways(folder: Path = FOLDER) -> list[Gateway]:
    """Return the gateways of the default routes (proc(5): ``route`` and ``ipv6_route``)."""
    return [*_ipv4(_rows(folder / "route")), *_ipv6(_rows(folder / "ipv6_route"))]


def gateway_fault(known: list[Gateway], folder: Path = FOLDER) -> str | None:
    """Return why no gateway can be reached, or ``None`` if one can, or if that is not known.

    Args:
        known: The gateways that there were when all was well; none: there is nothing to look at.
        folder: Where the system's files are.
    """
    if not known:
        return None
    now = gateways(folder)
    if not now:
        return "there is no route to a gateway"
    silent = _silent(folder)
    faults = [_fault(gateway, silent) for gateway in now]
    return faults[0] if all(faults) else None


def _fault(gateway: Gateway, silent: set[str]) -> str | None:
    if not _is_running(gateway.device):
        return f"the device {gateway.device} has no link"
    if gateway.ip in silent:
        return f"the gateway {gateway.ip} does not answer"
    return None


def _silent(folder: Path) -> set[str]:
    """Return the neighbours that have not answered when asked for their address (arp(7))."""
    rows = _rows(folder / "arp")[1:]
    return {row[0] for row in rows if not int(row[2], 16) & _ATF_COM}


def _rows(file: Path) -> list[list[str]]:
    try:
        return [line.split() for line in file.read_text("ascii").splitlines()]
    except OSError:
        return []


def _ipv4(rows: list[list[str]]) -> list[Gateway]:
    return [
        Gateway(str(IPv4Address(struct.pack("=I", int(gateway, 16)))), device)
        for device, destination, gateway, *_ in rows[1:]
        if int(destination, 16) == 0 and int(gateway, 16) != 0
    ]


def _ipv6(rows: list[list[str]]) -> list[Gateway]:
    found = []
    for destination, length, _, _, gateway, *_, device in rows:
        ip = IPv6Address(bytes.fromhex(gateway))
        if int(destination, 16) == int(length, 16) == 0 and int(ip):
            found.append(Gateway(str(ip), device))
    return found


def _is_running(device: str) -> bool:
    """Return whether a device has a link (netdevice(7)); where that is unknown, it has."""
    if sys.platform != "linux":
        return True
    import fcntl  # noqa: PLC0415

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            found = fcntl.ioctl(sock, _SIOCGIFFLAGS, struct.pack("16s16x", device.encode()))
        except OSError:
            return False
    return bool(struct.unpack_from("16xH", found)[0] & _IFF_RUNNING)
