"""The hosts file, read as glibc reads it: every line of a name counts, in the order of the file.

c-ares 1.34.9 merges lines that share a name or an address, and so sends checks to other machines.
"""

from __future__ import annotations

import socket
import unicodedata
from typing import TYPE_CHECKING, TypeAlias

from tryconnect._transport.addresses import address_of

if TYPE_CHECKING:
    from tryconnect._transport.addresses import Address

__all__ = ["HostsFile"]


class HostsFile:
    """The names of a hosts file (hosts(5)) and their addresses.

    Args:
        text: the file's content; ``None``: there is no file.
    """

    def __init__(self, text: str | None) -> None:
        # Block lists have 200,000 lines: an address is looked at when its name is asked for.
        self._lines: dict[str, list[str]] = {}
        for line in (text or "").splitlines():
            ip, *names = line.partition("#")[0].lower().split() or [""]
            for name in names:
                self._lines.setdefault(name if name.isascii() else _a_labels(name), []).append(ip)

    def find(self, name: str, family: int) -> list[Address]:
        """Return the addresses of a name, without repetitions.

        Args:
            name: in ASCII; letter case does not matter.
            family: addresses of this one only; ``AF_UNSPEC`` for all.
        """
        ips = self._lines.get(name.lower())
        if ips is None:
            return []
        found = (_of_family(address_of(ip), family) for ip in ips)
        return list(dict.fromkeys(address for address in found if address is not None))


_Maybe: TypeAlias = "Address | None"


def _of_family(address: _Maybe, family: int) -> _Maybe:
    """Return the address as that family has it; glibc knows the IPv4 forms of two IPv6 ones."""
    if address is None or family in (socket.AF_UNSPEC, address[0]):
        return address
    if family == socket.AF_INET:
        mapped = address[1].removeprefix("::ffff:")
        return address_of("127.0.0.1" if mapped == "::1" else mapped, socket.AF_INET)
    return None


def _a_labels(name: str) -> str:
    """Return a name that is written in Unicode as URLs have it (RFC 5891, section 4.4)."""
    labels = unicodedata.normalize("NFC", name).split(".")
    return ".".join(
        each if each.isascii() else f"xn--{each.encode('punycode').decode()}" for each in labels
    )
