"""Check whether addresses answer, and if not, why: one line each.

Addresses on the command line are reported in the given order, those from files as they complete.
The exit code is 0 if all answer as expected, 1 if some do not, 2 for wrong usage.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
import warnings
from typing import TYPE_CHECKING

from tryconnect._address.request import check_applies
from tryconnect._model.render import caret, exit_code, summary
from tryconnect._options import DEFAULT_LIMIT
from tryconnect.cli import _arguments as arguments
from tryconnect.cli._format import format_of
from tryconnect.cli._input import count, entries, opened
from tryconnect.cli._output import say, say_soon, write
from tryconnect.cli._terminal import coloured, live

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Callable

    from tryconnect import Client, Expect, Probes, Report
    from tryconnect.cli._progress import Bar

__all__ = ["USAGE", "configure", "run"]

USAGE = "[ADDRESS ...]"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    arguments.add_addresses(parser)
    arguments.add_timeout(parser)
    at_once = "how many addresses to check at once"
    arguments.add_number(parser, "--limit", DEFAULT_LIMIT, at_once)
    arguments.add_number(parser, "--per-host", None, f"{at_once} on one host (default: no limit)")
    arguments.add_expecting(parser)
    arguments.add_connecting(parser)
    output = arguments.add_output(parser)
    output.add_argument(
        "--failed-only", action="store_true", help="print only what does not answer as expected"
    )
    output.add_argument(
        "--ordered", action="store_true", help="print what comes from files in order, too"
    )
    arguments.add_choice(
        output, "--sort", ["slowest"], "print all at the end, what took longest first"
    )


def run(options: argparse.Namespace) -> int:
    """Check the addresses; print a line for each, and a summary if there are several."""
    if not options.addresses and not options.files:
        raise ValueError("an ADDRESS is required, or a FILE of them")
    expect = arguments.expected_of(options)
    if not options.files:
        check_applies(options.addresses, arguments.explicit_of(options), method=options.method)
    client = arguments.client_of(options)
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(opened(name)) for name in options.files]
        probes = _probes(entries(options.addresses, files), options, client, expect)
        try:
            code = asyncio.run(_show(probes, options, _bar(probes, options)))
        except KeyboardInterrupt:
            _sum_up(probes, started, options, "interrupted: ")
            raise
    if options.files or len(options.addresses) > 1:
        _sum_up(probes, started, options)
    return code


def _probes(
    addresses: AsyncIterator[str],
    options: argparse.Namespace,
    client: Client,
    expect: Expect | None,
) -> Probes:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        probes = client.probe_many(
            addresses,
            limit=options.limit,
            per_host=options.per_host,
            timeout=options.timeout,
            expect=expect,
            method=options.method,
            ordered=options.ordered or not options.files,
        )
    for warning in caught:
        say(f"tryconnect: {warning.message}")
    return probes


async def _show(probes: Probes, options: argparse.Namespace, bar: Bar | None) -> int:
    """Print each report as it arrives, above the bar if there is one."""
    printed = format_of(options, sys.stdout, options.addresses)
    async with contextlib.AsyncExitStack() as stack:
        clear_line = await _drawn(bar, options, stack)
        await stack.enter_async_context(probes)
        if not options.quiet:
            await write(printed.head())
        async for report in _sorted(probes, options):
            if options.quiet or (options.failed_only and report.ok):
                continue
            clear_line()
            await write(printed.text(report))
            if not options.files and options.format is None and (pointing := caret(report)):
                say_soon(pointing)
    return exit_code(probes.counts)


async def _sorted(probes: Probes, options: argparse.Namespace) -> AsyncIterator[Report]:
    if options.sort is None:
        async for report in probes:
            yield report
        return
    reports = [report async for report in probes]
    for report in sorted(reports, key=lambda report: report.timings.total, reverse=True):
        yield report


def _bar(probes: Probes, options: argparse.Namespace) -> Bar | None:
    """Return a bar if it can be seen and there are several addresses."""
    several = options.files or len(options.addresses) > 1
    if not several or options.quiet or not live(sys.stderr):
        return None
    from tryconnect.cli._progress import Bar

    return Bar(probes)


async def _drawn(
    bar: Bar | None, options: argparse.Namespace, stack: contextlib.AsyncExitStack
) -> Callable[[], None]:
    """Draw the bar from now on; return a function that erases it before a line is printed."""
    if bar is None:
        return lambda: None
    from tryconnect.cli._live import Live

    counting = asyncio.ensure_future(count(options.files))
    counting.add_done_callback(lambda done: _know(bar, done, len(options.addresses)))
    stack.callback(counting.cancel)
    colours = coloured(sys.stderr, options.color)
    drawn = await stack.enter_async_context(Live(bar.compose, sys.stderr, colours=colours))
    return drawn.erase if sys.stdout.isatty() else lambda: None


def _know(bar: Bar, counted: asyncio.Future[int | None], more: int) -> None:
    if not counted.cancelled() and counted.exception() is None:
        found = counted.result()
        bar.total = None if found is None else found + more


def _sum_up(probes: Probes, started: float, options: argparse.Namespace, what: str = "") -> None:
    if not options.quiet:
        rows = bool(options.files) or len(probes.counts) > _FEW
        say(f"{what}{summary(probes.counts, time.monotonic() - started, rows=rows)}")


_FEW = 3
"""Reasons that need no table of how often each was met."""
