"""The name server answers as its zone says, as aiodns and aiohttp see it."""

import asyncio
import errno
import socket
from typing import Any

import aiodns
import aiohttp
import dns.message
import pytest

from tests.support.event_loops import on_each_loop
from tryconnect.testing import dns_server, http_server
from tryconnect.testing.dns import (
    GARBAGE,
    NODATA,
    NXDOMAIN,
    REFUSED,
    SERVFAIL,
    SILENT,
    WRONG_ID,
    Answer,
    Zone,
    alias,
    late,
    truncated,
)

MANY = [f"127.0.1.{last}" for last in range(1, 51)]

ZONE: Zone = {
    "four.test": ["127.0.0.1"],
    "both.test": ["127.0.0.1", "::1"],
    "many.test": MANY,
    "alias.test": alias("both.test"),
    "one.test": alias("other.test"),
    "other.test": alias("one.test"),
    "nodata.test": NODATA,
    "nxdomain.test": NXDOMAIN,
    "servfail.test": SERVFAIL,
    "refused.test": REFUSED,
    "silent.test": SILENT,
    "garbage.test": GARBAGE,
    "wrong-id.test": WRONG_ID,
    "late.test": late(0.05, "127.0.0.1"),
    "truncated.test": truncated("127.0.0.1"),
}

ADDRESSES = {
    "four.test": {"127.0.0.1"},
    "both.test": {"127.0.0.1", "::1"},
    "many.test": set(MANY),
    "alias.test": {"127.0.0.1", "::1"},
    "late.test": {"127.0.0.1"},
    "truncated.test": {"127.0.0.1"},
}

ERRORS = {
    "one.test": aiodns.error.ARES_ENODATA,
    "nodata.test": aiodns.error.ARES_ENODATA,
    "nxdomain.test": aiodns.error.ARES_ENOTFOUND,
    "unlisted.test": aiodns.error.ARES_ENOTFOUND,
    "servfail.test": aiodns.error.ARES_ESERVFAIL,
    "refused.test": aiodns.error.ARES_EREFUSED,
    "silent.test": aiodns.error.ARES_ETIMEOUT,
    "garbage.test": aiodns.error.ARES_EBADRESP,
    "wrong-id.test": aiodns.error.ARES_ETIMEOUT,
}


async def look_up(name: str, arguments: dict[str, Any]) -> list[str]:
    in_vain = ERRORS.get(name) == aiodns.error.ARES_ETIMEOUT
    resolver = aiodns.DNSResolver(**arguments, timeout=0.1 if in_vain else 5, tries=1)
    try:
        found = await resolver.getaddrinfo(name, socket.AF_UNSPEC)
    finally:
        await resolver.close()
    return [node.addr[0].decode() for node in found.nodes]


@on_each_loop
@pytest.mark.parametrize("name", ADDRESSES)
async def test_names_that_are_found(name: str) -> None:
    async with dns_server(ZONE) as dns:
        assert set(await look_up(name, dns.resolver_arguments)) == ADDRESSES[name]

    assert (name, "A", "udp") in dns.queries
    assert ((name, "A", "tcp") in dns.queries) is (name == "truncated.test")


@pytest.mark.slow
@on_each_loop
@pytest.mark.parametrize("name", ERRORS)
async def test_names_that_are_not(name: str) -> None:
    async with dns_server(ZONE) as dns:
        with pytest.raises(aiodns.error.DNSError) as caught:
            await look_up(name, dns.resolver_arguments)

    assert caught.value.args[0] == ERRORS[name]
    assert {query.name for query in dns.queries} == {name}


async def test_addresses_keep_their_order() -> None:
    async with dns_server(ZONE) as dns:
        assert await look_up("many.test", dns.resolver_arguments) == MANY


async def test_the_zone_may_change_and_ports_may_be_given_apart() -> None:
    zone: dict[str, Answer | list[str]] = {}
    async with dns_server(zone) as dns:
        zone["new.test"] = ["127.0.0.9"]
        apart = {"nameservers": [dns.host], "udp_port": dns.port, "tcp_port": dns.port}
        assert await look_up("new.test", apart) == ["127.0.0.9"]


async def test_aiohttp_finds_its_server() -> None:
    async with dns_server(ZONE) as dns, http_server() as server:
        resolver = aiohttp.AsyncResolver(**dns.resolver_arguments)
        connector = aiohttp.TCPConnector(resolver=resolver)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(f"http://four.test:{server.port}/") as response,
        ):
            assert await response.text() == "hello"
        await resolver.close()


async def test_over_tcp_a_question_without_an_answer_holds_up_no_other() -> None:
    asked = [dns.message.make_query(f"{name}.", "A") for name in ("silent.test", "four.test")]
    async with dns_server(ZONE) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        for query in asked:
            packet = query.to_wire()
            writer.write(len(packet).to_bytes(2) + packet)
        heard = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
        writer.close()
        await writer.wait_closed()

    assert dns.message.from_wire(heard).id == asked[1].id
    assert [query.over for query in server.queries] == ["tcp", "tcp"]


async def test_where_no_port_is_free_for_both_ways_it_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def taken(*_: object) -> None:
        raise OSError(errno.EADDRINUSE, "taken")

    monkeypatch.setattr("tryconnect.testing.dns.listening", taken)
    with pytest.raises(OSError, match="no port is free for both UDP and TCP"):
        await dns_server(ZONE).__aenter__()
