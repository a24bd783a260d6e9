"""Wait until addresses are up, or gone: for scripts that need a server before they go on.

Each is checked again and again, with pauses that grow to two seconds.  The exit code is 0 as soon
as they are there, 1 where the time is over first, 2 for wrong usage.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tryconnect._options import WAIT_TIMEOUT
from tryconnect._patterns import UP, wait
from tryconnect._render import line
from tryconnect.cli import _arguments as arguments
from tryconnect.cli._outlet import say, tell
from tryconnect.errors import WaitTimeout

if TYPE_CHECKING:
    import argparse

    from tryconnect import Client, Expect, Report

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    arguments.add_addresses(parser)
    parser.add_argument(
        "--gone", action="store_true", help="wait until they do not answer any more"
    )
    parser.add_argument("--any", action="store_true", help="one of them is enough")
    arguments.add_timeout(parser, WAIT_TIMEOUT, "for everything")
    arguments.add_expecting(parser, said="2xx; with --gone, any answer")
    arguments.add_connecting(parser)
    arguments.add_output(parser, quiet="news of what it waits for on standard error")


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
    async def check(address: str, *, limit: float, expect: Expect | None) -> Report:
        report = await client.probe(address, timeout=limit, expect=expect)
        news.take(report)
        return report

    code = 0
    async with client:
        try:
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
    """Tells on standard error why it still waits, whenever the reason is another one."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._last: dict[str, Report] = {}

    def take(self, report: Report) -> None:
        """Take the next report of an address."""
        before = self._last.get(report.address)
        self._last[report.address] = report
        there = report.ok is not self._options.gone
        if not there and (before is None or before.reason is not report.reason):
            self._say(report, "waiting: ")

    def sum_up(self) -> None:
        """Tell how far it came when it was interrupted."""
        for report in self._last.values():
            self._say(report, "interrupted: ")

    def _say(self, report: Report, what: str) -> None:
        if not self._options.quiet:
            say(f"{what}{line(report, show_secrets=self._options.show_secrets)}")
