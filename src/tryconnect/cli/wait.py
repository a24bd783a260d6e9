"""Wait until addresses are up, or gone: for scripts that need a server before they continue.

Each address is checked repeatedly, at intervals that grow to two seconds. The exit code is 0 as
soon as all are up, 1 if the timeout expires first, 2 for wrong usage.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import TYPE_CHECKING

from tryconnect._model.redaction import escape_control
from tryconnect._model.render import line, shown_address
from tryconnect._options import UP, WAIT_TIMEOUT
from tryconnect._runs.waiting import wait
from tryconnect.cli import _arguments as arguments
from tryconnect.cli._output import say, tell
from tryconnect.cli._terminal import live, style
from tryconnect.errors import WaitTimeout

if TYPE_CHECKING:
    import argparse
    from contextlib import AbstractAsyncContextManager

    from rich.console import RenderableType

    from tryconnect import Client, Expect, Report

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    arguments.add_addresses(parser)
    parser.add_argument("--gone", action="store_true", help="wait until they no longer answer")
    parser.add_argument("--any", action="store_true", help="wait for one of them only")
    arguments.add_timeout(parser, WAIT_TIMEOUT, "for everything")
    arguments.add_expecting(parser, shown="2xx; with --gone, any answer")
    arguments.add_connecting(parser)
    arguments.add_output(parser, quiet="progress on standard error")


def run(options: argparse.Namespace) -> int:
    """Wait, and print the last report of each address."""
    expect = _expected(options)
    client = arguments.client_of(options)
    news = News(options)
    try:
        return asyncio.run(_wait(client, options, expect, news))
    except KeyboardInterrupt:
        news.sum_up()
        raise


def _expected(options: argparse.Namespace) -> Expect | None:
    if options.expect is None and not options.gone:
        if options.expect_body is None:
            return UP
        options.expect = UP.status
    return arguments.expected_of(options)


async def _wait(
    client: Client, options: argparse.Namespace, expect: Expect | None, news: News
) -> int:
    async def check(address: str, *, timeout: float, expect: Expect | None) -> Report:
        report = await client.probe(address, timeout=timeout, expect=expect)
        news.take(report)
        return report

    code = 0
    async with client:
        try:
            async with news.drawn():
                reports = await wait(
                    check,
                    options.addresses,
                    up=not options.gone,
                    timeout=options.timeout,
                    expect=expect,
                    any_of=options.any,
                )
        except WaitTimeout as error:
            code, reports = 1, error.reports
    for report in reports:
        await tell(report, options)
    if code:
        say(f"tryconnect: not {'gone' if options.gone else 'up'} within {options.timeout:g} s")
    return code


class News:
    """Shows on standard error why the wait goes on, whenever the reason changes."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._last: dict[str, Report] = {}
        self._started = time.monotonic()
        self._live = not options.quiet and live(sys.stderr)

    def drawn(self) -> AbstractAsyncContextManager[object]:
        """Draw a live line instead, if the terminal can show it."""
        if not self._live:
            return contextlib.nullcontext()
        from tryconnect.cli._live import Live  # noqa: PLC0415 - imports rich

        return Live(self._compose, sys.stderr)

    def take(self, report: Report) -> None:
        """Record the next report of an address."""
        before = self._last.get(report.address)
        self._last[report.address] = report
        if self._live or self._is_done(report):
            return
        if before is None or before.reason is not report.reason:
            self._say(report, "waiting: ")

    def sum_up(self) -> None:
        """Show the latest reports after an interruption."""
        for report in self._last.values():
            self._say(report, "interrupted: ")

    def _is_done(self, report: Report) -> bool:
        return report.ok is not self._options.gone

    def _say(self, report: Report, what: str) -> None:
        if not self._options.quiet:
            say(f"{what}{line(report, show_secrets=self._options.show_secrets)}")

    def _compose(self, width: int) -> RenderableType:
        from rich.text import Text  # noqa: PLC0415 - as above

        from tryconnect.cli._live import FRAMES  # noqa: PLC0415

        del width
        taken = time.monotonic() - self._started
        parts = [
            Text(FRAMES[int(taken * 10) % len(FRAMES)], "cyan"),
            Text(f" {taken:.0f} of {self._options.timeout:g} s  ", "dim"),
        ]
        missing = [report for report in self._last.values() if not self._is_done(report)]
        if missing:
            first = missing[0]
            address = shown_address(first.address, show_secrets=self._options.show_secrets)
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            parts += [
                Text(str(first.reason), style(first.reason)),
                Text(f"  {address}{more}  "),
                Text(escape_control(first.detail.partition("\n")[0]), "dim"),
            ]
        return Text("").join(parts)
