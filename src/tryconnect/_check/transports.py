"""Which check takes which transport: one table, read from the top, and the first row that fits.

A check never changes its transport, but for a redirect to where a proxy is in effect: it begins
anew there, within what is left of its time.
"""

from __future__ import annotations

import contextlib
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from tryconnect._address.target import TargetKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ROWS", "Circumstances", "Row", "Transport", "aiohttp_only", "choose"]


class Transport(StrEnum):
    """What carries a check."""

    reactor = "reactor"
    aiohttp = "aiohttp"


class Circumstances(NamedTuple):
    """What the choice depends on.

    Attributes:
        chosen: the caller's ``transport=``: ``"auto"`` or ``"aiohttp"``.
        kind: of its address.
        single: it is a call of the module's, or of a ``Client``, for one address.
        body: its body is read.
        proxied: a proxy is in effect for its address.
        watchable: the loop can watch a selector, and the system has one to be watched.
    """

    chosen: str = "auto"
    kind: TargetKind = TargetKind.http
    single: bool = False
    body: bool = False
    proxied: bool = False
    watchable: bool = True


class Row(NamedTuple):
    """One rule.

    Attributes:
        what: the checks that it is about, in words.
        fits: whether it is about a check.
        transport: what those take.
        why: the reason, in words.
    """

    what: str
    fits: Callable[[Circumstances], bool]
    transport: Transport
    why: str


ROWS = (
    Row(
        'lists with ``transport="aiohttp"``, and all checks in a test with the fixture'
        " ``tryconnect_aiohttp_transport``",
        lambda check: check.chosen == "aiohttp" or _aiohttp_only,
        Transport.aiohttp,
        "the caller says so, to mock aiohttp's session",
    ),
    Row(
        "fetches, and checks that expect something of a body",
        lambda check: check.body,
        Transport.aiohttp,
        "the reactor hangs up where the headers end",
    ),
    Row(
        "checks with a proxy in effect, also at a later hop",
        lambda check: check.proxied,
        Transport.aiohttp,
        "the reactor speaks to no proxy",
    ),
    Row(
        "checks in a loop without ``add_reader``, and on Windows",
        lambda check: not check.watchable,
        Transport.aiohttp,
        "nothing can watch the reactor there",
    ),
    Row(
        "single calls of the module and of ``Client`` that ask by HTTP",
        lambda check: check.single and check.kind is TargetKind.http,
        Transport.aiohttp,
        "users mock and configure its session, and it keeps connections",
    ),
    Row(
        "all others: lists, the command line, the probe server; ports, sockets and services",
        lambda _: True,
        Transport.reactor,
        "it costs a quarter",
    ),
)


def choose(check: Circumstances) -> Transport:
    """Return the transport of a check."""
    return next(row.transport for row in ROWS if row.fits(check))


_aiohttp_only = False


@contextlib.contextmanager
def aiohttp_only() -> Iterator[None]:
    """Send all checks of this process by aiohttp, for programs whose tests mock its session."""
    global _aiohttp_only  # noqa: PLW0603 - it is meant for the process
    before, _aiohttp_only = _aiohttp_only, True
    try:
        yield
    finally:
        _aiohttp_only = before
