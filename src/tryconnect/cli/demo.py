"""Start small servers in this process, good and bad ones, and check their addresses.

No other machine is contacted. The exit code is 0 if every verdict is as expected.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NamedTuple

from tryconnect import Reason, testing
from tryconnect._client import MonitorClient
from tryconnect.cli import _arguments as arguments
from tryconnect.cli._format import format_of
from tryconnect.cli._output import write

if TYPE_CHECKING:
    import argparse

__all__ = ["USAGE", "configure", "run"]

USAGE = ""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    arguments.add_timeout(parser, 1.0, "for each address; the silent one takes all of it")
    arguments.add_colour(parser)
    parser.set_defaults(format=None, verbose=False, show_secrets=False)


def run(options: argparse.Namespace) -> int:
    """Check the demonstration's addresses and print a line for each."""
    return asyncio.run(_show(MonitorClient(proxy=None), options))


class _Case(NamedTuple):
    """An address of the demonstration, what stands there, and the right verdict."""

    address: str
    what: str
    reason: Reason
    expect: str | None = None


async def _show(client: MonitorClient, options: argparse.Namespace) -> int:
    right = 0
    async with AsyncExitStack() as servers:
        cases = await _cases(servers)
        await servers.enter_async_context(client)
        printed = format_of(options, sys.stdout, [case.address for case in cases])
        for case in cases:
            report = await client.probe(case.address, timeout=options.timeout, expect=case.expect)
            await write(f"# {case.what}\n{printed.text(report)}")
            right += report.reason is case.reason
    await write(f"{right} of {len(cases)} verdicts as expected\n")
    return int(right < len(cases))


async def _cases(servers: AsyncExitStack) -> list[_Case]:
    site = await servers.enter_async_context(testing.http_server())
    silent = await servers.enter_async_context(testing.silent())
    banner = await servers.enter_async_context(testing.raw(testing.REPLIES["ssh"]))
    closed = await servers.enter_async_context(testing.closed_port())
    failing = site.at("/status/500")
    return [
        _Case(site.url, "a good page", Reason.ok),
        _Case(site.at("/redirect/1"), "a redirect to it", Reason.ok),
        _Case(failing, "status 500: an answer all the same", Reason.ok),
        _Case(failing, "status 500, where 2xx is expected", Reason.status, "2xx"),
        _Case(site.address, "host:port alone: the connection opens", Reason.ok),
        _Case(silent.url, "a port that accepts and stays silent", Reason.timeout),
        _Case(closed.url, "a port where nothing listens", Reason.refused),
        _Case(f"https://{site.address}/", "https where http is spoken", Reason.tls_handshake),
        _Case(banner.url, "http where SSH is spoken", Reason.protocol),
        _Case("http://127.0.0.1:80443/", "a typo in the port", Reason.invalid_address),
    ]
