"""Say of each address whether it answers, and if not, why: one line each, in the order given.

The exit code is 0 where all answer as expected, 1 where some do not, 2 for wrong usage.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import tryconnect
from tryconnect._expect import as_expect
from tryconnect._options import CHECK_TIMEOUT
from tryconnect._render import caret, exit_code, line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tryconnect import Client, Expect, Report

__all__ = ["configure", "run"]

_AT_ONCE = 100
"""Checks under way at the same time: more would run out of the usual 1,024 descriptors."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument(
        "addresses",
        nargs="+",
        metavar="ADDRESS",
        help="a URL, host, host:port, tcp://host:port or unix:///path",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=CHECK_TIMEOUT,
        metavar="SECONDS",
        help="for each address, everything included (default: %(default)g)",
    )
    parser.add_argument(
        "--expect",
        metavar="STATUS",
        help='what an HTTP answer must be: 204, 2xx, 200-399, "2xx, 304" (default: any answer)',
    )


def run(options: argparse.Namespace) -> int:
    """Check the addresses and print a line for each."""
    client = tryconnect.Client()  # before any loop runs: this imports aiohttp
    return asyncio.run(
        show(
            client,
            options.addresses,
            timeout=options.timeout,
            expect=as_expect(options.expect),
        )
    )


async def show(
    client: Client, addresses: Sequence[str], *, timeout: float, expect: Expect | None
) -> int:
    """Print a line for each address as soon as those before it are printed."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def check(address: str) -> Report:
        async with room:
            return await client.probe(address, timeout=timeout, expect=expect)

    reports = []
    try:
        async with client, asyncio.TaskGroup() as group:
            for task in [group.create_task(check(address)) for address in addresses]:
                reports.append(await task)
                _print(reports[-1])
    except* (ValueError, OSError) as faults:
        raise faults.exceptions[0] from None
    return exit_code(reports)


def _print(report: Report) -> None:
    print(line(report), flush=True)  # noqa: T201 - a command line prints
    if pointing := caret(report):
        print(pointing, file=sys.stderr)  # noqa: T201
