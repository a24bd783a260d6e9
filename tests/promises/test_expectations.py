"""Whatever is expected is judged alike on both transports, by single calls and in lists."""

from __future__ import annotations

import re
import ssl
from typing import Literal

import pytest

from tryconnect import Client, Expect, Reason
from tryconnect import testing as peers

ANSWER = b"HTTP/1.1 200 OK\r\nX-Kind: a\r\nx-kind : b\r\nContent-Length: 8\r\n\r\nready v2"

EXPECTATIONS = [
    (Expect(headers={"x-kind": "a, b"}), Reason.ok),
    (Expect(headers={"X-KIND": re.compile("^a, b$")}), Reason.ok),
    (Expect(headers={"X-Kind": "c"}), Reason.body),
    (Expect(204, headers={"X-Kind": "c"}), Reason.status),
    (Expect(headers={"X-Kind": "c"}, body="no"), Reason.body),
    (Expect(headers={"X-Kind": "a"}, body="ready", pattern=r"v\d"), Reason.ok),
    (Expect(body="ready", pattern=r"v\d\d"), Reason.body),
    (Expect(body="steady", pattern=r"v\d"), Reason.body),
    (Expect(within=10), Reason.ok),
    (Expect(within=0.000_001), Reason.slow),
    (Expect(within=0.000_001, body="no"), Reason.body),
]


async def reasons(client: Client, address: str, expect: Expect) -> list[Reason]:
    """What a single call says, and what lists say by each transport."""
    found = [(await client.probe(address, expect=expect)).reason]
    transports: list[Literal["auto", "aiohttp"]] = ["auto", "aiohttp"]
    for transport in transports:
        run = client.probe_many([address], expect=expect, transport=transport)
        found += [report.reason async for report in run]
    return found


@pytest.mark.parametrize(("expect", "reason"), EXPECTATIONS, ids=repr)
async def test_every_way_holds_an_answer_to_the_same(expect: Expect, reason: Reason) -> None:
    async with peers.raw(ANSWER) as peer, Client(proxy=None) as client:
        assert await reasons(client, peer.url, expect) == [reason] * 3


@pytest.mark.parametrize("address", ["tcp://{}", "{}"])
async def test_a_connection_may_be_slow_too(address: str) -> None:
    async with peers.raw(b"") as peer, Client(proxy=None) as client:
        found = await reasons(client, address.format(peer.address), Expect(within=0.000_001))

    assert found == [Reason.slow] * 3


@pytest.mark.parametrize("ssl_option", ["trusting", "off"])
@pytest.mark.parametrize(
    ("days", "reason"), [(0, Reason.ok), (2, Reason.ok), (10**6, Reason.cert_expiring)]
)
async def test_a_certificate_has_to_last(
    days: int,
    reason: Reason,
    ssl_option: str,
    client_ssl: ssl.SSLContext,
    https_server: peers.HttpServer,
) -> None:
    trust = client_ssl if ssl_option == "trusting" else False
    async with Client(proxy=None, ssl=trust) as client:
        report = await client.probe(https_server.url)
        found = await reasons(client, https_server.url, Expect(cert_days=days))

    assert found == [reason] * 3
    assert report.tls is not None
    assert report.tls.expires is not None


async def test_a_certificate_that_has_ended_is_seen_where_none_is_verified() -> None:
    async with (
        peers.http_server(tls=peers.server_context("expired")) as server,
        Client(proxy=None, ssl=False) as client,
    ):
        assert await reasons(client, server.url, Expect(cert_days=0)) == [Reason.cert_expiring] * 3
        assert await reasons(client, server.url, Expect(200)) == [Reason.ok] * 3


async def test_a_redirect_away_from_tls_has_no_certificate(
    client_ssl: ssl.SSLContext, http_server: peers.HttpServer
) -> None:
    async with (
        peers.http_server(tls=peers.server_context()) as server,
        Client(proxy=None, ssl=client_ssl) as client,
    ):
        address = server.at(f"/redirect-to?location={http_server.url}")
        assert await reasons(client, address, Expect(cert_days=0)) == [Reason.cert_expiring] * 3


@pytest.mark.parametrize(("days", "reason"), [(2, Reason.ok), (10**6, Reason.cert_expiring)])
async def test_a_redirect_to_tls_has_a_certificate(
    days: int,
    reason: Reason,
    client_ssl: ssl.SSLContext,
    http_server: peers.HttpServer,
    https_server: peers.HttpServer,
) -> None:
    address = http_server.at(f"/redirect-to?location={https_server.url}")
    async with Client(proxy=None, ssl=client_ssl) as client:
        assert await reasons(client, address, Expect(cert_days=days)) == [reason] * 3


async def test_what_never_meets_tls_is_not_held_to_a_certificate(
    http_server: peers.HttpServer,
) -> None:
    async with Client(proxy=None) as client:
        for address in (http_server.url, http_server.at("/redirect/1")):
            assert await reasons(client, address, Expect(cert_days=1)) == [Reason.ok] * 3
