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

from tryconnect._model.render import caret, exit_code, summary
from tryconnect._options import DEFAULT_LIMIT
from tryconnect.cli import _arguments as arguments
from tryconnect.cli._input import addresses, count, opened
from tryconnect.cli._output import say, tell
from tryconnect.cli._terminal import live

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from tryconnect import Client, Expect, Probes
    from tryconnect.cli._progress import Bar

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    arguments.add_addresses(parser, number="*")
    parser.add_argument(
        "-f",
        "--file",
        dest="files",
        action="append",
        default=[],
        metavar="FILE",
        help="read addresses from a file, one per line (- is standard input); may be repeated",
    )
    arguments.add_timeout(parser)
    at_once = "how many addresses to check at once"
    arguments.add_number(parser, "--limit", DEFAULT_LIMIT, at_once)
    arguments.add_number(parser, "--per-host", None, f"{at_once} on one host (default: no limit)")
    arguments.add_expecting(parser)
    arguments.add_connecting(parser)
    output = arguments.add_output(parser, quiet="a progress bar or a summary on standard error")
    output.add_argument(
        "--ordered", action="store_true", help="report addresses from files in order, too"
    )


def run(options: argparse.Namespace) -> int:
    """Check the addresses; print a line for each, and for files a summary."""
    if not options.addresses and not options.files:
        raise ValueError("an ADDRESS is required, or a FILE of them")
    expect = arguments.expected_of(options)
    arguments.check_expect_applies(options.addresses, expect)
    probes = _probes(options, arguments.client_of(options), expect)
    started = time.monotonic()
    try:
        code = asyncio.run(_show(probes, options, _bar(probes, options)))
    except KeyboardInterrupt:
        _sum_up(probes, started, options, "interrupted: ")
        raise
    if options.files:
        _sum_up(probes, started, options)
    return code


def _probes(options: argparse.Namespace, client: Client, expect: Expect | None) -> Probes:
    files = [opened(name) for name in options.files]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        probes = client.probe_many(
            addresses(options.addresses, files) if files else options.addresses,
            limit=options.limit,
            per_host=options.per_host,
            timeout=options.timeout,
            expect=expect,
            ordered=options.ordered or not files,
        )
    for warning in caught:
        say(f"tryconnect: {warning.message}")
    return probes


async def _show(probes: Probes, options: argparse.Namespace, bar: Bar | None) -> int:
    """Print each report as it arrives, above the bar if there is one."""
    async with contextlib.AsyncExitStack() as stack:
        clear_line = await _drawn(bar, options, stack)
        await stack.enter_async_context(probes)
        async for report in probes:
            clear_line()
            await tell(report, options)
            if not options.files and not options.json and (pointing := caret(report)):
                say(pointing)
    return exit_code(probes.counts)


def _bar(probes: Probes, options: argparse.Namespace) -> Bar | None:
    """Return a bar if it can be seen and there are several addresses."""
    several = options.files or len(options.addresses) > 1
    if not several or options.quiet or not live(sys.stderr):
        return None
    from tryconnect.cli._progress import Bar  # noqa: PLC0415 - imports rich

    return Bar(probes)


async def _drawn(
    bar: Bar | None, options: argparse.Namespace, stack: contextlib.AsyncExitStack
) -> Callable[[], None]:
    """Draw the bar from now on; return a function that erases it before a line is printed."""
    if bar is None:
        return lambda: None
    from tryconnect.cli._live import Live  # noqa: PLC0415 - imports rich

    counting = asyncio.ensure_future(count(options.files))
    counting.add_done_callback(lambda done: _know(bar, done, len(options.addresses)))
    stack.callback(counting.cancel)
    drawn = await stack.enter_async_context(Live(bar.compose, sys.stderr))
    return drawn.erase if sys.stdout.isatty() else lambda: None


def _know(bar: Bar, counted: asyncio.Future[int | None], more: int) -> None:
    if not counted.cancelled() and counted.exception() is None:
        found = counted.result()
        bar.total = None if found is None else found + more


def _sum_up(probes: Probes, started: float, options: argparse.Namespace, what: str = "") -> None:
    if not options.quiet:
        say(f"{what}{summary(probes.counts, time.monotonic() - started)}")
