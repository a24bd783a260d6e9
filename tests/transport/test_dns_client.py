"""Name servers are asked in turn; ``test_as_getaddrinfo.py`` compares with glibc's patience."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Sequence

import pycares
import pytest

from tryconnect import testing as peers
from tryconnect._transport import dns_client
from tryconnect._transport.dns_client import DnsClient, NameQuery, Outcome
from tryconnect._transport.resolv_conf import ResolvConf
from tryconnect.testing import dns

pytestmark = pytest.mark.slow

ONE, OTHER = "127.0.0.1", "127.0.0.2"
BOTH = (socket.AF_INET, socket.AF_INET6)
LATE = 0.25
"""Seconds by which a busy machine may be late."""


@contextlib.asynccontextmanager
async def client() -> AsyncIterator[DnsClient]:
    made = DnsClient(asyncio.get_running_loop())
    try:
        yield made
    finally:
        made.close()
        assert made._timer is None


@contextlib.asynccontextmanager
async def serving(*zones: dns.Zone) -> AsyncIterator[list[dns.DnsServer]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(peers.dns_server(zone)) for zone in zones]


async def ask(made: DnsClient, conf: ResolvConf, name: str = "box.test") -> NameQuery:
    """Return a query that has come to an end."""
    ended: asyncio.Future[NameQuery] = asyncio.get_running_loop().create_future()
    query = made.ask(conf, name, BOTH, ended.set_result)
    assert not ended.done()
    await ended
    query.stop()
    return query


def conf_of(servers: Sequence[dns.DnsServer], timeout: float = 1, attempts: int = 1) -> ResolvConf:
    addresses = tuple(server.address for server in servers)
    return ResolvConf(addresses, timeout=timeout, attempts=attempts)


def ips(query: NameQuery) -> list[str]:
    return [ip for _, ip, *_ in query.addresses]


OUTCOMES: dict[str, tuple[dns.Zone, Outcome]] = {
    "found": ({"box.test": [ONE, "::1"]}, Outcome.found),
    "one family": ({"box.test": [ONE], "box.test AAAA": dns.SERVFAIL}, Outcome.found),
    "no such name": ({}, Outcome.no_name),
    "no address": ({"box.test": dns.NODATA}, Outcome.no_address),
    "an alias of nothing": ({"box.test": dns.alias("none.test")}, Outcome.no_address),
    "no such name for one family": (
        {"box.test": dns.NODATA, "box.test A": dns.NXDOMAIN},
        Outcome.no_name,
    ),
    "SERVFAIL": ({"box.test": dns.SERVFAIL}, Outcome.servfail),
    "REFUSED": ({"box.test": dns.REFUSED}, Outcome.failed),
    "garbage": ({"box.test": dns.GARBAGE}, Outcome.failed),
    "SERVFAIL for one family": (
        {"box.test": dns.NODATA, "box.test AAAA": dns.SERVFAIL},
        Outcome.servfail,
    ),
}


@pytest.mark.parametrize("case", OUTCOMES)
async def test_what_one_server_says(case: str) -> None:
    zone, outcome = OUTCOMES[case]
    async with client() as made, serving(zone) as servers:
        query = await ask(made, conf_of(servers))

    assert query.outcome is outcome


NEXT: dict[str, tuple[dns.Zone, list[str]]] = {
    "SERVFAIL": ({"box.test": dns.SERVFAIL}, [OTHER]),
    "REFUSED": ({"box.test": dns.REFUSED}, [OTHER]),
    "garbage": ({"box.test": dns.GARBAGE}, [OTHER]),
    "no such name": ({}, []),
    "no address": ({"box.test": dns.NODATA}, []),
    "an address": ({"box.test": [ONE]}, [ONE]),
    "an address that is late": ({"box.test": dns.late(0.3, ONE)}, [ONE]),
}


@pytest.mark.parametrize("case", NEXT)
@pytest.mark.slow
async def test_a_server_that_fails_hands_on_to_the_next(case: str) -> None:
    zone, found = NEXT[case]
    async with client() as made, serving(zone, {"box.test": [OTHER]}) as servers:
        query = await ask(made, conf_of(servers))

    assert ips(query) == found


async def test_one_who_failed_is_asked_again_in_the_next_round() -> None:
    async with client() as made, serving({"box.test": dns.SERVFAIL}) as servers:
        await ask(made, conf_of(servers, attempts=3))

        assert len(servers[0].queries) == 3 * len(BOTH)


@pytest.mark.slow
async def test_silence_lasts_as_long_as_resolv_conf_says() -> None:
    async with client() as made, serving({"box.test": dns.SILENT}) as servers:
        begun = time.monotonic()
        query = await ask(made, conf_of(servers, timeout=0.2, attempts=2))

    assert query.outcome is Outcome.failed
    assert query.error == pycares.errno.ARES_ETIMEOUT
    assert 0.4 <= time.monotonic() - begun < 0.4 + LATE


@pytest.mark.slow
async def test_an_answer_that_comes_after_all_is_told() -> None:
    """As while the system is being asked."""
    async with client() as made, serving({"box.test": dns.late(0.4, ONE)}) as servers:
        told: list[Outcome | None] = []
        found = asyncio.Event()

        def tell(query: NameQuery) -> None:
            told.append(query.outcome)
            if query.outcome is Outcome.found:
                found.set()

        query = made.ask(conf_of(servers, timeout=0.2), "box.test", BOTH, tell)
        await found.wait()

    assert told == [Outcome.failed, Outcome.found]
    assert ips(query) == [ONE]


class Losing(dict[str, list[str]]):
    """A zone whose server loses the first questions for a type."""

    def __init__(self, kind: str, count: int) -> None:
        super().__init__({"box.test": [ONE, "::1"]})
        self.kind = kind
        self.left = count

    def __getitem__(self, name: str) -> dns.Answer:  # type: ignore[override]
        if name.endswith(self.kind) and self.left:
            self.left -= 1
            return dns.SILENT
        return dns.Answer(super().__getitem__("box.test"))

    def __contains__(self, name: object) -> bool:
        return str(name).startswith("box.test")


@pytest.mark.parametrize("kind", ["A", "AAAA"])
async def test_a_lost_question_is_asked_again_before_one_familys_addresses_are_enough(
    kind: str,
) -> None:
    async with client() as made, serving(Losing(f" {kind}", 1)) as servers:
        begun = time.monotonic()
        query = await ask(made, conf_of(servers, timeout=5))

    assert sorted(ips(query)) == [ONE, "::1"]
    assert time.monotonic() - begun < dns_client.RESOLUTION_DELAY


@pytest.mark.slow
async def test_a_family_that_is_never_answered_is_not_waited_for() -> None:
    zone: dns.Zone = {"box.test": [ONE], "box.test AAAA": dns.SILENT}
    async with client() as made, serving(zone) as servers:
        begun = time.monotonic()
        query = await ask(made, conf_of(servers, timeout=5))

    assert ips(query) == [ONE]
    assert dns_client.RESOLUTION_DELAY <= time.monotonic() - begun < 1


# --- a first server that is silent


@pytest.mark.slow
async def test_a_silent_first_server_is_not_waited_for_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dns_client, "REPEAT", 0.1)
    monkeypatch.setattr(dns_client, "RESERVE", 0.8)
    zones: list[dns.Zone] = [{"box.test": dns.SILENT}, {"box.test": [OTHER]}]
    spent = []
    async with client() as made, serving(*zones) as servers:
        for _ in range(2):
            begun = time.monotonic()
            assert ips(await ask(made, conf_of(servers, timeout=5))) == [OTHER]
            spent.append(time.monotonic() - begun)

    assert 0.8 <= spent[0] < 0.8 + LATE
    assert spent[1] < dns_client.RESOLUTION_DELAY + LATE


@pytest.mark.slow
async def test_that_another_server_knows_no_such_name_says_nothing_before_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dns_client, "REPEAT", 0.1)
    async with client() as made, serving({"box.test": dns.late(0.5, ONE)}, {}) as servers:
        made.silent.add(servers[0].address)
        query = await ask(made, conf_of(servers, timeout=5))

        assert ips(query) == [ONE]
        assert servers[1].queries
        assert not made.silent


@pytest.mark.slow
async def test_before_its_turn_it_is_known_what_a_server_will_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dns_client, "REPEAT", 0.1)
    async with client() as made, serving({"box.test": dns.SILENT}, {}) as servers:
        begun = time.monotonic()
        query = await ask(made, conf_of(servers, timeout=0.4))

        assert query.outcome is Outcome.no_name
        assert 0.4 <= time.monotonic() - begun < 0.4 + LATE
        assert len(servers[1].queries) == len(BOTH)


async def test_a_first_server_that_is_back_has_the_word_again() -> None:
    zone: dict[str, dns.Answer | list[str]] = {"box.test": [ONE]}
    async with client() as made, serving(zone, {"box.test": [OTHER]}) as servers:
        made.silent.add(servers[0].address)

        assert ips(await ask(made, conf_of(servers, timeout=5))) == [ONE]
        assert not made.silent


# --- channels


async def test_names_share_a_channel_and_one_name_does_not_use_it_twice() -> None:
    async with client() as made:
        first = made.channel_for("127.0.0.1:9", "a.test", tcp=False)
        assert made.channel_for("127.0.0.1:9", "b.test", tcp=False) is first
        first._known.add("a.test")
        second = made.channel_for("127.0.0.1:9", "a.test", tcp=False)
        assert second is not first
        assert made.channel_for("127.0.0.1:9", "a.test", tcp=False, apart=True) is not second
        assert made.channel_for("127.0.0.1:9", "c.test", tcp=False) is second
        made.retire()
        assert made.channel_for("127.0.0.1:9", "c.test", tcp=False) is not second


async def test_other_settings_have_channels_of_their_own() -> None:
    async with client() as made, serving({"a.test": [ONE], "b.test": [ONE]}) as servers:
        await ask(made, conf_of(servers), "a.test")
        (first,) = made._channels.values()
        await ask(made, conf_of(servers), "b.test")
        (second,) = made._channels.values()

        assert second is not first
        assert not first.takes("c.test")


async def test_where_c_ares_does_not_start_the_query_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise pycares.AresError("no")

    monkeypatch.setattr(pycares, "Channel", fail)
    async with client() as made:
        query = await ask(made, ResolvConf(("127.0.0.1:9",)))

    assert query.outcome is Outcome.failed


# --- many at once


@pytest.mark.slow
async def test_hundreds_at_once_do_not_drown_each_other() -> None:
    names = [f"n{number}.test" for number in range(300)]
    async with client() as made, serving({name: [ONE] for name in names}) as servers:
        conf = conf_of(servers, timeout=30)
        queries = await asyncio.gather(*(ask(made, conf, name) for name in names))

        assert all(ips(query) == [ONE] for query in queries)
        assert len(servers[0].queries) < 1.1 * len(BOTH) * len(names)


@pytest.mark.slow
async def test_silence_for_many_names_keeps_no_other_name_waiting() -> None:
    zone: dict[str, dns.Answer | list[str]] = {"box.test": [ONE]}
    names = [f"n{number}.test" for number in range(300)]
    async with client() as made, serving(zone | dict.fromkeys(names, dns.SILENT)) as servers:
        conf = conf_of(servers, timeout=30)
        for name in names:
            made.ask(conf, name, BOTH, lambda _: None)

        assert ips(await ask(made, conf)) == [ONE]


@pytest.mark.slow
async def test_time_that_is_spent_waiting_is_no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_client, "TICK", 0.3)
    async with client() as made, serving({"box.test": dns.SILENT}) as servers:
        made._window = dns_client.WINDOW
        query = made.ask(conf_of(servers, timeout=5), "box.test", BOTH, lambda _: None)
        assert query.due == float("inf")
        assert not query._open

        begun = time.monotonic()
        while not query._open:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        assert query._stage_end >= begun + 5 + dns_client.TICK / 2


async def test_who_stops_waiting_for_a_turn_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dns_client, "TICK", 0.05)
    zone = {"a.test": [ONE], "b.test": [ONE]}
    async with client() as made, serving(zone) as servers:
        made._window = dns_client.WINDOW
        conf = conf_of(servers, timeout=30)
        stopped = made.ask(conf, "a.test", BOTH, lambda _: None)
        asyncio.get_running_loop().call_soon(stopped.stop)

        assert ips(await ask(made, conf, "b.test")) == [ONE]
        assert {query.name for query in servers[0].queries} == {"b.test"}


async def test_a_server_that_fails_after_its_turn_ends_no_others() -> None:
    silence = {"box.test": dns.SILENT}
    async with client() as made, serving(silence, silence, silence) as servers:
        query = made.ask(conf_of(servers, timeout=30), "box.test", BOTH, lambda _: None)
        query.advance()
        for family in BOTH:
            query._came((0, family), 0, [], pycares.errno.ARES_ESERVFAIL)

        assert query.outcome is None
        assert query._server == 1
