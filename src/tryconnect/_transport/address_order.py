"""The order of a name's addresses (RFC 6724), by the tables of this machine's gai.conf.

It decides which family is tried first. Names with addresses of one family keep the name server's
order, which rotates them for a reason.
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tryconnect._transport.addresses import Address

__all__ = ["Policy", "parse_gai_conf", "sort_addresses"]

_Table: TypeAlias = list[tuple[int, int, int]]
"""Network, bits and value, longest first."""

_PATH = "/etc/gai.conf"
_BITS = 128
_ANY_PORT = 9
_MULTICAST, _LINK_LOCAL, _SITE_LOCAL, _GLOBAL = 0xFF, 0x2, 0x5, 0xE


@dataclass(frozen=True, slots=True)
class Policy:
    """What addresses are compared by."""

    labels: _Table
    precedences: _Table
    scopes: _Table
    """Of IPv4 networks."""


def sort_addresses(addresses: list[Address], policy: Policy | None = None) -> list[Address]:
    """Return the addresses as they are to be tried.

    Args:
        addresses: of one name.
        policy: what they are compared by; ``None``: what this machine's gai.conf says.
    """
    if len({family for family, *_ in addresses}) <= 1:
        return addresses
    return sorted(addresses, key=_key(policy or _machine()))


def _key(policy: Policy) -> Callable[[Address], tuple[int, ...]]:
    def key(address: Address) -> tuple[int, ...]:
        """Return the rules 1, 2, 5, 6, 8 and 9 of section 6, as glibc's ``rfc3484_sort``."""
        there = _number(address[0], address[1])
        source = _source(address)
        scope = _scope(there, policy)
        precedence, common = -_value(policy.precedences, there, 40), 0
        if source is None:
            return 1, 0, 0, precedence, scope, common
        if address[0] == socket.AF_INET6:
            common = (there ^ source).bit_length() - _BITS
        other_scope = scope != _scope(source, policy)
        other_label = _value(policy.labels, there, 1) != _value(policy.labels, source, 1)
        return 0, other_scope, other_label, precedence, scope, common

    return key


def _source(address: Address) -> int | None:
    """Return where packets to an address would be sent from; nothing is sent."""
    family, ip, scope, _ = address
    there = (ip, _ANY_PORT, 0, scope) if family == socket.AF_INET6 else (ip, _ANY_PORT)
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect(there)
            return _number(family, sock.getsockname()[0].partition("%")[0])
    except OSError:
        return None


def _number(family: int, ip: str) -> int:
    """Return an address as a number of 128 bits; IPv4 ones are mapped (RFC 4291, 2.5.5.2)."""
    number = int.from_bytes(socket.inet_pton(family, ip), "big")
    return number if family == socket.AF_INET6 else 0xFFFF << 32 | number


def _value(table: _Table, number: int, otherwise: int) -> int:
    for network, bits, value in table:
        if (number ^ network) >> (_BITS - bits) == 0:
            return value
    return otherwise


def _scope(number: int, policy: Policy) -> int:
    if number >> 32 == 0xFFFF:  # noqa: PLR2004 - a mapped IPv4 address
        return _value(policy.scopes, number, _GLOBAL)
    if number >> 120 == _MULTICAST:
        return number >> 112 & 0xF
    if number == 1 or number >> 118 == 0xFE80 >> 6:
        return _LINK_LOCAL
    return _SITE_LOCAL if number >> 118 == 0xFEC0 >> 6 else _GLOBAL


def parse_gai_conf(text: str) -> Policy:
    """Return the tables of a file (gai.conf(5)); one that it does not speak of is glibc's own."""
    tables: dict[str, _Table] = {"label": [], "precedence": [], "scopev4": []}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) == 3 and words[0] in tables and words[2].isdecimal():  # noqa: PLR2004
            with contextlib.suppress(OSError, ValueError):
                tables[words[0]].append(_row(words[1], int(words[2])))
    return Policy(
        labels=_sorted(tables["label"] or _rows(_LABELS)),
        precedences=_sorted(tables["precedence"] or _rows(_PRECEDENCES)),
        scopes=_sorted(tables["scopev4"] or _rows(_SCOPES)),
    )


def _row(prefix: str, value: int) -> tuple[int, int, int]:
    ip, _, bits = prefix.partition("/")
    if ":" in ip:
        return _number(socket.AF_INET6, ip), int(bits or _BITS), value
    return _number(socket.AF_INET, ip), int(bits or 32) + 96, value


def _rows(rows: dict[str, int]) -> _Table:
    return [_row(prefix, value) for prefix, value in rows.items()]


def _sorted(table: Iterable[tuple[int, int, int]]) -> _Table:
    return sorted(table, key=lambda row: -row[1])


_machines: list[Policy] = []


def _machine() -> Policy:
    """Return this machine's policy, read once, as by glibc."""
    if not _machines:
        try:
            text = Path(_PATH).read_text("utf-8", "replace")
        except OSError:
            text = ""
        _machines.append(parse_gai_conf(text))
    return _machines[0]


# The defaults of glibc's getaddrinfo.c, which differ from RFC 6724's in places.
_LABELS = {
    "::1/128": 0,
    "::/0": 1,
    "2002::/16": 2,
    "::/96": 3,
    "::ffff:0:0/96": 4,
    "fec0::/10": 5,
    "fc00::/7": 6,
    "2001::/32": 7,
}
_PRECEDENCES = {"::1/128": 50, "::/0": 40, "2002::/16": 30, "::/96": 20, "::ffff:0:0/96": 10}
_SCOPES = {"::ffff:169.254.0.0/112": 2, "::ffff:127.0.0.0/104": 2, "::/96": 14}
