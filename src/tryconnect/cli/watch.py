"""Watch addresses: print the state of each, then each change between up and down.

On a terminal, the states are a live table. It runs until Ctrl-C, after which the exit code is 130;
for wrong usage it is 2.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Never

from tryconnect._model.render import shown_address
from tryconnect._options import WATCH_INTERVAL
from tryconnect._runs.history import History
from tryconnect._runs.watching import watch
from tryconnect.cli import _arguments as arguments
from tryconnect.cli._output import say, tell
from tryconnect.cli._terminal import live

if TYPE_CHECKING:
    import argparse
    from contextlib import AbstractAsyncContextManager

    from rich.console import RenderableType

    from tryconnect import Client, Expect, Report, Watch

__all__ = ["configure", "run"]

REMEMBERED = 30
"""Checks of each address that fit into the table as a row of bars."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    arguments.add_addresses(parser)
    every = "interval between checks, give or take a tenth"
    arguments.add_number(parser, "--every", WATCH_INTERVAL, every, kind=float, metavar="SECONDS")
    arguments.add_number(parser, "--rise", 1, "how many good checks in a row make it up")
    arguments.add_number(parser, "--fall", 1, "how many bad checks in a row make it down")
    arguments.add_timeout(parser, what="for each check")
    arguments.add_expecting(parser)
    arguments.add_connecting(parser)
    arguments.add_output(parser, quiet="a summary on standard error")


def run(options: argparse.Namespace) -> int:
    """Watch until interrupted."""
    expect = arguments.expected_of(options)
    client = arguments.client_of(options)
    watch_all = _Watches(client, options, expect)
    started = time.monotonic()
    try:
        asyncio.run(watch_all.run())
    except KeyboardInterrupt:
        if not options.quiet:
            say(_summary(watch_all.watched, time.monotonic() - started, options))
        raise


class _Watches:
    """Watches several addresses and shows their changes."""

    def __init__(self, client: Client, options: argparse.Namespace, expect: Expect | None) -> None:
        self.watched = [History(address, REMEMBERED) for address in options.addresses]
        self._client = client
        self._options = options
        self._watches = [self._watch(each, expect) for each in self.watched]
        self._live = not options.json and live(sys.stdout)

    async def run(self) -> Never:
        changes: asyncio.Queue[tuple[History, Report]] = asyncio.Queue(maxsize=1)
        try:
            async with self._client, self._drawn(), asyncio.TaskGroup() as group:
                for watched, steps in zip(self.watched, self._watches, strict=True):
                    group.create_task(_follow(watched, steps, changes))
                while True:
                    await self._tell(*await changes.get())
        except* OSError as faults:
            raise faults.exceptions[0] from None

    async def _tell(self, watched: History, report: Report) -> None:
        watched.change(report, time.monotonic())
        if self._live:
            return
        zone = UTC if self._options.json else None
        now = datetime.now(UTC).astimezone(zone).isoformat(timespec="seconds")
        await tell(report, self._options, time=now)

    def _drawn(self) -> AbstractAsyncContextManager[object]:
        """Draw the live table, if the terminal can show it."""
        if not self._live:
            return contextlib.nullcontext()
        from tryconnect.cli._live import Live  # noqa: PLC0415 - imports rich
        from tryconnect.cli._table import table  # noqa: PLC0415 - likewise

        def compose(width: int) -> RenderableType:
            return table(
                self.watched,
                now=time.monotonic(),
                width=width,
                every=self._options.every,
                show_secrets=self._options.show_secrets,
            )

        return Live(compose, sys.stdout, keep=True)

    def _watch(self, watched: History, expect: Expect | None) -> Watch:
        async def check(address: str, *, timeout: float, expect: Expect | None) -> Report:
            report = await self._client.probe(address, timeout=timeout, expect=expect)
            watched.take(report, time.monotonic())
            return report

        return watch(
            check,
            watched.address,
            every=self._options.every,
            timeout=self._options.timeout,
            expect=expect,
            rise=self._options.rise,
            fall=self._options.fall,
        )


async def _follow(
    watched: History, steps: Watch, changes: asyncio.Queue[tuple[History, Report]]
) -> None:
    async for report in steps:
        await changes.put((watched, report))


def _summary(watched: list[History], seconds: float, options: argparse.Namespace) -> str:
    rows = [
        f"  {each.share:>6} good of {each.checks:,} checks, {each.transitions:,} changes  "
        f"{shown_address(each.address, show_secrets=options.show_secrets)}"
        for each in watched
    ]
    return "\n".join([f"watched for {seconds:.0f} s", *rows])
