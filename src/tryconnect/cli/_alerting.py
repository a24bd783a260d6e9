"""What ``watch`` does about changes besides printing them: commands and notifications."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from tryconnect._alerts.channels import Command, Notification, urls_of_variable
from tryconnect._alerts.dispatch import Alerts, Way
from tryconnect._alerts.own_network import (
    CANARY_TIMEOUT,
    OwnNetwork,
    longest_round,
    network_fault,
)
from tryconnect._alerts.state import Pace
from tryconnect.cli import _arguments as arguments

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from tryconnect import Client, Report
    from tryconnect._runs.history import History

__all__ = ["Alerting", "add_alerts"]


def add_alerts(parser: argparse.ArgumentParser) -> None:
    """Declare who is told of changes, and how."""
    group = parser.add_argument_group("alerts")
    group.add_argument(
        "--exec",
        metavar="COMMAND",
        help="run this program, without a shell, at each change; TRYCONNECT_… variables say which",
    )
    group.add_argument(
        "--notify-variable",
        metavar="NAME",
        help="notify the URLs of Apprise's in this environment variable",
    )
    arguments.add_duration(
        group, "--remind", None, "tell again while an address is down, for example every 4h"
    )
    group.add_argument(
        "--canary",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="if most addresses fail and this one does too, it is this machine's own network",
    )


class Alerting:
    """Tells of the changes of addresses.

    Args:
        options: Those of the command line.
        client: Checks the canaries.
        say: Prints a line.

    Raises:
        ValueError: An option is invalid.
    """

    def __init__(
        self, options: argparse.Namespace, client: Client, say: Callable[[str], None]
    ) -> None:
        self.alerts = Alerts(say=say)
        pace = Pace(remind=options.remind)
        self._ways = [Way(channel, pace) for channel in _channels(options)]
        asking = partial(client.probe, timeout=CANARY_TIMEOUT)
        fault = network_fault(asking, lambda: options.canary)
        self._network = OwnNetwork(fault, changed=self._gone)
        self._round = longest_round(options.every, options.timeout)

    def watch(self, addresses: Iterable[str]) -> None:
        """Set which addresses there are."""
        addresses = [str(address) for address in addresses]
        for address in addresses:
            self.alerts.add(address, self._ways)
        self._network.watch(dict.fromkeys(addresses, self._round))

    async def judge(self, watched: History, report: Report) -> Report:
        """Return a report, or one that blames this machine in its place."""
        return await self._network.judge(watched.address, report)

    def changed(self, watched: History, report: Report) -> None:
        """Tell of a change."""
        if watched.up is not None:
            self.alerts.change(
                watched.address,
                up=watched.up,
                now=time.time(),
                address=watched.address,
                reason=report.reason.value,
                detail=report.detail,
            )

    def _gone(self, gone: str | None) -> None:
        detail = gone or "addresses are watched again"
        self.alerts.network(up=gone is None, now=time.time(), detail=detail)


def _channels(options: argparse.Namespace) -> list[Command | Notification]:
    channels: list[Command | Notification] = []
    if options.exec is not None:
        channels.append(Command(options.exec))
    if (name := options.notify_variable) is not None:
        notification = Notification(urls_of_variable(name))
        notification.verify()
        channels.append(notification)
    return channels
