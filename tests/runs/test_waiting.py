"""Waiting and watching, on a clock that goes as fast as nobody waits."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import pickle
import random
from collections.abc import Iterable, Iterator

import pytest

from tryconnect import Reason, Report, WaitTimeout, Watch
from tryconnect._model.faults import Interrupted
from tryconnect._runs.waiting import RepeatedCheck, backoff, wait_until
from tryconnect._runs.watching import Hysteresis
from tryconnect._runtime.clock import Clock


class FastClock:
    """Time that jumps to the next one who sleeps, as soon as nobody is left awake."""

    def __init__(self) -> None:
        self.time = 1000.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self.clock = Clock(lambda: self.time, self.sleep)

    async def sleep(self, seconds: float) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.time + seconds, next(self._order), done))
        asyncio.get_running_loop().call_soon(self._jump, 5)
        await done

    def _jump(self, ticks: int) -> None:
        if ticks:  # others may still be on their way to sleep
            asyncio.get_running_loop().call_soon(self._jump, ticks - 1)
        elif self._sleepers:
            self.time, _, done = heapq.heappop(self._sleepers)
            if not done.done():
                done.set_result(None)


class Peer:
    """An address that answers by a list of reasons; the last one for ever."""

    def __init__(self, fast: FastClock, name: str, reasons: Iterable[str], took: float = 0) -> None:
        self.times: list[float] = []
        self.limits: list[float] = []
        self._fast = fast
        self._name = name
        self._reasons = iter(reasons)
        self._last = ""
        self._took = took

    async def check(self, limit: float) -> Report:
        self.times.append(self._fast.time)
        self.limits.append(limit)
        self._last = next(self._reasons, self._last)
        took = limit if self._last == "timeout" else self._took
        if took:
            await self._fast.sleep(min(took, limit))
        error = None if self._last == "ok" else OSError(self._last)
        return Report(self._name, Reason[self._last], "why", error=error)

    async def check_once(self) -> Report:
        return await self.check(10)


@pytest.fixture
def fast() -> FastClock:
    return FastClock()


async def wait(
    fast: FastClock,
    *checks: RepeatedCheck,
    up: bool = True,
    timeout: float = 60,
    any_of: bool = False,
) -> list[Report]:
    return await wait_until(
        checks, up=up, timeout=timeout, longest=10, any_of=any_of, clock=fast.clock
    )


@pytest.fixture(autouse=True)
def always_the_same_chance() -> Iterator[None]:
    before = random.getstate()
    random.seed(2026)
    yield
    random.setstate(before)


# --- waiting


async def test_what_is_up_is_not_waited_for(fast: FastClock) -> None:
    peer = Peer(fast, "a", ["ok"])

    (report,) = await wait(fast, peer.check)

    assert report.ok
    assert (len(peer.times), fast.time) == (1, 1000.0)


async def test_it_checks_until_it_is_up(fast: FastClock) -> None:
    peer = Peer(fast, "a", ["refused", "dns_not_found", "local", "status", "ok"])

    (report,) = await wait(fast, peer.check)

    assert report.ok
    assert len(peer.times) == 5


async def test_it_checks_until_it_is_down_and_our_own_faults_are_not(fast: FastClock) -> None:
    peer = Peer(fast, "a", ["ok", "local", "ok", "refused"])

    (report,) = await wait(fast, peer.check, up=False)

    assert report.reason is Reason.refused
    assert len(peer.times) == 4


async def test_in_vain_it_ends_by_the_deadline_and_says_why(fast: FastClock) -> None:
    peer = Peer(fast, "db:5432", ["timeout", "refused"])

    with pytest.raises(WaitTimeout) as caught:
        await wait(fast, peer.check, timeout=30)

    assert fast.time == pytest.approx(1030)
    assert str(caught.value) == "not up within 30 s: db:5432 (refused: why)"
    assert caught.value.report.reason is Reason.refused
    assert caught.value.__cause__ is caught.value.report.error
    assert isinstance(caught.value, TimeoutError)


@pytest.mark.slow
async def test_a_last_look_that_the_deadline_cut_short_says_nothing(fast: FastClock) -> None:
    """A healthy server that needs 0.5 s is not down where it is given less."""
    looks = []

    async def check(limit: float) -> Report:
        looks.append(limit)
        await fast.sleep(min(limit, 0.5))
        return Report("slow", Reason.ok if limit >= 0.5 else Reason.timeout, "why")

    for timeout in range(5, 25):
        with pytest.raises(WaitTimeout) as caught:
            await wait(fast, check, up=False, timeout=timeout)
        assert caught.value.report.ok
    assert min(looks) < 0.5


async def test_the_first_check_counts_also_where_the_deadline_is_shorter(fast: FastClock) -> None:
    peer = Peer(fast, "silent", ["timeout"])

    (report,) = await wait(fast, peer.check, up=False, timeout=3)

    assert report.reason is Reason.timeout
    assert peer.limits == [3]


async def test_a_single_check_has_a_bound_of_its_own(fast: FastClock) -> None:
    peer = Peer(fast, "silent", ["timeout"])

    with pytest.raises(WaitTimeout):
        await wait(fast, peer.check, timeout=60)

    assert max(peer.limits) == 10
    assert fast.time == pytest.approx(1060)


async def test_all_are_waited_for_at_once(fast: FastClock) -> None:
    first = Peer(fast, "first", [*["timeout"] * 2, "ok"])
    second = Peer(fast, "second", [*["timeout"] * 3, "ok"])

    reports = await wait(fast, first.check, second.check)

    assert [report.address for report in reports] == ["first", "second"]
    assert all(reports)
    assert fast.time < 1040


async def test_those_that_are_missing_in_the_end_are_named(fast: FastClock) -> None:
    peers = [Peer(fast, f"peer-{number}", ["refused"]) for number in range(5)]
    good = Peer(fast, "good", ["ok"])

    with pytest.raises(WaitTimeout) as caught:
        await wait(fast, good.check, *(peer.check for peer in peers), timeout=3)

    assert [report.address for report in caught.value.reports] == [f"peer-{n}" for n in range(5)]
    assert "; and 2 more" in str(caught.value)
    assert "good" not in str(caught.value)


async def test_any_of_them_is_enough_and_the_others_are_let_go(fast: FastClock) -> None:
    dead = Peer(fast, "dead", ["refused"])
    good = Peer(fast, "good", ["refused", "refused", "ok"])

    reports = await wait(fast, dead.check, good.check, any_of=True)

    assert [report.address for report in reports] == ["good"]


async def test_none_of_them_is_not_enough(fast: FastClock) -> None:
    dead = Peer(fast, "dead", ["refused"])

    with pytest.raises(WaitTimeout):
        await wait(fast, dead.check, dead.check, any_of=True, timeout=1)


async def test_a_fault_in_one_is_told_at_once_and_ends_the_others(fast: FastClock) -> None:
    class Broken(Exception):
        pass

    async def check(_: float) -> Report:
        raise Broken

    with pytest.raises(Broken):
        await wait(fast, Peer(fast, "dead", ["refused"]).check, check, check)

    assert fast.time == 1000


async def test_a_cancelled_wait_is_cancelled_and_leaves_nothing(fast: FastClock) -> None:
    task = asyncio.ensure_future(wait(fast, Peer(fast, "a", ["refused"]).check, timeout=10**9))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()


async def test_a_wait_that_is_thrown_away_ends_its_checks(fast: FastClock) -> None:
    """As a framework does that drives coroutines by hand, while their loop lives on."""
    before = asyncio.all_tasks()
    waiting = wait(fast, Peer(fast, "a", ["refused"]).check, timeout=10**9)
    waiting.send(None)
    assert asyncio.all_tasks() > before
    waiting.close()
    await asyncio.sleep(0.01)

    assert asyncio.all_tasks() == before


def test_pauses_double_up_to_two_seconds_and_vary_down_to_nothing() -> None:
    runs = [list(itertools.islice(backoff(), 8)) for _ in range(500)]
    longest = [max(run[step] for run in runs) for step in range(8)]
    shortest = [min(run[step] for run in runs) for step in range(8)]
    bounds = [0.1, 0.2, 0.4, 0.8, 1.6, 2, 2, 2]

    assert all(0.9 * bound < most <= bound for most, bound in zip(longest, bounds, strict=True))
    assert all(least < 0.1 * bound for least, bound in zip(shortest, bounds, strict=True))


def test_a_wait_in_vain_survives_pickling() -> None:
    error = WaitTimeout([Report("a", Reason.refused, "why")], timeout=3, up=False)

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - ours

    assert (again.reports, again.timeout, again.up) == (error.reports, 3, False)
    assert str(again) == "not down within 3 s: a (refused: why)"


# --- steadiness: what changes the state

STEADY = {
    "the first report makes the state": ("u", "U"),
    "also when it is a bad one": ("d", "D"),
    "each change": ("uudduu", "U.D.U."),
    "our own fault comes first, once": ("llu", "L.U"),
    "our own fault changes nothing": ("ulludl", "U...D."),
    "three in a row to fall": ("uddudddd", "U.....D.", 1, 3),
    "two in a row to rise": ("dududuu", "D.....U", 2, 1),
    "a break in the row begins anew": ("uduududd", "U......D", 1, 2),
    "our own fault breaks no row": ("udld", "U..D", 1, 2),
}
REPORT = {
    "u": Report("a", Reason.ok, ""),
    "d": Report("a", Reason.refused, ""),
    "l": Report("a", Reason.local, ""),
}


@pytest.mark.parametrize("case", STEADY.values(), ids=list(STEADY))
def test_the_state_changes(case: tuple[str, str] | tuple[str, str, int, int]) -> None:
    reports, told, rise, fall = (*case, 1, 1)[:4]
    state = Hysteresis(rise=rise, fall=fall)

    shown = "".join(letter.upper() if state.update(REPORT[letter]) else "." for letter in reports)

    assert shown == told


# --- watching


def watching(peer: Peer, fast: FastClock, *, every: float = 10, fall: int = 1) -> Watch:
    return Watch(peer.check_once, every=every, rise=1, fall=fall, clock=fast.clock)


async def test_the_first_state_comes_then_each_change(fast: FastClock) -> None:
    peer = Peer(fast, "a", ["ok", "ok", "refused", "timeout", "ok"])
    watch = watching(peer, fast)

    states = [(await anext(watch)).reason for _ in range(3)]

    assert states == ["ok", "refused", "ok"]


@pytest.mark.slow
async def test_checks_begin_every_so_often_give_or_take_a_tenth(fast: FastClock) -> None:
    peer = Peer(fast, "a", [*["ok"] * 200, "refused"], took=3)
    watch = watching(peer, fast)
    await anext(watch)
    await anext(watch)

    gaps = [later - earlier for earlier, later in itertools.pairwise(peer.times)]

    assert len(gaps) == 200
    assert 9 <= min(gaps) < 9.5
    assert 10.5 < max(gaps) <= 11


async def test_a_check_that_takes_longer_is_followed_at_once(fast: FastClock) -> None:
    peer = Peer(fast, "a", ["timeout", "timeout", "ok"])
    watch = watching(peer, fast, every=1)
    await anext(watch)
    await anext(watch)

    assert peer.times == [1000, 1010, 1020]


async def test_a_closed_watch_is_at_its_end(fast: FastClock) -> None:
    watch = watching(Peer(fast, "a", ["ok"]), fast)
    await anext(watch)
    await watch.aclose()
    await watch.aclose()

    assert [report async for report in watch] == []


async def test_a_watch_goes_on_after_a_cancelled_step(fast: FastClock) -> None:
    watch = watching(Peer(fast, "a", ["ok"]), fast, every=10**6)
    await anext(watch)
    step = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    step.cancel()
    await asyncio.wait([step])

    assert step.cancelled()


# --- time in which nothing ran


class Stopped(Peer):
    """A peer whose second check is interrupted: nothing here runs for a minute."""

    async def check(self, limit: float) -> Report:
        report = await super().check(limit)
        if len(self.times) != 2:
            return report
        self._fast.time += 60.0
        return Report(self._name, Reason.local, "stopped", error=Interrupted(60.0))


async def test_a_wait_is_longer_by_the_time_that_it_was_stopped(fast: FastClock) -> None:
    peer = Stopped(fast, "a", ["refused", "refused", "refused", "ok"])

    (report,) = await wait(fast, peer.check, timeout=10)

    assert report.ok


async def test_also_if_it_was_stopped_between_two_checks(fast: FastClock) -> None:
    async def oversleep(seconds: float) -> None:
        await fast.sleep(seconds + (60.0 if len(peer.times) == 2 else 0.0))

    peer = Peer(fast, "a", ["refused", "refused", "refused", "ok"])
    (report,) = await wait_until(
        [peer.check],
        up=True,
        timeout=10,
        longest=10,
        any_of=False,
        clock=Clock(fast.clock.now, oversleep),
    )

    assert report.ok


async def test_a_watch_makes_an_interrupted_check_again_at_once(fast: FastClock) -> None:
    peer = Stopped(fast, "a", ["ok", "ok", "ok", "refused"])
    steps = Watch(peer.check_once, every=10, rise=1, fall=1, clock=fast.clock)

    reports = [await anext(steps), await anext(steps)]

    assert [report.reason for report in reports] == [Reason.ok, Reason.refused]
    first, stopped, again, *_ = peer.times
    assert again - (stopped + 60.0) < 1.0 < stopped - first
