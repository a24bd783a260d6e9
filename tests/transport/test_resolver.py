"""Resolver become addresses: what a name server answers, and whom else there is to ask."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any, NoReturn

import aiodns
import pycares
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.support.event_loops import on_each_loop
from tests.support.leaks import Guard
from tests.support.limits import no_thread_to_be_had
from tests.support.transports import both, options
from tryconnect import Client, Reason, Report, sync
from tryconnect import testing as peers
from tryconnect._address.target import parse
from tryconnect._transport import address_order, dns_client, name_settings, system_lookup
from tryconnect._transport.addr_infos import addr_infos
from tryconnect._transport.answer_cache import AnswerCache, shared_answers
from tryconnect._transport.dns_client import Outcome
from tryconnect._transport.hosts_file import HostsFile
from tryconnect._transport.name_lookup import NameLookup
from tryconnect._transport.name_settings import NameSettings
from tryconnect._transport.nsswitch import NameServices
from tryconnect._transport.resolv_conf import ResolvConf
from tryconnect._transport.resolver import Resolver
from tryconnect._transport.trace import Trace, current
from tryconnect.testing import dns, tls
from tryconnect.testing._serve import listening, serve_on

LONG = 5.0
"""A deadline that nothing here reaches."""

SHORT = 0.15
"""A deadline that is meant to pass."""

LATE = 0.25
"""Seconds by which a busy machine may miss a deadline; the promise is 0.05 s."""

HERE = "127.0.0.1"


@contextlib.asynccontextmanager
async def asking(
    server: dns.DnsServer,
    services: NameServices | None = None,
    *,
    no_aaaa: bool = False,
    **options: Any,
) -> AsyncIterator[Resolver]:
    """A resolver that asks a server; as this machine's own where there are services."""
    names = Resolver(**server.resolver_arguments, **options)
    if services is not None:
        conf = ResolvConf((server.address,), no_aaaa=no_aaaa)
        names._settings = lambda: NameSettings(services, HostsFile(None), conf)
    try:
        yield names
    finally:
        await names.close()


@contextlib.asynccontextmanager
async def opened(names: AbstractResolver, **options: Any) -> AsyncIterator[Client]:
    async with Client(resolver=names, proxy=None, **options) as client:
        yield client


async def looked_up(zone: dns.Zone, name: str, **options: Any) -> list[str]:
    async with peers.dns_server(zone) as server, asking(server) as names:
        return [each["host"] for each in await names.resolve(name, 80, **options)]


async def probed(
    zone: dns.Zone, name: str, *, timeout: float = LONG, **options: Any
) -> tuple[Report, list[dns.Query]]:
    """What is said of a name, at whose address something listens, and what was asked for it."""
    async with (
        peers.http_server() as http,
        peers.dns_server(zone) as server,
        asking(server, **options) as names,
        opened(names) as client,
    ):
        report = await client.probe(f"http://{name}:{http.port}/", timeout=timeout)
    return report, server.queries


# --- what a name server answers

FOUND: dict[str, dict[str, dns.Answer | list[str]]] = {
    "an address": {"good.test": [HERE]},
    "a second address": {"good.test": ["127.0.0.2", HERE]},
    "an alias": {"good.test": dns.alias("www.good.test"), "www.good.test": [HERE]},
    "a chain of aliases": {
        "good.test": dns.alias("a.test"),
        "a.test": dns.alias("b.test"),
        "b.test": dns.alias("c.test"),
        "c.test": [HERE],
    },
    "truncated over UDP": {"good.test": dns.truncated(HERE)},
    "late": {"good.test": dns.late(0.1, HERE)},
    "dead IPv6 and living IPv4": {"good.test": ["::1", HERE]},
    "fifty addresses": {"good.test": [*(f"127.0.1.{last}" for last in range(2, 51)), HERE]},
    "ten addresses": {"good.test": [f"127.0.0.{last}" for last in range(10, 0, -1)]},
}


@pytest.mark.slow
@on_each_loop
@pytest.mark.parametrize("case", FOUND)
async def test_a_name_that_is_found(case: str) -> None:
    report, queries = await probed(FOUND[case], "good.test")

    assert (report.reason, report.status, report.ip) == (Reason.ok, 200, HERE)
    assert report.timings.dns is not None
    assert {query.over for query in queries} == (
        {"udp", "tcp"} if case == "truncated over UDP" else {"udp"}
    )


NOT_FOUND: dict[str, dict[str, dns.Answer | list[str]]] = {
    "no such name": {},
    "no such name, in words": {"bad.test": dns.NXDOMAIN},
    "no address": {"bad.test": dns.NODATA},
    "an alias of nothing": {"bad.test": dns.alias("none.test")},
}
FAILED: dict[str, dict[str, dns.Answer | list[str]]] = {
    "garbage": {"bad.test": dns.GARBAGE},
    "SERVFAIL": {"bad.test": dns.SERVFAIL},
    "REFUSED": {"bad.test": dns.REFUSED},
    "an answer that cannot be read": {
        "bad.test": dns.Answer(mangle=lambda packet: packet[:12] + b"\xff" * 20)
    },
}
SILENT: dict[str, dict[str, dns.Answer | list[str]]] = {
    "no answer": {"bad.test": dns.SILENT},
    "too late": {"bad.test": dns.late(60, HERE)},
    "another question's answer": {"bad.test": dns.WRONG_ID},
}


@on_each_loop
@pytest.mark.parametrize("case", NOT_FOUND)
async def test_a_name_that_does_not_exist(case: str) -> None:
    report, queries = await probed(NOT_FOUND[case], "bad.test")

    assert report.reason is Reason.dns_not_found
    assert report.detail.startswith("the name bad.test does not exist or has no address")
    assert isinstance(report.error, Exception)
    assert queries


@on_each_loop
@pytest.mark.parametrize("case", FAILED)
async def test_a_name_server_that_cannot_tell(case: str) -> None:
    report, _ = await probed(FAILED[case], "bad.test", timeout=LONG, tries=1)

    assert report.reason is Reason.dns_failed
    assert report.detail.startswith("the name servers could not look bad.test up (")


@on_each_loop
@pytest.mark.parametrize("case", SILENT)
async def test_a_name_server_without_a_word_to_the_point(case: str) -> None:
    report, _ = await probed(SILENT[case], "bad.test", timeout=SHORT)

    assert report.reason is Reason.timeout
    assert report.timings.total < SHORT + LATE
    assert "no answer from the name servers" in report.detail


async def test_silence_that_ends_before_the_deadline_is_a_failed_look_up() -> None:
    report, queries = await silence_of(0.1)

    assert report.reason is Reason.dns_failed
    assert sorted(queries) == [("bad.test", "A", "udp"), ("bad.test", "AAAA", "udp")]


async def silence_of(seconds: float) -> tuple[Report, list[dns.Query]]:
    async with (
        peers.dns_server({"bad.test": dns.SILENT}) as server,
        asking(server, timeout=seconds, tries=1) as names,
        opened(names) as client,
    ):
        return await client.probe("tcp://bad.test:80", timeout=LONG), server.queries


async def test_a_loop_of_aliases_ends() -> None:
    zone = {"a.test": dns.alias("b.test"), "b.test": dns.alias("a.test")}

    report, _ = await probed(zone, "a.test", timeout=LONG)

    assert report.reason is Reason.dns_not_found
    assert report.detail.startswith("the name a.test does not exist or has no address")


async def test_the_second_name_server_answers_for_a_dead_first() -> None:
    async with (
        peers.closed_port() as dead,
        peers.dns_server({"good.test": [HERE]}) as server,
    ):
        names = Resolver(nameservers=[dead.address, server.address], domains=[])
        found = await names.resolve("good.test", 80)
        await names.close()

    assert [each["host"] for each in found] == [HERE]


SAYS_NOTHING_USEFUL = {
    "silent": dns.SILENT,
    "late": dns.late(60, "::1"),
    "another id": dns.WRONG_ID,
    "SERVFAIL": dns.SERVFAIL,
    "REFUSED": dns.REFUSED,
    "no such name": dns.NXDOMAIN,
    "no address": dns.NODATA,
}


@on_each_loop
@pytest.mark.parametrize("case", SAYS_NOTHING_USEFUL)
@pytest.mark.slow
async def test_a_name_server_that_knows_one_family_only(case: str) -> None:
    """c-ares would wait 2 s for the answer about the other."""
    zone: dns.Zone = {"good.test": [HERE], "good.test AAAA": SAYS_NOTHING_USEFUL[case]}

    report, _ = await probed(zone, "good.test", timeout=1.0)

    assert (report.reason, report.ip) == (Reason.ok, HERE)


@pytest.mark.parametrize("family", ["A", "AAAA"])
@pytest.mark.slow
async def test_a_name_may_have_an_address_that_a_name_server_keeps_back(family: str) -> None:
    """It has none of the other family: nobody can tell."""
    zone = {"bad.test": dns.NODATA, f"bad.test {family}": dns.SILENT}
    async with (
        peers.dns_server(zone) as server,
        asking(server, timeout=0.5, tries=1) as names,
        opened(names) as client,
    ):
        report = await client.probe("tcp://bad.test:80", timeout=LONG)

    assert report.reason is Reason.dns_failed


async def test_both_families_are_asked_for_once_where_they_answer_in_time() -> None:
    _, queries = await probed({"good.test": [HERE]}, "good.test")

    assert sorted(query.type for query in queries) == ["A", "AAAA"]


@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_no_name_server_listens(scheme: str) -> None:
    async with peers.closed_port() as dead:
        names = Resolver(nameservers=[dead.address], domains=[])
        async with opened(names) as client:
            report = await client.probe(f"{scheme}://good.test:80")
        await names.close()

    assert report.reason is Reason.dns_failed
    assert report.detail.startswith("the name servers could not look good.test up (")


@contextlib.asynccontextmanager
async def hole_and_server() -> AsyncIterator[int]:
    """A black hole and a server at one port, of which the system chose the hole's.

    An outgoing connection may have that port of the other family, so it may take several tries.
    """
    async with contextlib.AsyncExitStack() as stack:
        while True:
            hole = await stack.enter_async_context(peers.full_backlog(host="::1"))
            peer = peers.Peer(HERE, hole.port)
            with contextlib.suppress(OSError):
                listener = stack.enter_context(listening(HERE, hole.port))
                break
        await stack.enter_async_context(serve_on(listener, tls.answers, peer))
        yield peer.port


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux drops what its queue cannot hold")
@pytest.mark.skipif(not peers.ipv6_loopback(), reason="this machine has no IPv6")
@on_each_loop
@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_a_dead_ipv6_address_does_not_hide_a_living_ipv4_one(scheme: str) -> None:
    """Nothing comes back from the first; the second is tried beside it after a moment."""
    async with (
        hole_and_server() as port,
        peers.dns_server({"good.test": ["::1", HERE]}) as server,
        asking(server) as names,
        opened(names) as client,
    ):
        report = await client.probe(f"{scheme}://good.test:{port}", timeout=LONG)

    assert (report.reason, report.ip) == (Reason.ok, HERE)
    assert 0.2 < report.timings.total < 0.25 + LATE


async def test_the_result_is_aiohttps() -> None:
    async with peers.dns_server({"good.test": [HERE]}) as server, asking(server) as names:
        (found,) = await names.resolve("good.test", 8080)

    assert found == {
        "hostname": "good.test",
        "host": HERE,
        "port": 8080,
        "family": socket.AF_INET,
        "proto": 0,
        "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    }


async def test_a_resolver_does_not_need_the_port() -> None:
    async with peers.dns_server({"good.test": [HERE]}) as server, asking(server) as names:
        (found,) = await names.resolve("good.test")

    assert found["port"] == 0


def test_name_servers_are_asked_as_patiently_as_the_system_would() -> None:
    assert Resolver(nameservers=["127.0.0.1:9"])._settings().conf == ResolvConf(("127.0.0.1:9",))


async def test_a_dot_at_the_end_changes_nothing() -> None:
    assert await looked_up({"good.test": [HERE]}, "good.test.") == [HERE]


@pytest.mark.skipif(not peers.ipv6_loopback(), reason="this machine has no IPv6")
@pytest.mark.parametrize(
    ("family", "kinds"),
    [
        (socket.AF_UNSPEC, {"A", "AAAA"}),
        (socket.AF_INET, {"A"}),
        (socket.AF_INET6, {"AAAA"}),
    ],
)
async def test_only_the_wanted_family_is_asked_for(
    family: socket.AddressFamily, kinds: set[str]
) -> None:
    async with (
        peers.dns_server({"good.test": [HERE, "::1"]}) as server,
        asking(server) as names,
    ):
        found = await names.resolve("good.test", 80, family)

    assert {query.type for query in server.queries} == kinds
    assert {each["family"] for each in found} == {
        {"A": socket.AF_INET, "AAAA": socket.AF_INET6}[kind] for kind in kinds
    }


async def test_no_aaaa_is_for_names_of_any_family() -> None:
    async with (
        peers.dns_server({"good.test": [HERE, "::1"]}) as server,
        asking(server, SERVER, no_aaaa=True) as names,
    ):
        found = await names.resolve("good.test", 80)
        await names.resolve("good.test", 80, socket.AF_INET6)

    assert [query.type for query in server.queries] == ["A", "AAAA"]
    assert [each["host"] for each in found] == [HERE]


@pytest.mark.skipif(not peers.ipv6_loopback(), reason="this machine has no IPv6")
@pytest.mark.parametrize("scheme", ["http", "tcp"])
@pytest.mark.parametrize(
    ("family", "reason"),
    [("any", Reason.ok), ("ipv4", Reason.ok), ("ipv6", Reason.refused)],
)
async def test_a_clients_family(scheme: str, family: str, reason: Reason) -> None:
    async with (
        peers.http_server() as http,
        peers.dns_server({"good.test": ["::1", HERE]}) as server,
        asking(server) as names,
        opened(names, family=family) as client,
    ):
        report = await client.probe(f"{scheme}://good.test:{http.port}")

    assert report.reason is reason


@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_a_name_without_an_address_of_the_family(scheme: str) -> None:
    async with (
        peers.dns_server({"good.test": [HERE]}) as server,
        asking(server) as names,
        opened(names, family="ipv6") as client,
    ):
        report = await client.probe(f"{scheme}://good.test:80")

    assert report.reason is Reason.dns_not_found


@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_an_address_of_another_family_is_our_own_settings_fault(scheme: str) -> None:
    async with Client(proxy=None, family="ipv6") as client:
        report = await client.probe(f"{scheme}://127.0.0.1:7")

    assert report.reason is Reason.local
    assert "another family of addresses" in report.detail


# --- at once, and cancelled


async def a_query(server: dns.DnsServer) -> None:
    """Wait until one came in."""
    while not server.queries:  # noqa: ASYNC110 - the peer has no event for it
        await asyncio.sleep(0.001)


async def test_look_ups_of_one_name_are_not_shared() -> None:
    """A shared one would outlive the check that began it, or end with it."""
    async with (
        peers.http_server() as http,
        peers.dns_server({"good.test": dns.late(0.05, HERE)}) as server,
        asking(server) as names,
        opened(names) as client,
    ):
        url = f"http://good.test:{http.port}/"
        checks = [asyncio.ensure_future(client.probe(url)) for _ in range(3)]
        await asyncio.sleep(0.01)
        checks[0].cancel()
        ends = await asyncio.gather(*checks, return_exceptions=True)

    assert isinstance(ends[0], asyncio.CancelledError)
    assert all(isinstance(end, Report) and end.ok for end in ends[1:])
    assert len([query for query in server.queries if query.type == "A"]) == 3


@on_each_loop
@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_a_cancelled_look_up_leaves_nothing(scheme: str) -> None:
    async with (
        peers.dns_server({"slow.test": dns.SILENT}) as server,
        asking(server) as names,
        opened(names) as client,
    ):
        check = asyncio.ensure_future(client.probe(f"{scheme}://slow.test:80"))
        await a_query(server)
        check.cancel()
        with pytest.raises(asyncio.CancelledError):
            await check


async def test_who_waits_no_longer_has_nobody_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dns_client, "REPEAT", 0.05)
    async with peers.dns_server({"slow.test": dns.SILENT}) as server, asking(server) as names:
        look_up = asyncio.ensure_future(names.resolve("slow.test", 80))
        await a_query(server)
        look_up.cancel()
        await asyncio.wait([look_up])
        assert look_up.cancelled()
        asked = len(server.queries)
        await asyncio.sleep(0.12)

        assert len(server.queries) == asked


async def test_closing_ends_look_ups_under_way() -> None:
    async with peers.dns_server({"slow.test": dns.SILENT}) as server:
        names = Resolver(**server.resolver_arguments)
        look_up = asyncio.ensure_future(names.resolve("slow.test", 80))
        await a_query(server)
        await names.close()
        with pytest.raises(socket.gaierror) as raised:
            await look_up
        assert raised.value.args == (socket.EAI_FAIL, "the resolver was closed")
        await names.close()  # a second time does nothing


async def test_letting_go_ends_look_ups_too() -> None:
    async with peers.dns_server({"slow.test": dns.SILENT}) as server:
        names = Resolver(**server.resolver_arguments)
        look_up = asyncio.ensure_future(names.resolve("slow.test", 80))
        await a_query(server)
        names.abandon()
        with pytest.raises((OSError, asyncio.CancelledError)):
            await look_up
        names.abandon()


class Forgetful(HostsFile):
    """Cannot be searched."""

    def find(self, *_: object) -> NoReturn:
        raise MemoryError


async def test_a_look_up_that_cannot_begin_is_over() -> None:
    ends: list[object] = []
    names = Resolver()
    names._settings = lambda: NameSettings(SERVER, Forgetful(None), ResolvConf())
    with pytest.raises(MemoryError):
        names.look_up("good.test", socket.AF_UNSPEC, lambda *end: ends.append(end))
    await names.close()

    assert not ends


async def test_want_of_memory_ends_the_look_up_that_it_meets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def want(_: object) -> NoReturn:
        raise MemoryError

    monkeypatch.setattr(address_order, "_source", want)
    zone: dns.Zone = {"both.test": ["::1", HERE], "good.test": [HERE]}
    async with peers.dns_server(zone) as server, asking(server) as names:
        both, good = await asyncio.gather(
            names.resolve("both.test", 80), names.resolve("good.test", 80), return_exceptions=True
        )

    assert isinstance(both, MemoryError)
    assert not isinstance(good, BaseException)
    assert [each["host"] for each in good] == [HERE]


async def test_what_is_raised_by_who_is_told_is_told_nobody_again(leak_guard: Guard) -> None:
    told: list[object] = []

    def broken(*end: object) -> NoReturn:
        told.append(end)
        raise KeyError

    async with peers.dns_server({"good.test": [HERE]}) as server, asking(server) as names:
        names.look_up("good.test", socket.AF_INET, broken)
        async with asyncio.timeout(LONG):
            while not told:  # noqa: ASYNC110 - nobody rings
                await asyncio.sleep(0)

    assert told == [([(socket.AF_INET, HERE, 0, 0)], None)]
    assert len(leak_guard.expect_complaints()) == 1


@contextlib.contextmanager
def traced() -> Iterator[Trace]:
    """The trace of a check that runs in here."""
    trace = Trace(parse("http://good.test/"))
    token = current.set(trace)
    yield trace
    current.reset(token)


async def test_the_phase_of_names_ends_with_the_answer() -> None:
    with traced() as trace:
        await looked_up({"good.test": [HERE]}, "good.test")

    assert trace.phase is None


async def test_checks_of_one_run_share_their_look_ups() -> None:
    token = shared_answers.set(AnswerCache())
    async with peers.dns_server({"good.test": [HERE]}) as server, asking(server) as names:
        found = await asyncio.gather(names.resolve("good.test", 80), names.resolve("good.test", 81))
    shared_answers.reset(token)

    assert [each["port"] for (each,) in found] == [80, 81]
    assert sorted(query.type for query in server.queries) == ["A", "AAAA"]


# --- the settings


async def test_look_ups_that_begin_together_look_at_the_settings_once() -> None:
    async with peers.dns_server({"good.test": [HERE]}) as server, asking(server, SERVER) as names:
        read, looks = names._settings, 0

        def look() -> NameSettings:
            nonlocal looks
            looks += 1
            return read()

        names._settings = look
        await asyncio.gather(*(names.resolve("good.test") for _ in range(3)))
        assert looks == 1
        await names.resolve("good.test")
        assert looks == 2


async def test_who_goes_on_without_the_loop_looks_again() -> None:
    """An answer of the hosts file is there before the loop runs again."""
    files = iter([HostsFile("127.0.0.1 good.test"), HostsFile("127.0.0.2 good.test")])
    found: list[str] = []
    names = Resolver()
    names._settings = lambda: NameSettings(SERVER, next(files), ResolvConf())
    for _ in range(2):
        names.look_up("good.test", socket.AF_INET, lambda ips, _: found.append(ips[0][1]))
    await names.close()

    assert found == ["127.0.0.1", "127.0.0.2"]


# --- the system


class FakeSystem:
    """Stands for ``socket.getaddrinfo``: knows some names, and notes who asks."""

    def __init__(self, known: dict[str, str]) -> None:
        self.known = known
        self.asked: list[str] = []
        self.wait: Callable[[], object] = lambda: None
        self.error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def __call__(self, host: str, port: None, **options: Any) -> list[tuple[Any, ...]]:
        assert (port, options["type"]) == (None, socket.SOCK_STREAM)
        self.asked.append(host)
        self.wait()
        address = self.known.get(host.rstrip("."))
        if address is None:
            raise self.error
        ip, _, scope = address.partition("%")
        kind = (options["type"], socket.IPPROTO_TCP, "")
        if ":" in ip:
            return [(socket.AF_INET6, *kind, (ip, 0, 0, int(scope or 0)))]
        return [(socket.AF_INET, *kind, (ip, 0))]


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> FakeSystem:
    """The system's resolver, which else would ask the machine's real name servers."""
    resolver = FakeSystem({"printer.local": HERE, "printer": HERE, "db.corp.test": HERE})
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    return resolver


SERVER = NameServices()
DESKTOP = NameServices(others=True, mdns=True)
ISOLATED = NameServices(ours=("files",), others=True)
WAYS = [
    # services, name, in the zone, asked of DNS, asked of the system
    (SERVER, "good.test", True, True, False),
    (SERVER, "bad.test", False, True, False),
    (SERVER, "printer.local", True, True, False),
    (SERVER, "printer", False, True, False),
    (DESKTOP, "printer.localnat", True, True, False),
    (DESKTOP, "good.test", True, True, False),
    (DESKTOP, "bad.test", False, True, True),
    (DESKTOP, "db.corp.test", False, True, True),
    (DESKTOP, "printer.local", True, False, True),
    (DESKTOP, "printer.local.", True, False, True),
    (DESKTOP, "printer", False, True, True),
    (DESKTOP, "printer", True, True, False),
    (ISOLATED, "good.test", True, False, True),
    (ISOLATED, "printer", False, False, True),
]


@on_each_loop
@pytest.mark.parametrize(("services", "name", "in_zone", "dns_asked", "system_asked"), WAYS)
async def test_who_is_asked_for_a_name(
    *,
    services: NameServices,
    name: str,
    in_zone: bool,
    dns_asked: bool,
    system_asked: bool,
    system: FakeSystem,
) -> None:
    zone = {name.rstrip("."): [HERE]} if in_zone else {}
    report, queries = await probed(zone, name, services=services)

    assert bool(queries) is dns_asked
    assert bool(system.asked) is system_asked
    found = (in_zone and dns_asked) or (system_asked and name.rstrip(".") in system.known)
    assert report.reason is (Reason.ok if found else Reason.dns_not_found)


SEARCHED: dict[str, tuple[dns.Zone, list[str]]] = {
    "not there": ({}, ["tan.a.test", "tan.b.test", "tan"]),
    "found": ({"tan.b.test": [HERE]}, ["tan.a.test", "tan.b.test"]),
    "SERVFAIL": ({"tan.a.test": dns.SERVFAIL}, ["tan.a.test", "tan.b.test", "tan"]),
    "refused": ({"tan.a.test": dns.REFUSED}, ["tan.a.test", "tan"]),
}


@pytest.mark.parametrize("case", SEARCHED)
async def test_a_search_list_is_gone_through_as_glibc_does(case: str, system: FakeSystem) -> None:
    zone, asked = SEARCHED[case]
    async with peers.dns_server(zone) as server, asking(server) as names:
        conf = ResolvConf((server.address,), search=("a.test", "b.test"))
        names._settings = lambda: NameSettings(DESKTOP, HostsFile(None), conf, confirm=False)
        with contextlib.suppress(OSError):
            await names.resolve("tan", 80, socket.AF_INET)

    assert [*dict.fromkeys(query.name.rstrip(".") for query in server.queries)] == asked
    assert not system.asked


async def test_the_hosts_file_comes_first() -> None:
    async with peers.dns_server({"good.test": [HERE]}) as server, asking(server) as names:
        conf, hosts = ResolvConf((server.address,)), HostsFile("127.0.0.9 good.test")
        names._settings = lambda: NameSettings(SERVER, hosts, conf)
        found = await names.resolve("good.test", 80)

    assert [each["host"] for each in found] == ["127.0.0.9"]
    assert not server.queries


DOUBTS: dict[str, dns.Answer] = {
    "SERVFAIL": dns.SERVFAIL,
    "REFUSED": dns.REFUSED,
    "no address, as of a server that refers to others": dns.NODATA,
    "an answer that cannot be read": dns.GARBAGE,
}


@pytest.mark.parametrize("doubt", DOUBTS)
async def test_what_a_name_server_cannot_tell_the_system_confirms(
    doubt: str, system: FakeSystem
) -> None:
    zone = dict.fromkeys(("db.corp.test", "none.test"), DOUBTS[doubt])

    found, _ = await probed(zone, "db.corp.test", services=SERVER)
    missing, _ = await probed(zone, "none.test", services=SERVER)

    assert found.ok
    assert missing.reason is Reason.dns_not_found
    assert system.asked == ["db.corp.test", "none.test"]


async def test_of_two_who_cannot_tell_the_name_servers_words_are_told(system: FakeSystem) -> None:
    system.error = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    report, _ = await probed({"none.test": dns.REFUSED}, "none.test", services=SERVER)

    assert report.reason is Reason.dns_failed
    assert "refused" in report.detail


@pytest.mark.parametrize(
    ("services", "zone"), [(SERVER, {"none.test": dns.SERVFAIL}), (DESKTOP, {})]
)
@pytest.mark.slow
async def test_what_the_system_does_not_confirm_in_time_is_no_missing_name(
    services: NameServices, zone: dns.Zone, system: FakeSystem
) -> None:
    let_go = threading.Event()
    system.wait = let_go.wait

    report, _ = await probed(zone, "none.test", services=services, timeout=SHORT)
    let_go.set()

    assert report.reason is Reason.dns_failed
    assert report.timings.total < SHORT + LATE


@pytest.mark.parametrize("name", ["printer", "db.corp.test"])
async def test_the_system_is_asked_where_c_ares_does_not_start(
    name: str, system: FakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise pycares.AresError("no channel")

    monkeypatch.setattr(pycares, "Channel", fail)
    report, _ = await probed({}, name, services=SERVER)

    assert report.ok
    assert system.asked == [name]


async def test_the_machines_own_settings_are_used(
    system: FakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_settings._nsswitch, "read", lambda: ISOLATED)
    monkeypatch.setattr(name_settings._hosts, "read", lambda: HostsFile("127.0.0.9 good.test"))

    async with Client(proxy=None) as client:
        reports = [await client.probe(f"tcp://{name}:9") for name in ("good.test", "printer")]

    assert [report.reason for report in reports] == [Reason.refused, Reason.refused]
    assert system.asked == ["printer"]


async def test_a_check_that_ends_before_the_system_confirms_a_fault_is_told_of_it(
    system: FakeSystem,
) -> None:
    let_go = threading.Event()
    system.wait = let_go.wait
    async with peers.dns_server({}) as server, asking(server, DESKTOP) as names:
        with traced() as trace:
            look_up = asyncio.ensure_future(names.resolve("none.test"))
        while not system.asked:  # noqa: ASYNC110 - it is asked in a thread
            await asyncio.sleep(0.001)
        look_up.cancel()
        await asyncio.wait([look_up])
    let_go.set()

    assert "has not confirmed" in str(trace.unconfirmed)


async def test_a_look_up_that_waited_for_a_thread_is_not_made_once_it_is_cancelled(
    system: FakeSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_lookup, "MAX_THREADS", 1)
    let_go = threading.Event()
    system.wait = let_go.wait
    async with peers.dns_server({}) as server, asking(server, DESKTOP) as names:
        first = asyncio.ensure_future(names.resolve("printer.local"))
        while not system.asked:  # noqa: ASYNC110 - it is asked in a thread
            await asyncio.sleep(0.001)
        second = asyncio.ensure_future(names.resolve("other.local"))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        let_go.set()
        await first
        await names.resolve("printer.local")

    assert system.asked == ["printer.local", "printer.local"]


async def test_a_hung_system_look_up_ends_with_the_deadline(
    system: FakeSystem, leak_guard: Guard
) -> None:
    let_go = threading.Event()
    system.wait = let_go.wait

    report, _ = await probed({}, "printer.local", services=DESKTOP, timeout=SHORT)
    let_go.set()

    assert report.reason is Reason.timeout
    assert report.timings.total < SHORT + LATE
    assert not leak_guard.expect_complaints()


async def test_a_link_local_address_keeps_its_interface(system: FakeSystem) -> None:
    system.known["printer.local"] = "fe80::1%3"
    async with peers.dns_server({}) as server, asking(server, DESKTOP) as names:
        (found,) = await names.resolve("printer.local", 80)

    ((*_, sockaddr),) = addr_infos([found], socket.AF_UNSPEC)
    assert sockaddr == ("fe80::1", 80, 0, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="a stack that is too large for Linux")
async def test_no_thread_for_the_system_is_our_own_machines_fault(system: FakeSystem) -> None:
    with no_thread_to_be_had():
        report, _ = await probed({}, "printer.local", services=DESKTOP)

    assert report.reason is Reason.local
    assert system.asked == []


# --- a caller's resolver


class Invented(AbstractResolver):
    """Knows the names that a test invents."""

    def __init__(self, outcome: list[str] | Exception) -> None:
        self.outcome = outcome
        self.asked: list[tuple[str, int, int]] = []
        self.closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append((host, port, family))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return [
            ResolveResult(
                hostname=host,
                host=ip,
                port=port,
                family=socket.AF_INET6 if ":" in ip else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for ip in self.outcome
        ]

    async def close(self) -> None:
        self.closed = True


@on_each_loop
@pytest.mark.parametrize("scheme", ["http", "tcp"])
@pytest.mark.parametrize("name", ["shop.example", "printer.local", "printer"])
async def test_a_callers_resolver_is_asked_for_all_names(
    name: str, scheme: str, system: FakeSystem, http_server: peers.HttpServer
) -> None:
    resolver = Invented([HERE])
    async with opened(resolver) as client:
        assert await client.probe(f"{scheme}://{name}:{http_server.port}")

    assert resolver.asked == [(name, http_server.port, socket.AF_UNSPEC)]
    assert not resolver.closed
    assert not system.asked


@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_a_callers_resolver_is_not_asked_for_addresses(
    scheme: str, http_server: peers.HttpServer
) -> None:
    resolver = Invented([HERE])
    async with opened(resolver) as client:
        assert await client.probe(f"{scheme}://127.0.0.1:{http_server.port}")

    assert not resolver.asked


INVENTED = {
    Reason.dns_not_found: socket.gaierror(socket.EAI_NONAME, "unknown"),
    Reason.dns_failed: socket.gaierror(socket.EAI_AGAIN, "later"),
    Reason.unknown: LookupError("no idea"),
    Reason.local: OSError(errno.EMFILE, "Too many open files"),
}


@pytest.mark.parametrize("scheme", ["http", "tcp"])
@pytest.mark.parametrize("reason", INVENTED)
async def test_what_a_callers_resolver_raises(reason: Reason, scheme: str) -> None:
    async with opened(Invented(INVENTED[reason])) as client:
        report = await client.probe(f"{scheme}://shop.example:80")

    assert report.reason is reason


@pytest.mark.parametrize("scheme", ["http", "tcp"])
@pytest.mark.parametrize("error", [TimeoutError(), TimeoutError("late"), OSError(), OSError("no")])
async def test_a_callers_resolver_that_gives_no_number_could_not_tell(
    error: OSError, scheme: str
) -> None:
    """And its time is not the check's."""
    async with opened(Invented(error)) as client:
        report = await client.probe(f"{scheme}://shop.example:80")

    assert report.reason is Reason.dns_failed


class Endless(AbstractResolver):
    """Never answers, and notes that it is cancelled."""

    def __init__(self) -> None:
        self.cancelled = False

    async def resolve(self, *_: Any, **__: Any) -> NoReturn:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        raise AssertionError

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_a_callers_resolver_is_not_waited_for_beyond_the_deadline(scheme: str) -> None:
    resolver = Endless()
    async with opened(resolver) as client:
        report = await client.probe(f"{scheme}://shop.example:80", timeout=0.05)
        await asyncio.sleep(0)

    assert report.reason is Reason.timeout
    assert resolver.cancelled


async def test_an_address_of_a_callers_resolver_keeps_its_interface() -> None:
    (found,) = await Resolver(Invented(["fe80::1%3"])).resolve("printer.example", 80)

    ((*_, sockaddr),) = addr_infos([found], socket.AF_UNSPEC)
    assert sockaddr == ("fe80::1", 80, 0, 3)


@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_a_callers_resolver_that_finds_nothing(scheme: str) -> None:
    async with opened(Invented([])) as client:
        report = await client.probe(f"{scheme}://shop.example:80")

    assert report.reason is Reason.dns_not_found


@on_each_loop
@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_fifty_addresses_of_which_the_last_lives(
    scheme: str, http_server: peers.HttpServer
) -> None:
    resolver = Invented([*(f"127.0.0.{last}" for last in range(2, 51)), HERE])
    async with opened(resolver) as client:
        report = await client.probe(f"{scheme}://shop.example:{http_server.port}")

    assert (report.reason, report.ip) == (Reason.ok, HERE)


@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_of_many_addresses_none_of_which_lives(scheme: str) -> None:
    async with peers.closed_port() as closed, opened(Invented([HERE, "::1"])) as client:
        report = await client.probe(f"{scheme}://shop.example:{closed.port}")

    assert report.reason is Reason.refused
    assert report.detail == f"nothing listens at shop.example:{closed.port}"


# --- what other resolvers say, in our words


class AsAiohttpsOwn(AbstractResolver):
    """Hides c-ares' answer in the cause of an ``OSError``, as ``aiohttp.AsyncResolver`` does."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    async def resolve(self, *_: Any, **__: Any) -> list[ResolveResult]:
        raise OSError(None, "DNS lookup failed") from self.error

    async def close(self) -> None:
        """Nothing is open."""


OTHERS = [
    (aiodns.error.DNSError(aiodns.error.ARES_ENOTFOUND, "not found"), Reason.dns_not_found),
    (aiodns.error.DNSError(aiodns.error.ARES_ENODATA, "no data"), Reason.dns_not_found),
    (aiodns.error.DNSError(aiodns.error.ARES_ESERVFAIL, "server failed"), Reason.dns_failed),
    (None, Reason.dns_failed),
]


@pytest.mark.parametrize("scheme", ["http", "tcp"])
@pytest.mark.parametrize(("error", "reason"), OTHERS)
async def test_a_callers_resolver_is_understood(
    scheme: str, error: Exception | None, reason: Reason
) -> None:
    async with Client(proxy=None, resolver=AsAiohttpsOwn(error)) as client:
        report = await client.probe(f"{scheme}://shop.example:80")

    assert report.reason is reason


IN_OUR_WORDS = [
    (aiodns.error.DNSError(aiodns.error.ARES_ENODATA, "no data"), socket.EAI_NONAME, "no data"),
    (aiodns.error.DNSError(aiodns.error.ARES_EBADNAME, "bad name"), socket.EAI_NONAME, "bad name"),
    (aiodns.error.DNSError(aiodns.error.ARES_ETIMEOUT, "late"), socket.EAI_AGAIN, "late"),
    (aiodns.error.DNSError(aiodns.error.ARES_ENOMEM, "no memory"), socket.EAI_MEMORY, "no memory"),
    (aiodns.error.DNSError(aiodns.error.ARES_ESERVFAIL, "failed"), socket.EAI_FAIL, "failed"),
    (None, socket.EAI_FAIL, "DNS lookup failed"),
]


@pytest.mark.parametrize(("error", "number", "text"), IN_OUR_WORDS)
async def test_a_failed_look_up_is_the_standard_librarys_error(
    error: Exception | None, number: int, text: str
) -> None:
    with pytest.raises(socket.gaierror) as raised:
        await Resolver(AsAiohttpsOwn(error)).resolve("shop.example")

    assert (raised.value.errno, raised.value.strerror) == (number, text)


class Failing(AbstractResolver):
    """A resolver of the caller's that fails in its own way."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def resolve(self, *_: Any, **__: Any) -> list[ResolveResult]:
        raise self.error

    async def close(self) -> None:
        """Nothing is open."""


FAILURES = [
    (TimeoutError(), Reason.dns_failed),
    (TimeoutError("slow"), Reason.dns_failed),
    (OSError(), Reason.dns_failed),
    (OSError("words"), Reason.dns_failed),
    # Numbers that mean "no data", "not found" and "bad name" to c-ares.
    *((OSError(number, "words"), Reason.dns_failed) for number in (1, 4, 8)),
    (MemoryError(), Reason.local),
    (RuntimeError("can't start new thread"), Reason.local),
    (OSError(errno.EMFILE, "words"), Reason.local),
    (OSError(errno.ENOMEM, "words"), Reason.local),
]
"""What a resolver raises that lacks anything, or says nothing."""


@pytest.mark.parametrize("scheme", ["http", "https", "tcp"])
@pytest.mark.parametrize(("error", "reason"), FAILURES, ids=repr)
async def test_a_resolver_that_fails_has_failed_on_each_transport(
    scheme: str, error: Exception, reason: Reason
) -> None:
    address = f"{scheme}://shop.example:80"
    async with both(options(resolver=Failing(error))) as transports:
        facts = await transports.facts(address, 3)

    assert [each.reason for each in facts] == [reason, reason]


@pytest.mark.parametrize(
    ("error", "number", "text"),
    [
        (TimeoutError(), socket.EAI_AGAIN, ""),
        (TimeoutError("slow"), socket.EAI_AGAIN, "slow"),
        (OSError("words"), socket.EAI_FAIL, "words"),
        (OSError(4, "words"), socket.EAI_FAIL, "words"),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), socket.EAI_NONAME, "unknown"),
    ],
    ids=repr,
)
async def test_what_a_resolver_says_is_kept(error: Exception, number: int, text: str) -> None:
    with pytest.raises(socket.gaierror) as raised:
        await Resolver(Failing(error)).resolve("shop.example")

    assert (raised.value.errno, raised.value.strerror) == (number, text)


@pytest.mark.parametrize(("error", "reason"), FAILURES, ids=repr)
def test_nor_is_it_otherwise_without_async(error: Exception, reason: Reason) -> None:
    with sync.Client(proxy=None, resolver=Failing(error)) as client:
        assert client.probe("http://shop.example:80").reason is reason


async def test_a_malformed_answer_spoils_its_own_name_only() -> None:
    zone = {"garbage.test": dns.GARBAGE, "late.test": dns.late(0.1, "127.0.0.1")}
    async with peers.dns_server(zone) as server, peers.closed_port() as closed:
        resolver = Resolver(**server.resolver_arguments)
        async with Client(proxy=None, resolver=resolver) as client:
            spoilt, good = await asyncio.gather(
                client.probe(f"tcp://garbage.test:{closed.port}"),
                client.probe(f"tcp://late.test:{closed.port}"),
            )
        await resolver.close()

    assert spoilt.reason is Reason.dns_failed
    assert good.reason is Reason.refused


class Unanswered:
    """Stands for a ``DnsClient``: keeps the queries."""

    def __init__(self) -> None:
        self.queries: list[Any] = []

    def ask(self, _: ResolvConf, name: str, *__: object) -> Any:
        self.queries.append(SimpleNamespace(name=name, outcome=None, stop=lambda: None))
        return self.queries[-1]


@pytest.fixture
async def two_names() -> tuple[NameLookup, Unanswered, list[object]]:
    """A look-up that goes through a search list, whom it asks, and what it tells."""
    settings: Any = SimpleNamespace(
        services=NameServices(ours=("dns",)), conf=ResolvConf(search=("corp.test",)), confirm=False
    )
    server: Any = Unanswered()
    told: list[object] = []
    loop = asyncio.get_running_loop()
    lookup = NameLookup(
        loop, settings, server, "db", 0, lambda *answer: told.append(answer), told.append
    )
    lookup.begin()
    return lookup, server, told


async def test_a_name_that_was_given_up_says_nothing_more_unless_it_is_found_after_all(
    two_names: tuple[NameLookup, Unanswered, list[object]],
) -> None:
    lookup, server, told = two_names
    first = server.queries[0]
    for _ in range(2):
        first.outcome = Outcome.no_name
        lookup._on_outcome(first)
        assert [query.name for query in server.queries] == ["db.corp.test", "db"]
    assert told == []

    first.outcome, first.addresses = Outcome.found, [(socket.AF_INET, HERE, 0, 0)]
    lookup._on_outcome(first)
    assert told == [lookup, (first.addresses, None)]


async def test_a_look_up_that_is_cancelled_tells_nothing_of_what_is_found_then(
    two_names: tuple[NameLookup, Unanswered, list[object]],
) -> None:
    lookup, _, told = two_names
    lookup.cancel()
    lookup.finish([(socket.AF_INET, HERE, 0, 0)])

    assert told == [lookup]
