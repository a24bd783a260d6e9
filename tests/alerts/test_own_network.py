"""When our own network is gone no target is blamed, and when it is not, each is."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.web.serving import until
from tryconnect import Reason, Report, Timings
from tryconnect._alerts import own_network
from tryconnect._alerts.own_network import OwnNetwork, network_fault

NAMES = "abcde"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_network, "ASK_EVERY", 0.001)


class World:
    """A network that can be cut."""

    def __init__(self, hold: float = 60.0) -> None:
        self.fault: str | None = None
        self.changes: list[str | None] = []
        self.asked = 0
        self.network = OwnNetwork(self._ask, changed=self.changes.append)
        self.network.watch(dict.fromkeys(NAMES, hold))

    async def _ask(self) -> str | None:
        self.asked += 1
        await asyncio.sleep(0)
        return self.fault

    def judge(self, name: str, reason: Reason, seconds: float = 0.0) -> asyncio.Task[Report]:
        report = Report(name, reason, "so", timings=Timings(total=seconds))
        return asyncio.create_task(self.network.judge(name, report))

    async def reasons(self, *checks: tuple[str, Reason]) -> list[Reason]:
        reports = await asyncio.gather(*(self.judge(*check) for check in checks))
        return [report.reason for report in reports]


async def test_without_a_fault_of_ours_everybody_is_blamed() -> None:
    world = World()

    found = await world.reasons(*((name, Reason.timeout) for name in NAMES))

    assert found == [Reason.timeout] * 5
    assert world.changes == []


async def test_a_cut_link_blames_nobody_and_is_told_once() -> None:
    world = World()
    world.fault = "no link"

    first = await world.reasons(*((name, Reason.unreachable) for name in "abc"))
    later = await world.reasons(*((name, Reason.unreachable) for name in NAMES))
    world.fault = None
    after = await world.reasons(*((name, Reason.ok) for name in NAMES))

    assert first + later == [Reason.local] * 8
    assert after == [Reason.ok] * 5
    assert world.changes == ["no link", None]


async def test_the_report_says_what_is_wrong() -> None:
    world = World()
    world.fault = "the device eth0 has no link"
    world.network.watch({"a": 1})

    report = await world.judge("a", Reason.unreachable)

    assert (report.reason, report.address) == (Reason.local, "a")
    assert report.detail == "this machine's own network is gone: the device eth0 has no link"


async def test_the_first_failures_are_held_until_there_are_more() -> None:
    world = World()
    world.fault = "no link"

    early = [world.judge(name, Reason.timeout) for name in "ab"]
    await asyncio.sleep(0.02)
    assert not any(task.done() for task in early)
    third = await world.judge("c", Reason.timeout)

    assert {third.reason, *[(await task).reason for task in early]} == {Reason.local}


async def test_fewer_than_half_are_blamed_when_a_round_is_over() -> None:
    world = World(hold=0.05)
    world.fault = "no link"

    assert await world.reasons(("a", Reason.timeout), ("b", Reason.ok)) == [
        Reason.timeout,
        Reason.ok,
    ]
    assert world.changes == []


async def test_or_when_our_network_is_well_after_all() -> None:
    world = World()
    world.fault = "no link"

    early = world.judge("a", Reason.timeout)
    await asyncio.sleep(0.01)
    world.fault = None

    assert (await early).reason is Reason.timeout
    assert world.changes == []


async def test_an_answer_from_here_does_not_end_it() -> None:
    """A target on this machine answers all the time."""
    world = World()
    world.fault = "no link"
    await world.reasons(*((name, Reason.unreachable) for name in "abc"))

    assert await world.reasons(("d", Reason.ok), ("a", Reason.unreachable)) == [
        Reason.ok,
        Reason.local,
    ]
    assert world.changes == ["no link"]


async def test_a_check_that_began_while_it_was_gone_blames_nobody() -> None:
    world = World()
    world.fault = "no link"
    await world.reasons(*((name, Reason.unreachable) for name in NAMES))
    world.fault = None
    await asyncio.sleep(0.01)

    late = await world.judge("a", Reason.timeout, seconds=5)
    await asyncio.sleep(0.01)
    fresh = await world.judge("b", Reason.timeout)

    assert (late.reason, fresh.reason) == (Reason.local, Reason.timeout)
    assert world.changes == ["no link", None]


async def test_nor_does_it_where_the_gateway_is_still_silent_when_targets_answer_again() -> None:
    """The route to it goes with the link, and may be set later."""
    world = World()
    world.fault = "no route"
    await world.reasons(*((name, Reason.unreachable) for name in NAMES))
    for name in NAMES:
        await world.judge(name, Reason.ok)

    late = await world.judge("a", Reason.timeout, seconds=5)

    assert late.reason is Reason.local
    assert world.changes == ["no route", None]


@pytest.mark.parametrize("reason", sorted(own_network.ANSWERED))
async def test_what_an_answer_proves_is_not_our_network(reason: Reason) -> None:
    world = World()
    world.fault = "no link"

    assert await world.reasons(*((name, reason) for name in NAMES)) == [reason] * 5
    assert (world.changes, world.asked) == ([], 0)


async def test_what_was_well_before_the_failure_is_asked_again() -> None:
    """The link may be cut between a failure of somebody else and this one."""
    world = World()
    await world.judge("a", Reason.timeout)
    world.fault = "no link"

    assert await world.reasons(*((name, Reason.timeout) for name in "bcd")) == [Reason.local] * 3


@pytest.mark.slow
async def test_many_failures_ask_together() -> None:
    world = World()
    world.network.watch({str(number): 1 for number in range(500)})

    await world.reasons(*((str(number), Reason.timeout) for number in range(500)))

    assert world.asked <= 3


# --- what is asked


Check = Callable[[str], Any]


@pytest.mark.parametrize(
    ("canaries", "bad", "fault"),
    [
        ([], "", None),
        (["a"], "", None),
        (["a"], "a", "no canary answers: a is silent"),
        (["a", "b"], "a", None),
        (["a", "b"], "ab", "no canary answers: a is silent"),
    ],
)
async def test_a_canary_that_answers_is_enough(
    canaries: list[str], bad: str, fault: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_network, "gateways", list)

    async def check(address: str) -> Report:
        reason = Reason.timeout if address in bad else Reason.ok
        return Report(address, reason, f"{address} is silent")

    assert await network_fault(check, lambda: canaries)() == fault


async def test_two_targets_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than half, not half."""
    del monkeypatch
    world = World(hold=0.05)
    world.network.watch({"a": 0.05, "b": 0.05})
    world.fault = "no link"

    assert await world.reasons(("a", Reason.timeout)) == [Reason.timeout]
    assert await world.reasons(("b", Reason.timeout)) == [Reason.local]
    await until(lambda: world.changes == ["no link"])
