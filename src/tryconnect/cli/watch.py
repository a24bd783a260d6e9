"""Watch addresses: print the state of each, then each change between up and down.

On a terminal, the states are a live table under the changes. It runs until Ctrl-C, after which the
exit code is 130; for wrong usage it is 2.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Never

from tryconnect._address.request import check_applies
from tryconnect._model.render import shown_address
from tryconnect._options import UP, WATCH_INTERVAL
from tryconnect._runs.history import History
from tryconnect._runs.watching import watch
from tryconnect._runtime.descriptors import affordable
from tryconnect.cli import _arguments as arguments
from tryconnect.cli._alerting import Alerting, add_alerts
from tryconnect.cli._format import format_of
from tryconnect.cli._input import gathered
from tryconnect.cli._output import say, say_soon, write
from tryconnect.cli._terminal import coloured, live, marked

if TYPE_CHECKING:
    import argparse

    from tryconnect import Client, Expect, Report, Watch
    from tryconnect._address.request import Request
    from tryconnect.cli._format import Entry
    from tryconnect.cli._live import Live

__all__ = ["USAGE", "configure", "run"]

USAGE = "[ADDRESS ...]"

REMEMBERED = 30
"""Checks of each address that fit into the table as a row of bars."""

MOST_CHECKS = 1000
"""Checks at the same time."""

UNTOLD = 1000
"""Changes that wait to be printed; where nobody reads, older ones are dropped."""

SUMMED_UP = 20
"""Addresses of which the summary tells."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    arguments.add_addresses(parser)
    every = "interval between checks, give or take a tenth"
    arguments.add_duration(parser, "--every", WATCH_INTERVAL, every)
    arguments.add_number(parser, "--rise", 1, "how many good checks in a row make it up")
    arguments.add_number(parser, "--fall", 1, "how many bad checks in a row make it down")
    arguments.add_timeout(parser, what="for each check")
    arguments.add_expecting(parser, "2xx")
    add_alerts(parser)
    arguments.add_connecting(parser)
    arguments.add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Watch until interrupted."""
    watches = _Watches(arguments.client_of(options), options, arguments.expected_of(options, UP))
    started = time.monotonic()
    try:
        asyncio.run(watches.run())
    except KeyboardInterrupt:
        if not options.quiet:
            say(_summary(watches.watched, time.monotonic() - started, options))
        raise


class _Watches:
    """Watches several addresses and shows their changes."""

    def __init__(self, client: Client, options: argparse.Namespace, expect: Expect | None) -> None:
        self.watched: list[History] = []
        self._client = client
        self._options = options
        self._expect = expect
        self._changes: asyncio.Queue[Report] = asyncio.Queue()
        self._dropped = 0
        self._room = asyncio.Semaphore(affordable(MOST_CHECKS))
        quiet_or_data = options.quiet or options.format is not None
        self._live: Live | None = None if quiet_or_data or not live(sys.stdout) else self._drawn()
        self._alerting = Alerting(options, client, self._say)

    async def run(self) -> Never:
        addresses = await gathered(self._options.addresses, self._options.files)
        explicit = arguments.explicit_of(self._options)
        check_applies(addresses, explicit, method=self._options.method)
        self.watched += [History(address, REMEMBERED) for address in addresses]
        self._alerting.watch(addresses)
        pairs = zip(addresses, self.watched, strict=True)
        steps = [(self._watch(*pair), pair[1]) for pair in pairs]
        drawn = self._live or contextlib.nullcontext()
        try:
            telling = self._alerting.alerts
            async with self._client, drawn, telling, asyncio.TaskGroup() as group:
                for each, watched in steps:
                    group.create_task(self._follow(each, watched))
                await self._tell_forever(addresses)
        except* OSError as faults:
            raise faults.exceptions[0] from None

    async def _follow(self, steps: Watch, watched: History) -> None:
        async for report in steps:
            first = watched.state is None
            watched.change(report, time.monotonic())
            self._alerting.changed(watched, report)
            if self._options.quiet or (first and self._live):  # the table has it
                continue
            if self._changes.qsize() >= UNTOLD:
                self._changes.get_nowait()
                self._dropped += 1
            self._changes.put_nowait(report)

    async def _tell_forever(self, addresses: list[Entry]) -> Never:
        printed = format_of(self._options, sys.stdout, addresses)
        await self._print("" if self._options.quiet else printed.head())
        while True:
            report = await self._changes.get()
            zone = UTC if self._options.format in {"json", "csv"} else None
            now = datetime.now(UTC).astimezone(zone).isoformat(timespec="seconds")
            await self._print(printed.text(report, now))
            if self._dropped and not self._changes.qsize():
                dropped, self._dropped = self._dropped, 0
                say(f"tryconnect: {dropped:,} earlier changes were not printed: nobody read them")

    async def _print(self, text: str) -> None:
        if self._live is not None:
            self._live.erase()
        await write(text)

    def _say(self, line: str) -> None:
        """Say what became of an alert, above the table."""
        if self._options.quiet:
            return
        if self._live is not None:
            self._live.erase()
        say_soon(line)

    def _drawn(self) -> Live:
        """Return the live table."""
        from tryconnect.cli._live import Live
        from tryconnect.cli._table import Table

        table = Table(
            self.watched,
            time.monotonic,
            every=self._options.every,
            show_secrets=self._options.show_secrets,
            marks=marked(sys.stdout),
        )
        colours = coloured(sys.stdout, self._options.color)
        return Live(table.compose, sys.stdout, colours=colours, keep=True)

    def _watch(self, address: Entry, watched: History) -> Watch:
        async def check(request: Request, *, timeout: float) -> Report:
            async with self._room:
                report = await self._client._check(request, timeout=timeout)
            report = await self._alerting.judge(watched, report)
            watched.take(report, time.monotonic())
            return report

        return watch(
            check,
            address,
            every=self._options.every,
            timeout=self._options.timeout,
            expect=self._expect,
            strict=False,
            method=self._options.method,
            rise=self._options.rise,
            fall=self._options.fall,
        )


def _summary(watched: list[History], seconds: float, options: argparse.Namespace) -> str:
    worst = sorted(watched, key=lambda each: (each.good - each.checks, -each.transitions))
    rows = [
        f"  {each.share:>6} good of {each.checks:,} checks, {each.transitions:,} changes  "
        f"{shown_address(each.address, show_secrets=options.show_secrets)}"
        for each in (watched if len(watched) <= SUMMED_UP else worst[:SUMMED_UP])
    ]
    if len(watched) > SUMMED_UP:
        rows.append(f"  and {len(watched) - SUMMED_UP:,} more, no worse")
    return "\n".join([f"watched for {seconds:.0f} s", *rows])
