"""Wait until addresses are up, or gone: for scripts that need a server before they continue.

Each address is checked repeatedly, at intervals that grow to two seconds. The exit code is 0 as
soon as all are up, 1 if the timeout expires first, 2 for wrong usage.

With -- COMMAND, the command runs in place of tryconnect once all are up: it has the terminal,
standard input and the signals, and its exit code is the result. Standard output is the command's
alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tryconnect._address.request import check_applies
from tryconnect._model.redaction import escape_control
from tryconnect._model.render import duration, shown_address
from tryconnect._options import UP, WAIT_TIMEOUT
from tryconnect._runs.waiting import wait
from tryconnect._runtime.descriptors import affordable
from tryconnect.cli import _arguments as arguments
from tryconnect.cli._format import format_of
from tryconnect.cli._input import gathered
from tryconnect.cli._output import say, say_soon, show
from tryconnect.cli._terminal import coloured, live, style
from tryconnect.errors import WaitTimeout

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import TextIO

    from tryconnect import Client, Expect, Report
    from tryconnect._address.request import Request
    from tryconnect.cli._terminal import Spans

__all__ = ["USAGE", "configure", "run"]

USAGE = "[ADDRESS ...] [-- COMMAND ...]"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    arguments.add_addresses(parser)
    parser.add_argument("--gone", action="store_true", help="wait until they no longer answer")
    parser.add_argument("--any", action="store_true", help="wait for one of them only")
    arguments.add_timeout(parser, WAIT_TIMEOUT, "for everything")
    arguments.add_expecting(parser, "2xx; with --gone, any answer")
    arguments.add_connecting(parser)
    arguments.add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Wait, and print the last report of each address; then become the command."""
    if options.command == []:
        raise ValueError("a COMMAND is required after --")
    expect = arguments.expected_of(options, None if options.gone else UP)
    client = arguments.client_of(options)
    news = News(options)
    started = time.monotonic()
    try:
        code, reports = asyncio.run(_wait(client, options, expect, news))
    except KeyboardInterrupt:
        news.sum_up()
        raise
    _tell(reports, options)
    what = "gone" if options.gone else "up"
    if code and not options.quiet:
        say(f"tryconnect: not {what} within {options.timeout:g} s")
    elif news.count > 1 and not options.quiet:
        taken = duration(time.monotonic() - started)
        say(f"{len(reports)} of {news.count} {what} after {taken}")
    return code if code or options.command is None else _become(options.command)


async def _wait(
    client: Client, options: argparse.Namespace, expect: Expect | None, news: News
) -> tuple[int, list[Report]]:
    room = asyncio.Semaphore(affordable(MOST_CHECKS))

    async def check(request: Request, *, timeout: float) -> Report:
        end = time.monotonic() + timeout
        async with room:
            left = max(end - time.monotonic(), _A_MOMENT)
            report = await client._check(request, timeout=left)
        news.take(report)
        return report

    addresses = await gathered(options.addresses, options.files)
    news.count = len(addresses)
    check_applies(addresses, arguments.explicit_of(options), method=options.method)
    async with client:
        try:
            async with news.drawn():
                return 0, await wait(
                    check,
                    addresses,
                    up=not options.gone,
                    timeout=options.timeout,
                    expect=expect,
                    strict=False,
                    method=options.method,
                    any_of=options.any,
                )
        except WaitTimeout as error:
            return 1, error.reports


MOST_CHECKS = 1000
"""Checks at the same time."""

_A_MOMENT = 0.001


def _tell(reports: Sequence[Report], options: argparse.Namespace) -> None:
    """Print the reports on standard output, or beside that of a command."""
    if options.quiet:
        return
    stream: TextIO | None = sys.stdout if options.command is None else sys.stderr
    printed = format_of(options, stream, [report.address for report in reports])
    text = printed.head() + "".join(map(printed.text, reports))
    if options.command is None:
        show(text)
    else:
        say(text.removesuffix("\n"))


def _become(command: list[str]) -> int:
    """Run a command in place of this process; return an exit code if that cannot be.

    The codes are those of shells (POSIX, XCU 2.8.2): 127: there is no such command; 126: it cannot
    be run.
    """
    try:
        if os.name != "posix":
            return subprocess.run(command, check=False).returncode  # noqa: S603 - it was asked for
        # Python ignores them, and what is ignored stays so in a new program.
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(ignored, signal.SIG_DFL)
        os.execvp(command[0], command)  # noqa: S606 - as above
    except (OSError, ValueError) as error:
        say(f"tryconnect: cannot run {escape_control(command[0])}: {error}")
        return 127 if isinstance(error, FileNotFoundError) else 126


class News:
    """Shows on standard error why the wait goes on, whenever the reason changes.

    Attributes:
        count: How many addresses are waited for.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.count = 0
        self._options = options
        self._last: dict[str, Report] = {}
        self._started = time.monotonic()
        self._live = not options.quiet and live(sys.stderr)
        self._printed = format_of(options, sys.stderr)

    def drawn(self) -> AbstractAsyncContextManager[object]:
        """Draw a live line instead, if the terminal can show it."""
        if not self._live:
            return contextlib.nullcontext()
        from tryconnect.cli._live import Live

        colours = coloured(sys.stderr, self._options.color)
        return Live(self._compose, sys.stderr, colours=colours)

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
            say_soon(f"{what}{self._printed.text(report)}".removesuffix("\n"))

    def _compose(self, _: int, __: int) -> list[Spans]:
        from tryconnect.cli._live import FRAMES

        taken = time.monotonic() - self._started
        line = [
            (FRAMES[int(taken * 10) % len(FRAMES)], "cyan"),
            (f" {taken:.0f} of {self._options.timeout:g} s  ", "dim"),
        ]
        missing = [report for report in self._last.values() if not self._is_done(report)]
        if missing:
            first = missing[0]
            address = shown_address(first.address, show_secrets=self._options.show_secrets)
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            line += [
                (str(first.reason), style(first.reason)),
                (f"  {address}{more}  ", ""),
                (escape_control(first.detail.partition("\n")[0]), "dim"),
            ]
        return [line]
