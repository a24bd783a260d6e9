"""One check by each transport, and what can be compared of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from tryconnect import Client, Report
from tryconnect._address.target import Target, parse
from tryconnect._check.network import Network
from tryconnect._check.reactor_network import ReactorNetwork
from tryconnect._check.verdict import judge
from tryconnect._options import USER_AGENT, Options, read_options
from tryconnect._transport.attempt import Attempt, Phase
from tryconnect._transport.proxies import Proxies

_DURATION = re.compile(r"[\d.]+ m?s\b")
_NOT_HTTP = re.compile(r"(?<= )(answers, but not with HTTP|speaks ).*")
"""How much of a foreign greeting is there to be recognised and quoted, hangs on how the network cut
it."""


class Facts(NamedTuple):
    """What both transports must agree on."""

    reason: str
    detail: str
    status: int | None
    url: str | None
    ip: str | None
    hops: tuple[Any, ...]
    tls: Any
    died_in: Phase | None
    entered: tuple[str, ...]

    @classmethod
    def of(cls, address: str, attempt: Attempt) -> Facts:
        """The facts of an attempt; its words without durations."""
        report = judge(address, attempt)
        timings = attempt.timings._asdict()
        return cls(
            str(report.reason),
            _NOT_HTTP.sub("is not HTTP", _DURATION.sub("T", report.detail)),
            report.status,
            report.url,
            report.ip,
            report.hops,
            report.tls,
            attempt.phase,
            tuple(name for name, spent in timings.items() if spent is not None),
        )


async def by_each_way(client: Client, address: str, **chosen: Any) -> list[Report]:
    """A single check, and one in a list by each transport."""
    reports = [await client.probe(address, **chosen)]
    for transport in ("auto", "aiohttp"):
        run = client.probe_many([address], transport=transport, **chosen)
        reports += [report async for report in run]
    return reports


def options(**chosen: Any) -> Options:
    """A client's options, without proxies unless they are chosen."""
    usual: dict[str, Any] = {
        "headers": None,
        "ssl": None,
        "proxy": None,
        "family": "any",
        "guard": None,
        "resolver": None,
        "user_agent": USER_AGENT,
        "loop": "auto",
    }
    return read_options(**usual | chosen)


async def attempt(network: ReactorNetwork, target: Target, seconds: float) -> Attempt:
    """Await a check on the reactor."""
    answer: asyncio.Future[Attempt] = asyncio.get_running_loop().create_future()
    check = network.start(
        target, seconds, lambda done: None if answer.done() else answer.set_result(done)
    )
    try:
        return await answer
    finally:
        check.cancel()


class Both(NamedTuple):
    """The two transports of one loop."""

    aiohttp: Network
    reactor: ReactorNetwork

    async def attempt_by(self, which: int, address: str, seconds: float) -> Attempt:
        """Try an address: 0 by aiohttp, 1 on the reactor."""
        target = parse(address)
        if which:
            return await attempt(self.reactor, target, seconds)
        return await self.aiohttp.attempt(target, timeout=seconds)

    async def facts_by(self, which: int, address: str, seconds: float) -> Facts:
        """The same, as what can be compared."""
        return Facts.of(address, await self.attempt_by(which, address, seconds))

    async def facts(self, address: str, seconds: float) -> tuple[Facts, Facts]:
        """Try an address by aiohttp, then on the reactor."""
        by_aiohttp = await self.facts_by(0, address, seconds)
        return by_aiohttp, await self.facts_by(1, address, seconds)


@asynccontextmanager
async def both(chosen: Options) -> AsyncIterator[Both]:
    """Open both transports."""
    proxies = Proxies(chosen.proxy)
    pair = Both(
        Network(chosen, proxies=proxies, keep_alive=False), ReactorNetwork(chosen, proxies=proxies)
    )
    try:
        yield pair
    finally:
        await pair.aiohttp.aclose()
        await pair.reactor.aclose()
