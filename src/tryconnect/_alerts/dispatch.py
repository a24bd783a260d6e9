"""Deliver alerts: which target has which ways, and what is told by each, one at a time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from tryconnect._alerts.alert import OWN_NETWORK, Alert, AlertKind
from tryconnect._alerts.channels import Command
from tryconnect._alerts.process import ProgramError
from tryconnect._alerts.state import Pace, Teller
from tryconnect._runtime.clock import CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tryconnect._alerts.maintenance import Maintenance
    from tryconnect._runtime.clock import Clock

__all__ = ["Alerts", "Channel", "Way"]

MOST_DELIVERIES = 4
"""Programs that run at once, for all targets: a network that fails must not start a thousand."""

TICK = 1.0
"""Seconds between two looks at what is due: reminders, retries, the end of a maintenance."""

LAST_WORDS = 2.5
"""Seconds that running deliveries have to end at shutdown."""


class Channel(Protocol):
    """A way by which an alert leaves."""

    async def deliver(self, alert: Alert) -> None:
        """Deliver an alert, or raise ``ProgramError``."""


@dataclass(frozen=True, slots=True)
class Way:
    """A channel, and how often it is used for each target."""

    channel: Channel
    pace: Pace = field(default_factory=Pace)


@dataclass(slots=True)
class _Subject:
    """A target, and what is known and told of it."""

    name: str
    ways: Sequence[tuple[Way, Teller]]
    alert: Alert | None = None
    down_since: float | None = None
    commands: int = field(default=0)
    """How many commands are running for it: none or one."""


class Alerts:
    """Tells of changes, by the ways of each target.

    Args:
        say: Called with a line for each delivery, and for each failure of one.
        maintenances: Times at which nothing is told.
        told: Called with the name of a target once all its ways have told that it is down.
        clock: The time, and how to wait.
    """

    def __init__(
        self,
        *,
        say: Callable[[str], None],
        maintenances: Iterable[Maintenance] = (),
        told: Callable[[str], None] = lambda _: None,
        clock: Clock = CLOCK,
    ) -> None:
        self._say = say
        self.maintenances = tuple(maintenances)
        self._told = told
        self._clock = clock
        self._subjects: dict[str, _Subject] = {}
        self._unsettled: dict[str, _Subject] = {}
        self._deliveries: set[asyncio.Task[None]] = set()
        self._ticks: asyncio.Task[None] | None = None

    def add(
        self,
        name: str,
        ways: Iterable[Way],
        *,
        down_since: float | None = None,
        told_down: bool = False,
    ) -> None:
        """Add a target; one of that name is replaced, unless nothing of it changes.

        Args:
            name: Its name.
            ways: How to tell of it.
            down_since: Since when it has been down, if it was down when another process last saw
                it, in seconds since 1970.
            told_down: Whether that process has told so.
        """
        ways = [*ways]
        known = self._subjects.get(name)
        if known is not None and [way for way, _ in known.ways] == ways:
            return
        told_up = True if down_since is None else (False if told_down else None)
        tellers = [(way, Teller(way.pace, told_up=told_up)) for way in ways]
        self._subjects[name] = _Subject(name, tellers, down_since=down_since)

    def discard(self, name: str) -> None:
        """Forget a target, if it is known."""
        self._subjects.pop(name, None)
        self._unsettled.pop(name, None)

    async def __aenter__(self) -> Alerts:  # noqa: PYI034 - no subclass
        self._ticks = asyncio.get_running_loop().create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._ticks is not None:
            self._ticks.cancel()
            await asyncio.wait([self._ticks])
        self._subjects.clear()
        self._unsettled.clear()
        if self._deliveries:
            late = (await asyncio.wait(self._deliveries, timeout=LAST_WORDS))[1]
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def change(self, name: str, *, up: bool, now: float, **facts: Any) -> None:
        """Take a change of a target's state, and tell of it.

        Args:
            name: The target's name.
            up: Whether it is up.
            now: When it changed, in seconds since 1970.
            facts: What :class:`Alert` has besides.
        """
        subject = self._subjects.get(name)
        if subject is None or not subject.ways:
            return
        if not up and subject.down_since is None:
            subject.down_since = now
        since = now if subject.down_since is None else subject.down_since
        subject.alert = Alert(kind=AlertKind.up, name=name, since=since, now=now, **facts)
        for _, teller in subject.ways:
            teller.update(up=up)
        if up:
            subject.down_since = None
        self._unsettled[name] = subject
        self._look(subject)

    def network(self, *, up: bool, now: float, detail: str) -> None:
        """Take that this machine's own network is gone, or back; it has the ways of all targets."""
        if OWN_NETWORK not in self._subjects:
            all_ways = (way for subject in self._subjects.values() for way, _ in subject.ways)
            self.add(OWN_NETWORK, dict.fromkeys(all_ways))
        self.change(OWN_NETWORK, up=up, now=now, address="", reason="local", detail=detail)

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(TICK)
            self._look_at_all()

    def _look_at_all(self) -> None:
        for subject in [*self._unsettled.values()]:
            if len(self._deliveries) >= MOST_DELIVERIES:
                break
            self._look(subject)

    def _look(self, subject: _Subject) -> None:
        """Start the deliveries that are due for a target."""
        if all(teller.settled for _, teller in subject.ways):
            self._unsettled.pop(subject.name, None)
            return
        quiet = self._is_quiet(subject)
        for way, teller in subject.ways:
            command = isinstance(way.channel, Command)
            if len(self._deliveries) >= MOST_DELIVERIES or (command and subject.commands):
                continue
            kind = teller.due(self._clock.now(), quiet=quiet)
            if kind is not None and subject.alert is not None:
                subject.commands += command
                alert = self._alert(subject.alert, kind)
                task = asyncio.create_task(self._deliver(subject, way, teller, alert))
                self._deliveries.add(task)

    def _is_quiet(self, subject: _Subject) -> bool:
        if subject.alert is None or subject.name == OWN_NETWORK:
            return False
        now = datetime.now(UTC)
        group = subject.alert.group
        return any(each.covers(now, subject.name, group) for each in self.maintenances)

    @staticmethod
    def _alert(alert: Alert, kind: AlertKind) -> Alert:
        if alert.name == OWN_NETWORK:
            kind = AlertKind.local_over if kind is AlertKind.up else AlertKind.local
        # An alert that comes late still says when it was over.
        over = kind in {AlertKind.up, AlertKind.local_over}
        return replace(alert, kind=kind, now=alert.now if over else time.time())

    async def _deliver(self, subject: _Subject, way: Way, teller: Teller, alert: Alert) -> None:
        try:
            await way.channel.deliver(alert)
        except ProgramError as error:
            teller.failed(self._clock.now())
            self._say(f"alert not delivered by {way.channel}: {alert.title}: {error}")
        except BaseException:
            teller.failed(self._clock.now())
            raise
        else:
            teller.delivered(self._clock.now())
            self._say(f"alert delivered by {way.channel}: {alert.title}")
            if all(each.told_down for _, each in subject.ways):
                self._told(subject.name)
        finally:
            subject.commands -= isinstance(way.channel, Command)
            task = asyncio.current_task()
            if task is not None:
                self._deliveries.discard(task)
            if subject.name in self._unsettled:
                # Others have their turn first.
                self._unsettled[subject.name] = self._unsettled.pop(subject.name)
                self._look(subject)
                self._look_at_all()
