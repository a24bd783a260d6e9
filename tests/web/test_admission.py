"""How many checks run at once, who is turned away, and what is counted."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from tests.web.serving import until
from tryconnect import Client, Expect, Reason
from tryconnect import testing as peers
from tryconnect.web._admission import LIST_TIMEOUT, Admission
from tryconnect.web._metrics import Metrics
from tryconnect.web._parameters import Question
from tryconnect.web._problems import Problem


class Desk(NamedTuple):
    """An admission, and the metrics that it counts in."""

    admission: Admission
    metrics: Metrics

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, limit: int) -> AsyncIterator["Desk"]:
        metrics = Metrics()
        async with Client(proxy=None) as client:
            yield cls(Admission(client, limit=limit, metrics=metrics), metrics)

    def counted(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"tryconnect_{name}", labels)

    @contextlib.asynccontextmanager
    async def busy(self, silent: peers.Peer, checks: int) -> AsyncIterator[None]:
        """Run checks that do not end by themselves."""
        asked = len(silent.requests) + checks
        running = [asyncio.create_task(self.admission.one(about(silent))) for _ in range(checks)]
        await until(lambda: len(silent.requests) == asked)
        yield
        for each in running:
            each.cancel()
        await asyncio.wait(running)

    @contextlib.asynccontextmanager
    async def listed(
        self, peer: peers.Peer, addresses: int, *, at_once: int
    ) -> AsyncIterator[None]:
        """Check a list of which so many checks begin at once."""
        question = Question("", 9.0, None)
        async with self.admission.many([peer.url] * addresses, question) as run:
            run.begin()
            await until(lambda: run.started == at_once)
            yield
            assert run.started == at_once


def about(peer: peers.Peer, **options: object) -> Question:
    return Question(peer.url, **{"timeout": 9.0, "expect": None, **options})  # type: ignore[arg-type]


async def test_a_check_is_made_and_counted(http_server: peers.HttpServer) -> None:
    async with Desk.of(1) as desk:
        report = await desk.admission.one(about(http_server, expect=Expect("404")))

        assert report.reason is Reason.status
        assert desk.counted("checks_total", reason="status") == 1


@pytest.mark.parametrize("hostname", ["", "virtual.test"])
async def test_a_check_has_its_own_time_and_name(hostname: str) -> None:
    async with peers.silent() as silent, Desk.of(1) as desk:
        report = await desk.admission.one(about(silent, timeout=0.05, hostname=hostname))

    assert report.reason is Reason.timeout
    (head,) = silent.requests
    assert f"Host: {hostname or silent.address}".encode() in head


async def test_who_finds_no_slot_is_turned_away_and_comes_in_later(
    http_server: peers.HttpServer,
) -> None:
    async with peers.silent() as silent, Desk.of(2) as desk:
        async with desk.busy(silent, 2):
            assert desk.counted("checks_in_flight") == 2
            with pytest.raises(Problem) as raised:
                await desk.admission.one(about(http_server))
            assert raised.value.status == 503
            assert raised.value.headers["Retry-After"] == "1"
            with pytest.raises(Problem):
                await desk.listed(silent, 9, at_once=0).__aenter__()
            assert desk.counted("turned_away_total") == 2

        assert desk.counted("checks_in_flight") == 0
        async with desk.busy(silent, 1):
            assert await desk.admission.one(about(http_server))


# --- lists


@pytest.mark.parametrize(
    ("limit", "shares"), [(1, [1]), (3, [1]), (4, [1, 1]), (5, [1, 1]), (20, [5, 2, 1, 1, 1])]
)
async def test_each_list_takes_half_of_what_is_left_for_lists(
    limit: int, shares: list[int]
) -> None:
    async with peers.silent() as silent, Desk.of(limit) as desk:
        async with contextlib.AsyncExitStack() as lists:
            for share in shares:
                await lists.enter_async_context(desk.listed(silent, 9, at_once=share))
            with pytest.raises(Problem):
                await desk.listed(silent, 9, at_once=0).__aenter__()
            assert desk.counted("checks_in_flight") == sum(shares)

        async with desk.listed(silent, 9, at_once=shares[0]):  # all is as before
            assert desk.counted("checks_in_flight") == shares[0]


async def test_a_list_takes_25_slots_at_most() -> None:
    async with peers.silent() as silent, Desk.of(1000) as desk, desk.listed(silent, 99, at_once=25):
        assert desk.counted("checks_in_flight") == 25


async def test_a_list_takes_no_more_slots_than_it_has_addresses() -> None:
    async with (
        peers.silent() as silent,
        Desk.of(8) as desk,
        desk.listed(silent, 1, at_once=1),
        desk.listed(silent, 9, at_once=1),
        desk.listed(silent, 9, at_once=1),
        desk.listed(silent, 9, at_once=1),
    ):
        with pytest.raises(Problem):
            await desk.listed(silent, 1, at_once=0).__aenter__()


async def test_a_list_and_single_checks_share_the_room(http_server: peers.HttpServer) -> None:
    async with peers.silent() as silent, Desk.of(8) as desk, desk.busy(silent, 7):
        async with desk.listed(silent, 9, at_once=1):
            with pytest.raises(Problem):
                await desk.admission.one(about(http_server))
        assert await desk.admission.one(about(http_server))


async def test_each_check_of_a_list_is_as_the_request_asks(http_server: peers.HttpServer) -> None:
    question = Question("", 0.05, Expect("404"))
    async with (
        peers.silent() as silent,
        Desk.of(8) as desk,
        desk.admission.many([http_server.url, silent.url], question) as run,
    ):
        reports = {report.address: report async for report in run}

    assert reports[http_server.url].reason is Reason.status
    assert reports[silent.url].reason is Reason.timeout
    assert reports[silent.url].timings.total < 1  # and not after the client's usual time
    assert desk.counted("checks_total", reason="timeout") == 0  # whoever reads them counts


def test_a_list_has_five_minutes_as_the_documentation_says() -> None:
    assert LIST_TIMEOUT == 5 * 60
