"""What happened on the network, before anyone judges it; it knows no library's types."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from time import time
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from tryconnect._model.report import UNTIMED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tryconnect._address.target import Target
    from tryconnect._model.report import Hop, Timings, Tls
    from tryconnect._model.text import Decoded

__all__ = ["Attempt", "Phase", "ProxyRoute", "ProxyStep"]


NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Phase(StrEnum):
    """The stations of a check, in their order."""

    dns = "dns"
    connect = "connect"
    tls = "tls"
    response = "response"
    body = "body"


class ProxyStep(StrEnum):
    """The step at which a hop failed before the proxy let anything through.

    ``reach``: connecting to the proxy; ``ask``: waiting for its answer.
    """

    reach = "reach"
    ask = "ask"


class ProxyRoute(NamedTuple):
    """The proxy that a hop goes through.

    Attributes:
        place: its host and port.
        has_password: it is given a user name and password.
        is_socks: it speaks SOCKS.
    """

    place: str
    has_password: bool = False
    is_socks: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Attempt:
    """What happened, before anyone judges it.

    Not frozen, as it never leaves the library: freezing takes 2 % of a check.

    Attributes:
        target: what was asked last, after redirects; ``None`` where the address made no target.
        error: what ended the attempt, or ``None``.
        phase: where it ended, or ``None`` where no phase was under way.
        proxy: the proxy of the last hop, or ``None``.
        failed_at_proxy: the step with the proxy at which it ended; ``None`` if it ended elsewhere,
            as once the proxy has let something through.
        began: when, in seconds since 1970.
        head: what came where the head of an HTTP answer was expected.
        headers: those of the last answer, where a library has read them.
        body: what was read, decoded, where the caller asked for it.
    """

    target: Target | None
    error: BaseException | None = None
    phase: Phase | None = None
    timings: Timings = UNTIMED
    began: float = field(default_factory=time)
    status: int | None = None
    ip: str | None = None
    hops: tuple[Hop, ...] = ()
    tls: Tls | None = None
    proxy: ProxyRoute | None = None
    failed_at_proxy: ProxyStep | None = None
    head: bytes = b""
    # Python 3.11 takes the mapping for a mutable default.
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS)
    body: Decoded | None = None

    @property
    def said(self) -> bytes:
        """The beginning of the head, to tell what it is."""
        return self.head[:_BEGINNING]


_BEGINNING = 1024
"""Bytes."""
