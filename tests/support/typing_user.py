"""Code as users would write it, with every public name: checked by mypy, never run."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, assert_type

from aiohttp import AsyncResolver
from aiohttp.abc import AbstractResolver
from yarl import URL

import tryconnect
from tryconnect import (
    Address,
    Addresses,
    Client,
    EncodingSource,
    Expect,
    ExpectLike,
    FetchError,
    Greeting,
    Guard,
    Hop,
    InvalidAddress,
    Page,
    Probes,
    Reason,
    Report,
    Survey,
    Timings,
    Tls,
    TryConnectError,
    WaitTimeout,
    Watch,
    doctor,
    fetch,
    fetch_text,
    probe,
    probe_many,
    survey,
    sync,
    try_connect,
    wait_until_down,
    wait_until_up,
    watch,
)


async def functions() -> None:
    assert_type(await try_connect("https://example.com"), bool)
    assert_type(await try_connect(URL("https://example.com"), timeout=1, expect="2xx"), bool)
    assert_type(await probe("example.com:22", timeout=0.5), Report)
    assert_type(await probe("https://example.com", expect=204, method="HEAD"), Report)
    assert_type(await fetch_text("https://example.com", max_bytes=1000, expect=None), str)
    assert_type(await fetch("https://example.com", encoding="gbk"), Page)
    assert_type(
        await asyncio.gather(*(try_connect(address) for address in ("a.example", "b.example"))),
        list[bool],
    )


async def many(client: Client, names: AsyncIterator[str]) -> None:
    async with probe_many(["a.example", URL("https://b.example")], limit=10) as probes:
        assert_type(probes, Probes)
        async for report in probes:
            assert_type(report, Report)
        assert_type(probes.started, int)
        assert_type(probes.finished, int)
        assert_type(probes.counts, Mapping[Reason, int])
    async for report in client.probe_many(names, per_host=2, ordered=True, keep_tracebacks=True):
        assert_type(report, Report)


async def patience(client: Client) -> None:
    assert_type(await wait_until_up("a.example", "b.example:5432", timeout=5), list[Report])
    assert_type(await wait_until_down(URL("https://a.example"), any_of=True), list[Report])
    assert_type(await client.wait_until_up("a.example", expect=204), list[Report])
    assert_type(await client.wait_until_down("a.example"), list[Report])
    assert_type(watch("a.example", every=1), Watch)
    async for report in client.watch("a.example", rise=2, fall=3, expect="2xx"):
        assert_type(report, Report)
    try:
        await wait_until_up("a.example")
    except WaitTimeout as error:
        assert_type(error.report, Report)
        assert_type(error.reports, list[Report])
        assert_type((error.timeout, error.up), tuple[float, bool])


async def client(resolver: AbstractResolver, headers: Mapping[str, str]) -> None:
    context = ssl.create_default_context()
    async with Client(
        headers=headers,
        ssl=context,
        proxy=URL("http://127.0.0.1:8080"),
        family="ipv4",
        resolver=resolver,
        user_agent="mine/1",
    ) as client:
        assert_type(client, Client)
        assert_type(await client.try_connect("https://example.com", expect=200), bool)
        assert_type(await client.probe("https://example.com"), Report)
        assert_type(await client.fetch_text("https://example.com"), str)
        assert_type(await client.fetch("https://example.com"), Page)

    plain = Client(headers={"X-Token": "abc"}, ssl=False, proxy=None, resolver=AsyncResolver())
    await plain.aclose()
    Client(guard=Guard.public(ports={80, 443}))
    Client(guard=Guard(lambda address: address.is_private))


async def examination(loop: asyncio.AbstractEventLoop) -> Sequence[str]:
    findings = await doctor.examine(loop, only="loop", name_servers=["127.0.0.1:53"])
    assert_type(findings, doctor.Findings)
    assert_type(findings.healthy, bool)
    for finding in findings.problems:
        assert_type(finding.level, doctor.Level)
        assert_type(finding.as_dict(), dict[str, str])
    return [finding.advice for finding in findings.named("wake_up")]


def synchronous() -> None:
    assert_type(sync.try_connect("https://example.com", timeout=1), bool)
    assert_type(sync.probe("https://example.com", expect="2xx"), Report)
    assert_type(sync.fetch_text(URL("https://example.com")), str)
    assert_type(sync.fetch("https://example.com"), Page)
    with sync.probe_many(["a.example", URL("https://b.example")], per_host=1) as probes:
        assert_type(probes, sync.BlockingProbes)
        for report in probes:
            assert_type(report, Report)
        assert_type(probes.counts, Mapping[Reason, int])
    assert_type(sync.wait_until_up("a.example"), list[Report])
    assert_type(sync.wait_until_down("a.example"), list[Report])
    assert_type(sync.watch("a.example"), sync.BlockingWatch)
    assert_type(next(sync.watch("a.example")), Report)
    with sync.Client(proxy=None) as client:
        assert_type(client, sync.Client)
        assert_type(client.probe_many(["a.example"]), sync.BlockingProbes)
        assert_type(client.wait_until_up("a.example", any_of=True), list[Report])
        assert_type(client.wait_until_down("a.example"), list[Report])
        assert_type(client.watch("a.example", every=60), sync.BlockingWatch)
        assert_type(client.try_connect("https://example.com"), bool)
        assert_type(client.probe("https://example.com"), Report)
        assert_type(client.fetch_text("https://example.com"), str)
        assert_type(client.fetch("https://example.com"), Page)
    client.close()


def at_scale(addresses: Sequence[str], reports: Path) -> Mapping[Reason, int]:
    done = survey(addresses, reports, engine="none", expect="2xx")
    assert_type(done, Survey)
    return done.counts


def greetings() -> Greeting:
    return Greeting(
        name="Echo",
        scheme="echo",
        port=7,
        exchange=((b"a\n", rb"a\n"),),
        goodbye=b"",
        source="RFC 862",
    ).register()


def expectations() -> Sequence[Expect]:
    return [
        Expect(204),
        Expect("2xx, 304"),
        Expect(status=204, body=""),
        Expect(body="hello"),
        Expect(body=re.compile("h.llo")),
        Expect(pattern="h.llo", headers={"Server": "", "ETag": re.compile("^W/")}),
        Expect(within=0.5, cert_days=14),
    ]


async def states(addresses: Addresses, expect: ExpectLike) -> dict[str, bool]:
    """The names of options' types serve in functions, and in unions, of a user's own."""
    async with probe_many(addresses, expect=expect) as probes:
        return {report.address: report.ok async for report in probes}


def first_of(address: Address | None, others: Mapping[str, Address]) -> Address:
    return address or next(iter(others.values()))


def report(report: Report) -> None:
    assert_type(report.ok, bool)
    assert_type(report.address, str)
    assert_type(report.reason, Reason)
    assert_type(report.reason.meaning, str)
    assert_type(report.detail, str)
    assert_type(report.status, int | None)
    assert_type(report.url, str | None)
    assert_type(report.ip, str | None)
    assert_type(report.hops, tuple[Hop, ...])
    assert_type(report.tls, Tls | None)
    assert_type(report.timings, Timings)
    assert_type(report.error, BaseException | str | None)
    assert_type(report.as_dict(show_secrets=True), dict[str, Any])
    for hop in report.hops:
        assert_type(hop.status, int)
        assert_type(hop.url, str)
    if report.tls is not None:
        assert_type(report.tls.version, str)
        assert_type(report.tls.expires, datetime | None)
    assert_type(report.timings.dns, float | None)
    assert_type(report.timings.connect, float | None)
    assert_type(report.timings.tls, float | None)
    assert_type(report.timings.response, float | None)
    assert_type(report.timings.total, float)


def words(report: Report) -> str:
    """Every reason is a distinct string; ``match`` works on its members."""
    match report.reason:
        case Reason.ok:
            return "up"
        case Reason.refused | Reason.timeout:
            return "down"
        case _:
            return report.reason


def page(page: Page) -> None:
    assert_type(page.text, str)
    assert_type(page.encoding, str)
    assert_type(page.encoding_source, EncodingSource)
    assert_type(page.headers, Mapping[str, str])
    assert_type(page.status, int)
    assert_type(page.url, str)
    assert_type(page.report, Report)


def errors() -> Reason | None:
    try:
        sync.fetch_text("https://example.com")
    except FetchError as error:
        return error.report.reason
    except InvalidAddress as error:
        assert_type(
            (error.address, error.problem, error.start, error.end), tuple[str, str, int, int]
        )
        raise ValueError(str(error)) from error
    except TryConnectError:
        return None
    return Reason.ok


def surveys() -> None:
    found = survey(["a.example"], "out", per_host=2, client={"user_agent": "mine"}, keep=None)
    assert_type(found, Survey)
    assert_type(found.counts, Mapping[Reason, int])


VERSION: str = tryconnect.__version__
