"""What a server does with checks and changes besides showing them: history, alerts, and a log.

It also judges reports before they count: when this machine's own network is gone, no target is
down.
"""

from __future__ import annotations

import contextlib
import logging
import time
from functools import partial
from typing import TYPE_CHECKING

from tryconnect._alerts.alert import OWN_NETWORK
from tryconnect._alerts.dispatch import Alerts
from tryconnect._alerts.own_network import (
    CANARY_TIMEOUT,
    OwnNetwork,
    longest_round,
    network_fault,
)
from tryconnect.web._alert_tables import AlertSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from tryconnect._model.report import Report
    from tryconnect.web._history import HistoryStore
    from tryconnect.web._targets import WatchedTarget
    from tryconnect.web._watched import Watched

__all__ = ["Monitor"]

_log = logging.getLogger("tryconnect.web")


class Monitor:
    """Listens to the checks of all targets, and judges their reports.

    Args:
        settings: How to tell of changes.
        store: Keeps the checks; ``None``: nothing does.
    """

    def __init__(self, settings: AlertSettings | None, store: HistoryStore | None) -> None:
        self._settings = settings or AlertSettings()
        self._store = store
        self._alerts = Alerts(
            say=_log.info,
            maintenances=self._settings.maintenances,
            told=(lambda _: None) if store is None else store.told,
        )
        self._names: set[str] = set()
        self._network: OwnNetwork | None = None

    @contextlib.asynccontextmanager
    async def running(
        self, targets: Iterable[WatchedTarget], check: Callable[..., Awaitable[Report]]
    ) -> AsyncIterator[None]:
        """Write and tell while the context lasts.

        Args:
            targets: What is watched.
            check: Checks the address of a canary.
        """
        asking = partial(check, timeout=CANARY_TIMEOUT)
        fault = network_fault(asking, lambda: self._settings.canaries)
        self._network = OwnNetwork(fault, changed=self._network_changed)
        self.replace(targets)
        async with contextlib.AsyncExitStack() as stack:
            if self._store is not None:
                self._store.start()
                stack.push_async_callback(self._store.aclose)
            await stack.enter_async_context(self._alerts)
            yield

    def replace(
        self, targets: Iterable[WatchedTarget], settings: AlertSettings | None = None
    ) -> None:
        """Take what is watched from now on, and how to tell of it if that has changed, too."""
        if settings is not None:
            self._settings = settings
            self._alerts.maintenances = settings.maintenances
        rounds = {}
        for target in targets:
            rounds[target.name] = longest_round(target.every, target.timeout)
            incident = None
            if self._store is not None:
                incident = self._store.open_incidents.pop(target.name, None)
            self._alerts.add(
                target.name,
                self._settings.ways_of(target.alerts),
                down_since=incident and incident.start,
                told_down=incident is not None and incident.told,
            )
        for name in self._names - rounds.keys():
            self._alerts.discard(name)
            self._end_incident(name)
        if self._store is not None:
            for name in [*self._store.open_incidents]:  # of targets that are no longer in the file
                del self._store.open_incidents[name]
                self._end_incident(name)
        self._names = {*rounds}
        if self._network is not None:
            self._network.watch(rounds)

    def _end_incident(self, name: str) -> None:
        if self._store is not None:
            self._store.came_up(name, time.time())

    async def judge(self, watched: Watched, report: Report) -> Report:
        """Return the report of a target, or one that blames this machine in its place."""
        if self._network is None:
            return report
        return await self._network.judge(watched.target.name, report)

    def checked(self, watched: Watched, report: Report, now: float) -> None:
        """Write a check down."""
        if self._store is not None:
            self._store.add(watched.target.name, report.reason, report.timings.total, now)

    def changed(self, watched: Watched, report: Report, now: float) -> None:
        """Write a change down, and tell of it."""
        up = watched.up
        if up is None:
            return
        target = watched.target
        if self._store is not None:
            if up:
                self._store.came_up(target.name, now)
            else:
                self._store.went_down(target.name, report.reason, report.detail, now)
        self._alerts.change(
            target.name,
            up=up,
            now=now,
            address=watched.address,
            reason=report.reason.value,
            detail=report.detail,
            group=target.group,
        )

    def _network_changed(self, gone: str | None) -> None:
        _log.info("%s is %s", OWN_NETWORK, "back" if gone is None else f"gone: {gone}")
        detail = gone or "targets are watched again"
        self._alerts.network(up=gone is None, now=time.time(), detail=detail)
