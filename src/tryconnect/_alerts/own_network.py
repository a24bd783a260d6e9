"""Whether our own network is gone, so that no target is blamed for it.

That is so when more than half of the targets fail, and the gateway or the canaries fail too. A
failure that may be the first of many is held back until that is known: within one round of checks.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from tryconnect._alerts.gateway import gateway_fault, gateways
from tryconnect._model.reason import Reason
from tryconnect._runtime.clock import CLOCK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tryconnect._alerts.gateway import Gateway
    from tryconnect._model.report import Report
    from tryconnect._runtime.clock import Clock

__all__ = ["CANARY_TIMEOUT", "OwnNetwork", "longest_round", "network_fault"]

CANARY_TIMEOUT = 3.0
"""Seconds for the check of a canary."""

_ROUND = 1.2
"""By how much a round of checks may take longer than its interval: watches spread by a tenth."""

ASK_EVERY = 0.2
"""Seconds between two questions to the gateway and the canaries."""

LONGEST_HOLD = 300.0
"""Seconds for which a failure is held back at most."""

ANSWERED = frozenset(
    {
        *(Reason.status, Reason.body, Reason.too_large, Reason.too_many_redirects),
        *(Reason.protocol, Reason.tls_certificate),
        *(Reason.invalid_address, Reason.blocked, Reason.local),
        *(Reason.slow, Reason.cert_expiring),
    }
)
"""Failures that prove a network, or that need none."""


def longest_round(every: float, timeout: float) -> float:
    """Return the seconds within which each watched address has been checked."""
    return _ROUND * every + timeout


async def _canary_fault(
    check: Callable[[str], Awaitable[Report]], canaries: Sequence[str]
) -> str | None:
    """Return why no canary answers, or ``None`` if one does, or if there is none."""
    if not canaries:
        return None
    reports = await asyncio.gather(*map(check, canaries))
    bad = [report for report in reports if not report.ok]
    return f"no canary answers: {bad[0].detail}" if len(bad) == len(reports) else None


class OwnNetwork:
    """Judges the reports of all targets together.

    Args:
        fault: Returns why our own network seems gone, or ``None``.
        changed: Called when it is gone (with why), and when it is back (with ``None``).
        clock: The time, and how to wait.

    Attributes:
        gone: Why it is gone, or ``None``.
    """

    def __init__(
        self,
        fault: Callable[[], Awaitable[str | None]],
        *,
        changed: Callable[[str | None], None],
        clock: Clock = CLOCK,
    ) -> None:
        self._ask = fault
        self._changed = changed
        self._clock = clock
        self._rounds: dict[str, float] = {}
        self._failing: set[str] = set()
        self._asked = float("-inf")
        self._said: str | None = None
        self._asking = asyncio.Lock()
        self._gone_until = float("-inf")
        self.gone: str | None = None

    def watch(self, rounds: dict[str, float]) -> None:
        """Set which targets there are, and within how many seconds each is checked again."""
        self._rounds = dict(rounds)
        self._failing &= rounds.keys()

    async def judge(self, name: str, report: Report) -> Report:
        """Return the report of a target, or one that blames this machine in its place."""
        if report.ok or report.reason in ANSWERED:
            self._failing.discard(name)
            if self.gone is not None and (not self._most_fail or await self._fault() is None):
                self._is(None)
            return report
        self._failing.add(name)
        ended = self._clock.now()
        began = ended - report.timings.total
        hold = min(LONGEST_HOLD, max(self._rounds.values(), default=0.0))
        while (fault := await self._fault()) is not None:
            if self.gone is not None or self._most_fail:
                self._is(fault)
                return _blaming_us(report, fault)
            if self._gone_until >= began or self._clock.now() >= ended + hold:
                break
            await self._clock.sleep(ASK_EVERY)
        self._is(None)
        if self._gone_until >= began:  # it was gone during the check
            return _blaming_us(report, "it was for a part of the check")
        return report

    @property
    def _most_fail(self) -> bool:
        return len(self._failing) * 2 > len(self._rounds)

    def _is(self, gone: str | None) -> None:
        before, self.gone = self.gone, gone
        if before is not None or gone is not None:
            self._gone_until = self._clock.now()
        if (before is None) is not (gone is None):
            self._changed(gone)

    async def _fault(self) -> str | None:
        """Ask, unless somebody has since this call began."""
        began = self._clock.now()
        async with self._asking:
            if self._asked < began:
                await self._clock.sleep(max(0.0, self._asked + ASK_EVERY - began))
                self._asked = self._clock.now()
                self._said = await self._ask()
        return self._said


def _blaming_us(report: Report, fault: str) -> Report:
    detail = f"this machine's own network is gone: {fault}"
    return replace(report, reason=Reason.local, detail=detail)


def network_fault(
    check: Callable[[str], Awaitable[Report]], canaries: Callable[[], Sequence[str]]
) -> Callable[[], Awaitable[str | None]]:
    """Return what asks the gateways that there are now, and the canaries."""
    known: list[Gateway] = gateways()

    async def fault() -> str | None:
        return gateway_fault(known) or await _canary_fault(check, canaries())

    return fault
