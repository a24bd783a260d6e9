"""How a broken network is reported. Run by ``test_own_network.py``, in a namespace."""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.alerts.sinks import Noted
from tests.support.event_loops import on_each_loop
from tests.support.limits import descriptors
from tests.support.own_network import cable as wires
from tests.support.own_network.cable import (
    ELSEWHERE,
    FAR,
    FAR_V6,
    NOBODY,
    NOBODY_V6,
    Far,
    alone,
    firewall,
    route,
    setting,
)
from tests.web.serving import asking, unguarded, until
from tryconnect import Client, FetchError, Reason, Report
from tryconnect import testing as peers
from tryconnect._transport.resolver import Resolver
from tryconnect.web import WatchedTarget
from tryconnect.web._alert_tables import read_alert_tables
from tryconnect.web._history import HistoryStore

pytestmark = pytest.mark.slow

alone()

SHORT = 0.5
LATE = 0.25
"""Seconds by which a busy machine may miss a deadline."""


@pytest.fixture(scope="session")
def laid() -> Iterator[Far]:
    with wires.cable() as far:
        yield far


@pytest.fixture
def far(laid: Far) -> Far:
    """Start the other machine; each test requests it, so that the leak guards expect it."""
    return laid


SCHEMES = ("http", "tcp")
by_each_scheme = pytest.mark.parametrize("scheme", SCHEMES)


async def probed(address: str, *, timeout: float = 10) -> Report:
    async with Client(proxy=None) as client:
        return await client.probe(address, timeout=timeout)


@asynccontextmanager
async def naming(*ips: str) -> AsyncIterator[Client]:
    """Return a client that resolves ``far.test`` to these addresses."""
    async with peers.dns_server({"far.test": list(ips)}) as dns:
        names = Resolver(**dns.resolver_arguments)
        async with Client(proxy=None, resolver=names) as client:
            yield client
        await names.close()


# --- the way there


@on_each_loop
@by_each_scheme
@pytest.mark.parametrize("server", ["http", "http_v6"])
async def test_what_works(far: Far, server: str, scheme: str) -> None:
    assert await probed(far.at(server, scheme))


@on_each_loop
@by_each_scheme
async def test_a_closed_port(far: Far, scheme: str) -> None:
    assert (await probed(far.at("closed", scheme))).reason is Reason.refused


@on_each_loop
@by_each_scheme
@pytest.mark.parametrize("server", ["http", "http_v6"])
async def test_a_black_hole(far: Far, server: str, scheme: str) -> None:
    with firewall("meta l4proto tcp drop", by=far.by):
        report = await probed(far.at(server, scheme), timeout=SHORT)

    assert report.reason is Reason.timeout
    assert re.fullmatch(r"no connection for \d+ ms", report.detail)
    assert SHORT <= report.timings.total < SHORT + LATE


REJECTIONS = {
    "tcp reset": Reason.refused,
    "icmp port-unreachable": Reason.refused,
    "icmp host-unreachable": Reason.unreachable,
    "icmp net-unreachable": Reason.unreachable,
    "icmp prot-unreachable": Reason.unreachable,
    "icmp net-prohibited": Reason.unreachable,
    "icmp host-prohibited": Reason.unreachable,
    "icmp admin-prohibited": Reason.unreachable,
    "icmpv6 port-unreachable": Reason.refused,
    "icmpv6 no-route": Reason.unreachable,
    "icmpv6 addr-unreachable": Reason.unreachable,
    "icmpv6 admin-prohibited": Reason.unreachable,
    "icmpv6 policy-fail": Reason.unreachable,
    "icmpv6 reject-route": Reason.unreachable,
}
"""Everything that nftables can answer, and the expected report."""


@on_each_loop
@pytest.mark.parametrize(("answer", "reason"), REJECTIONS.items(), ids=list(REJECTIONS))
async def test_a_firewall_that_answers(far: Far, answer: str, reason: Reason) -> None:
    server = "http_v6" if "v6" in answer else "http"
    kind = "" if answer == "tcp reset" else "type "
    protocol, _, word = answer.partition(" ")
    rule = f"tcp dport {far.ports[server]} reject with {protocol} {kind}{word}"
    with firewall(rule, by=far.by):
        reports = await asyncio.gather(*(probed(far.at(server, each)) for each in SCHEMES))

    assert [report.reason for report in reports] == [reason, reason]
    # On such a short cable the answer may arrive while the system is still sending the request, and
    # is only noticed when that is repeated after a second.
    assert max(report.timings.total for report in reports) < 1 + LATE


ROUTES = {
    "unreachable": Reason.unreachable,
    "blackhole": Reason.unreachable,
    # As in a sandbox, the only error is "permission denied".
    "prohibit": Reason.local,
}


@on_each_loop
@by_each_scheme
async def test_no_route(far: Far, scheme: str) -> None:
    del far
    assert (await probed(f"{scheme}://{ELSEWHERE}:80")).reason is Reason.unreachable


@on_each_loop
@by_each_scheme
@pytest.mark.parametrize(("kind", "reason"), ROUTES.items())
async def test_a_route_that_is_none(far: Far, kind: str, reason: Reason, scheme: str) -> None:
    del far
    with route(kind):
        assert (await probed(f"{scheme}://{ELSEWHERE}:80")).reason is reason


@on_each_loop
@by_each_scheme
@pytest.mark.parametrize("host", [NOBODY, f"[{NOBODY_V6}]"])
async def test_nobody_at_that_address(far: Far, host: str, scheme: str) -> None:
    """The system sends three ARP requests, a second apart; here a tenth of that."""
    del far
    version = "ipv6" if "[" in host else "ipv4"
    with setting(f"{version}/neigh/{wires.DEVICE}/retrans_time_ms", "100"):
        report = await probed(f"{scheme}://{host}:80")

    assert report.reason is Reason.unreachable


# --- IPv6


@on_each_loop
@by_each_scheme
@pytest.mark.parametrize("order", [(FAR_V6, FAR), (FAR, FAR_V6)])
@pytest.mark.parametrize(
    "fault",
    ["drop", "reject with icmpv6 type no-route", "reject with icmpv6 type admin-prohibited"],
)
async def test_broken_ipv6_costs_a_moment_only(
    far: Far, order: tuple[str, str], fault: str, scheme: str
) -> None:
    port = far.ports["http"]
    with firewall(f"ip6 nexthdr tcp {fault}", by=far.by):
        async with naming(*order) as client:
            report = await client.probe(f"{scheme}://far.test:{port}")

    assert (report.reason, report.ip) == (Reason.ok, FAR)
    # A quarter of a second is the delay of Happy Eyeballs.
    assert report.timings.total < 0.25 + LATE


@on_each_loop
@by_each_scheme
async def test_broken_ipv4_does_not_matter_either(far: Far, scheme: str) -> None:
    port = far.ports["http_v6"]
    with firewall("meta nfproto ipv4 meta l4proto tcp drop", by=far.by):
        async with naming(FAR, FAR_V6) as client:
            report = await client.probe(f"{scheme}://far.test:{port}")

    assert (report.reason, report.ip) == (Reason.ok, FAR_V6)
    assert report.timings.total < 0.25 + LATE


@pytest.fixture
def no_ipv6(far: Far) -> Iterator[None]:
    del far
    with setting("ipv6/conf/all/disable_ipv6", "1"):
        yield
    wires.up()


@on_each_loop
@by_each_scheme
async def test_where_there_is_no_ipv6_names_lead_to_ipv4(
    no_ipv6: None, far: Far, scheme: str
) -> None:
    del no_ipv6
    async with naming(FAR_V6, FAR) as client:
        report = await client.probe(f"{scheme}://far.test:{far.ports['http']}", timeout=SHORT)

    assert (report.reason, report.ip) == (Reason.ok, FAR)


@on_each_loop
@by_each_scheme
@pytest.mark.parametrize("host", ["::1", FAR_V6])
async def test_where_there_is_no_ipv6_that_is_our_own_fault(
    no_ipv6: None, host: str, scheme: str
) -> None:
    del no_ipv6
    report = await probed(f"{scheme}://[{host}]:80")

    assert report.reason is Reason.local
    assert report.detail.startswith(f"this machine has no way to send to [{host}]:80 (")


@on_each_loop
@by_each_scheme
async def test_where_there_is_no_ipv6_a_name_with_nothing_else_is_no_names_fault(
    no_ipv6: None, scheme: str
) -> None:
    del no_ipv6
    async with naming(FAR_V6) as client:
        report = await client.probe(f"{scheme}://far.test:80")

    assert report.reason is Reason.local


# --- the cable


@on_each_loop
@by_each_scheme
async def test_a_device_that_goes_away_and_comes_back(far: Far, scheme: str) -> None:
    async with Client(proxy=None) as client:
        under_way = asyncio.create_task(
            client.probe(far.at("silent"), timeout=SHORT), name="under way"
        )
        await asyncio.sleep(SHORT / 5)
        wires.down()
        try:
            report = await under_way
            anew = await client.probe(far.at("http", scheme))
        finally:
            wires.up()
        back = await client.probe(far.at("http", scheme))

    assert report.reason is Reason.timeout
    assert re.fullmatch(r"connected in [\d.]+ ms, then no answer for \d+ ms", report.detail)
    assert SHORT <= report.timings.total < SHORT + LATE
    assert anew.reason is Reason.unreachable
    assert back.reason is Reason.ok


@on_each_loop
async def test_a_device_that_goes_away_while_a_text_comes(far: Far) -> None:
    async with Client(proxy=None) as client:
        under_way = asyncio.create_task(
            client.fetch_text(f"{far.at('http')}/slow-body?seconds=0.2", timeout=SHORT)
        )
        await asyncio.sleep(0.1)
        wires.down()
        try:
            with pytest.raises(FetchError) as raised:
                await under_way
        finally:
            wires.up()

    assert raised.value.report.reason is Reason.timeout
    assert "no end of the body" in raised.value.report.detail


@on_each_loop
@by_each_scheme
async def test_a_device_that_goes_away_while_connecting(far: Far, scheme: str) -> None:
    with firewall("meta l4proto tcp drop", by=far.by):
        under_way = asyncio.create_task(probed(far.at("http", scheme), timeout=1.5))
        await asyncio.sleep(0.1)
        wires.down()
        try:
            report = await under_way
        finally:
            wires.up()

    # The system retransmits after a second, and may notice.
    assert report.reason in {Reason.timeout, Reason.unreachable}
    assert report.timings.total < 1.5 + LATE


async def test_our_only_link_is_cut_one_alert_and_no_incident(far: Far, tmp_path: Path) -> None:
    noted = Noted(tmp_path)
    settings = read_alert_tables({"alert": [{"name": "on call", "exec": noted.line}]})
    targets = [
        WatchedTarget(name=str(n), address=far.at("http"), every=0.2, timeout=2) for n in range(5)
    ]
    wires.system("ip", "route", "replace", "default", "via", FAR)
    store = HistoryStore(tmp_path / "history.db")
    async with asking(unguarded(targets, alerts=settings, history=store)) as asker:

        async def all_up() -> bool:
            listed = (await (await asker.get("/api/targets")).json())["targets"]
            return all(
                each["up"] and each["last"]["reason"] == "ok" and len(each["history"]) > 2
                for each in listed
            )

        await until(all_up)
        wires.down()
        try:
            await until(lambda: noted.got)
            await asyncio.sleep(2)
            cut = (await (await asker.get("/api/targets")).json())["targets"]
        finally:
            wires.up()
        await until(all_up)
        incidents = await store.read(
            lambda db: db.execute("SELECT count(*) FROM incident").fetchone()[0]
        )
        await until(lambda: len(noted.got) == 2)

    assert noted.states == ["local", "local-over"]
    assert incidents == 0
    # The state is what it was.
    assert {each["last"]["reason"] for each in cut} == {"local"}
    assert {each["up"] for each in cut} == {True}


# --- our own machine


@on_each_loop
@by_each_scheme
async def test_ports_used_up_are_our_own_fault(far: Far, scheme: str) -> None:
    there = FAR, far.ports["silent"]
    with setting("ipv4/ip_local_port_range", "40000 40003"), ExitStack() as held:
        for _ in range(4):
            held.enter_context(reset_in_the_end(socket.create_connection(there)))
        report = await probed(far.at("silent", scheme), timeout=SHORT)
        elsewhere = await probed(far.at("http", scheme))

    assert report.reason is Reason.local
    assert report.detail.startswith("this machine has no way to send to ")
    assert elsewhere.reason is Reason.ok


def reset_in_the_end(sock: socket.socket) -> socket.socket:
    """Leave no port in TIME_WAIT."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return sock


@on_each_loop
@by_each_scheme
@pytest.mark.parametrize("left", range(10))
async def test_few_descriptors_are_never_blamed_on_a_name(far: Far, left: int, scheme: str) -> None:
    port = far.ports["http"]
    names = Resolver(nameservers=[f"{FAR}:{far.ports['dns']}"], domains=[])
    async with Client(proxy=None, resolver=names) as client:
        started = time.monotonic()
        with descriptors(left):
            reports = [
                await client.probe(f"{scheme}://far.test:{port}", timeout=2),
                await probed(f"{scheme}://localhost:1", timeout=2),
                await probed(f"{scheme}://nobody.local:1", timeout=2),
            ]
        again = await client.probe(f"{scheme}://far.test:{port}")
    await names.close()

    assert [reports[0].reason in {Reason.local, Reason.ok}, again.reason] == [True, Reason.ok]
    if left == 0:
        assert {report.reason for report in reports} == {Reason.local}
    assert reports[1].reason in {Reason.local, Reason.refused}
    assert reports[2].reason in {Reason.local, Reason.dns_not_found, Reason.dns_failed}
    assert time.monotonic() - started < 7
