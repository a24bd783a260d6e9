"""What a guard refuses is not connected to, by whatever way the address comes."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import re
import socket
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any, Literal
from unittest.mock import AsyncMock

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from tryconnect import Client, Guard, Reason
from tryconnect import testing as peers
from tryconnect._model.guard import IPAddress

PUBLIC = Guard.public()

LET_THROUGH = [
    "1.1.1.1",
    "8.8.8.8",
    "192.0.1.1",
    "100.128.0.1",  # beside the carriers' private range
    "172.32.0.1",  # beside 172.16/12
    "169.253.255.255",  # beside link-local
    "223.255.255.255",  # the last before multicast
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",  # IPv4-mapped
    "2002:808:808::1",  # 6to4 of 8.8.8.8
    "64:ff9b::808:808",  # NAT64 of 8.8.8.8
    "64:ff9b::a83f:8111",  # of the neighbour of Azure's 168.63.129.16
    "2001:0:808:808::fefe:fefe",  # Teredo: a client at 1.1.1.1, by the server 8.8.8.8
]

REFUSED = [
    "0.0.0.0",  # noqa: S104 - unspecified: Linux connects to itself
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",  # carriers' NAT
    "100.100.100.200",  # Alibaba's metadata service
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",  # Azure's
    "169.254.0.1",
    "169.254.169.254",  # most clouds' metadata service
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",  # Oracle's
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible
    "::8.8.8.8",  # the form is dead, and routes nowhere
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
    "64:ff9b::a00:1",
    "64:ff9b:1::808:808",  # a private network's own NAT64
    "100::1",
    "2001::1",  # Teredo, of 255.255.255.254
    "2001:0:7f00:1::",  # Teredo by a server at 127.0.0.1
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",  # 6to4 of 127.0.0.1
    "2002:a00:1::1",
    "2002:a9fe:a9fe::1",  # 6to4 of 169.254.169.254
    "3fff::1",
    "5f00::1",
    "2001:0:808:808::f5ff:fffe",  # Teredo: a client at 10.0.0.1
    "2001:0:a00:1::fefe:fefe",  # Teredo: by the server 10.0.0.1
    "fc00::1",
    "fd00:ec2::254",  # Amazon's metadata service
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("ip", LET_THROUGH)
def test_what_the_whole_internet_can_reach_is_public(ip: str) -> None:
    assert PUBLIC.lets_through((ip, 80))


@pytest.mark.parametrize("ip", REFUSED)
def test_nothing_else_is(ip: str) -> None:
    assert not PUBLIC.lets_through((ip, 80))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_ipv6_clothes_is_judged_the_same(inner: ipaddress.IPv4Address) -> None:
    judged = PUBLIC.lets_through((str(inner), 80))
    clothes = [
        f"::ffff:{inner}",
        str(ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + int(inner))),
        str(ipaddress.IPv6Address((0x2002 << 112) + (int(inner) << 80))),
    ]

    assert [PUBLIC.lets_through((ip, 80, 0, 0)) for ip in clothes] == [judged] * 3


@given(st.ip_addresses(), st.integers(0, 65_535))
def test_there_is_an_answer_for_every_address(ip: IPAddress, port: int) -> None:
    assert PUBLIC.lets_through((str(ip), port)) in {True, False}


def test_a_predicate_is_given_an_address_without_its_zone() -> None:
    seen: list[IPAddress] = []

    assert not Guard(seen.append).lets_through(("fe80::1%eth0", 80, 0, 2))  # type: ignore[arg-type]

    assert seen == [ipaddress.IPv6Address("fe80::1")]


async def later(_: IPAddress) -> bool:
    return True


async def one_by_one(_: IPAddress) -> AsyncIterator[bool]:
    yield True


def lazily(_: IPAddress) -> Iterator[bool]:
    yield True


class Later:
    """Answers a call with a coroutine."""

    async def __call__(self, ip: IPAddress) -> bool:
        return await later(ip)

    async def method(self, ip: IPAddress) -> bool:
        return await later(ip)


LATE = {
    "a coroutine function": later,
    "a part of one": partial(later),
    "a method": Later().method,
    "an object": Later(),
    "a mock": AsyncMock(return_value=True),
    "an asynchronous generator": one_by_one,
    "a generator": lazily,
}


@pytest.mark.parametrize("allows", LATE.values(), ids=list(LATE))
def test_a_predicate_that_answers_later_is_refused(allows: Any) -> None:
    with pytest.raises(TypeError, match="must answer at once"):
        Guard(allows)


@pytest.mark.parametrize("allows", [None, True, "8.8.8.8", {80}])
def test_what_cannot_be_called_is_no_predicate(allows: Any) -> None:
    with pytest.raises(TypeError, match="a guard needs a function, not"):
        Guard(allows)


NO_ANSWERS: list[Any] = [None, 0, 1, "yes", [True], object(), re.match("1", "1"), NotImplemented]


@pytest.mark.parametrize("answer", NO_ANSWERS, ids=lambda value: type(value).__name__)
def test_an_answer_that_is_no_bool_means_no(answer: Any) -> None:
    assert Guard(lambda _: answer).lets_through(("8.8.8.8", 80)) is False


def test_a_coroutine_for_an_answer_means_no_and_nobody_warns_of_it() -> None:
    def allows(ip: IPAddress) -> Any:
        return later(ip)

    assert Guard(allows).lets_through(("8.8.8.8", 80)) is False
    gc.collect()


async def test_a_future_for_an_answer_means_no() -> None:
    done = asyncio.get_running_loop().create_future()
    done.set_result(True)
    assert not Guard(lambda _: done).lets_through(("8.8.8.8", 80))  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    "host", ["localhost", "", "127.1", "2130706433", "/run/socket", "8.8.8.8.test"]
)
def test_what_is_no_ip_address_is_refused(host: str) -> None:
    assert not Guard(lambda _: True).lets_through((host, 80))


async def test_a_resolver_that_answers_with_a_name_gets_nowhere() -> None:
    resolver = Fickle(["localhost"])
    async with Client(guard=Guard(lambda _: True), resolver=resolver) as client:
        assert (await client.probe("http://name.test/")).reason is Reason.blocked


def test_ports_can_be_few() -> None:
    guard = Guard.public(ports={80, 443})

    assert guard.lets_through(("8.8.8.8", 443))
    assert not guard.lets_through(("8.8.8.8", 22))
    assert not guard.lets_through(("10.0.0.1", 443))


# --- on real sockets: the second loopback address plays what is forbidden

ALLOWED, FORBIDDEN = "127.0.0.1", "127.0.0.2"


def not_the_second(ip: IPAddress) -> bool:
    return str(ip) != FORBIDDEN


GUARD = Guard(not_the_second)


class Fickle(AbstractResolver):
    """A name server that gives another answer each time (DNS rebinding)."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers: Iterator[list[str]] = iter(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=ip, port=port, family=family, proto=0, flags=0)
            for ip in next(self.answers)
        ]

    async def close(self) -> None:
        pass


FORMS = ["http://{}:{}/", "{}:{}", "tcp://{}:{}", "http://[::ffff:{}]:{}/", "tcp://[::ffff:{}]:{}"]


@pytest.mark.parametrize("form", FORMS)
async def test_a_refused_peer_hears_nothing(form: str) -> None:
    def not_the_second_nor_mapped(ip: IPAddress) -> bool:
        mapped = getattr(ip, "ipv4_mapped", None)
        return not_the_second(mapped or ip)

    async with (
        peers.http_server(host=FORBIDDEN) as server,
        Client(guard=Guard(not_the_second_nor_mapped)) as client,
    ):
        report = await client.probe(form.format(FORBIDDEN, server.port))

        assert report.reason is Reason.blocked
        assert "guard" in report.detail
        assert server.connections == 0


async def test_what_is_allowed_is_asked(http_server: peers.HttpServer) -> None:
    async with Client(guard=GUARD) as client:
        assert await client.try_connect(http_server.url)
        assert await client.try_connect(http_server.address)


@pytest.mark.parametrize(
    "host", [FORBIDDEN, FORBIDDEN.replace("0.0.", ""), FORBIDDEN.replace("1", "\uff11")]
)
async def test_a_redirect_does_not_get_past(host: str, http_server: peers.HttpServer) -> None:
    async with peers.http_server(host=FORBIDDEN) as secret, Client(guard=GUARD) as client:
        report = await client.probe(
            http_server.at(f"/redirect-to?status=302&location=http://{host}:{secret.port}/")
        )

        assert report.reason is Reason.blocked
        assert [hop.status for hop in report.hops] == [302]
        assert secret.connections == 0


async def test_a_name_that_changes_does_not_get_past() -> None:
    resolver = Fickle([ALLOWED], [FORBIDDEN])
    async with (
        peers.http_server(host=FORBIDDEN) as secret,
        Client(guard=GUARD, resolver=resolver) as client,
    ):
        url = f"tcp://rebinding.test:{secret.port}"

        assert (await client.probe(url)).reason is Reason.refused
        assert (await client.probe(url)).reason is Reason.blocked
        assert secret.connections == 0


async def test_a_name_with_some_allowed_addresses_goes_on_to_them(
    http_server: peers.HttpServer,
) -> None:
    resolver = Fickle([FORBIDDEN, ALLOWED])
    async with Client(guard=GUARD, resolver=resolver) as client:
        report = await client.probe(f"http://half.test:{http_server.port}/")

    assert (report.reason, report.ip) == (Reason.ok, ALLOWED)


async def test_several_refused_addresses_are_blocked_too() -> None:
    resolver = Fickle([FORBIDDEN, FORBIDDEN, "::1"])
    async with Client(guard=Guard(lambda _: False), resolver=resolver) as client:
        assert (await client.probe("http://all.test/")).reason is Reason.blocked


async def test_a_unix_socket_is_refused() -> None:
    async with peers.unix_server() as server, Client(guard=Guard(lambda _: True)) as client:
        report = await client.probe(server.url)

    assert report.reason is Reason.blocked
    assert server.connections == 0


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("transport", ["auto", "aiohttp"])
async def test_a_guard_switches_the_environments_proxies_off(
    transport: Literal["auto", "aiohttp"], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it would let the proxy itself through."""
    scheme = "https" if variable == "HTTPS_PROXY" else "http"
    guard = Guard(lambda address: str(address) == "127.0.0.1")
    async with peers.proxy() as proxy:
        monkeypatch.setenv(variable, proxy.url)
        async with (
            Client(guard=guard) as client,
            client.probe_many([f"{scheme}://127.0.0.2:1/"], transport=transport) as reports,
        ):
            report = await anext(reports)

    assert report.reason is Reason.blocked
    assert proxy.connections == 0


def test_a_guard_and_a_proxy_of_ones_own_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="guard"):
        Client(guard=PUBLIC, proxy="http://127.0.0.1:3128")


async def test_a_predicate_that_fails_lets_nothing_through(http_server: peers.HttpServer) -> None:
    def broken(_: IPAddress) -> bool:
        raise LookupError

    async with Client(guard=Guard(broken)) as client:
        report = await client.probe(http_server.url)

    assert not report
    assert http_server.connections == 0


async def test_fetching_is_guarded_too(http_server: peers.HttpServer) -> None:
    async with Client(guard=PUBLIC) as client:
        with pytest.raises(Exception, match="blocked"):
            await client.fetch_text(http_server.url)

    assert http_server.connections == 0
