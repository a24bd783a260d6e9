"""What happened on the network, before anyone judges it; it knows no library's types."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from tryconnect._model.report import UNTIMED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tryconnect._address.target import Target
    from tryconnect._model.report import Hop, Timings, Tls
    from tryconnect._model.text import Decoded

__all__ = ["Attempt", "Phase"]


class Phase(StrEnum):
    """The stations of a check, in their order."""

    dns = "dns"
    connect = "connect"
    tls = "tls"
    response = "response"
    body = "body"


@dataclass(slots=True, kw_only=True)
class Attempt:
    """What happened, before anyone judges it.

    Not frozen, as it never leaves the house: that would take 2 % of a check.

    Attributes:
        target: what was asked last, after redirects; ``None`` where the address made no target.
        error: what ended the attempt, or ``None``.
        phase: where it ended, or ``None`` where no phase was under way.
        proxied: the last hop went through a proxy.
        headers: those of the answer whose body was read.
        body: what was read, decoded, where the caller asked for it.
    """

    target: Target | None
    error: BaseException | None = None
    phase: Phase | None = None
    timings: Timings = UNTIMED
    status: int | None = None
    ip: str | None = None
    hops: tuple[Hop, ...] = ()
    tls: Tls | None = None
    proxied: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Decoded | None = None
