"""Many checks at once: bounded, held back by their reader, and ended by whoever leaves."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from tests.support.event_loops import on_each_loop
from tryconnect import Client, Probes, Reason, Report
from tryconnect._address.request import Request, read_request
from tryconnect._runs.bulk import LOOKAHEAD, OnReport, Run, Start
from tryconnect._runs.workers import Budget, HostLimiter, Job, Pace

A_MOMENT = 0.02
"""Seconds, for a deadline."""


async def settle() -> None:
    """Let everything go on that can: nothing here waits for a clock."""
    for _ in range(500):
        await asyncio.sleep(0)


class Bench:
    """Lends itself to a run, and checks: each check waits for its address to be let go."""

    def __init__(self, *, held: bool = False) -> None:
        self.lent = 0
        self.given_back = 0
        self.under_way: Counter[str] = Counter()
        self.most = 0
        self.most_by_host: Counter[str] = Counter()
        self.cancelled = 0
        self.gate = asyncio.Event()
        if not held:
            self.gate.set()

    @contextlib.asynccontextmanager
    async def lend(self) -> AsyncIterator[Bench]:
        self.lent += 1
        try:
            yield self
        finally:
            self.given_back += 1

    async def check(self, _: Bench, request: Request) -> Report:
        address = request.address
        host = address.partition("/")[0]
        self.under_way[host] += 1
        self.most = max(self.most, self.under_way.total())
        self.most_by_host[host] = max(self.most_by_host[host], self.under_way[host])
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way[host] -= 1
        return Report(address, Reason.refused if "bad" in address else Reason.ok, "")

    def probes(
        self, addresses: Any, *, limit: int = 4, per_host: int | None = None, ordered: bool = False
    ) -> Probes:
        return Probes(
            Run(self.lend, self.check, addresses, limit=limit, per_host=per_host, ordered=ordered)
        )


async def addresses_of(probes: Probes) -> list[str]:
    return [report.address async for report in probes]


def names(count: int) -> list[str]:
    return [f"host-{number}" for number in range(count)]


async def later(names: list[str]) -> AsyncIterator[str]:
    for name in names:
        await asyncio.sleep(0)
        yield name


@on_each_loop
@pytest.mark.parametrize("limit", [1, 3, 100])
@pytest.mark.parametrize("source", [iter, later], ids=["iterable", "async iterable"])
async def test_every_address_makes_one_report(source: Any, limit: int) -> None:
    bench = Bench()

    read = await addresses_of(bench.probes(source(names(50)), limit=limit))

    assert sorted(read) == sorted(names(50))
    assert (bench.lent, bench.given_back) == (1, 1)
    assert bench.most <= limit


async def test_no_address_makes_no_report() -> None:
    assert await addresses_of(Bench().probes([])) == []


async def test_as_many_run_at_once_as_allowed() -> None:
    bench = Bench(held=True)
    async with bench.probes(names(50), limit=7) as probes:
        reading = asyncio.ensure_future(anext(probes))
        await settle()

        assert bench.under_way.total() == probes.started == 7
        assert probes.finished == 0
        bench.gate.set()
        await reading


async def test_it_counts_what_has_ended() -> None:
    probes = Bench().probes(["a", "bad/1", "b", "bad/2", "c"])
    assert (probes.started, probes.finished, dict(probes.counts)) == (0, 0, {})

    await addresses_of(probes)

    assert (probes.started, probes.finished) == (5, 5)
    assert probes.counts == {Reason.ok: 3, Reason.refused: 2}


async def test_nothing_begins_before_somebody_reads() -> None:
    bench = Bench()
    probes = bench.probes(names(5))
    await settle()

    assert (bench.lent, probes.started) == (0, 0)


@pytest.mark.parametrize("ordered", [False, True])
async def test_a_reader_who_pauses_makes_the_workers_pause(ordered: bool) -> None:  # noqa: FBT001
    bench, pulled = Bench(), itertools.count()
    addresses = (f"host-{number}" for number in pulled)
    window = 4 * (LOOKAHEAD if ordered else 2)
    async with bench.probes(addresses, limit=4, ordered=ordered) as probes:
        for read in range(1, 100):
            await anext(probes)
            if read % 30 == 0:
                await settle()
                assert read + window == probes.started
                assert next(pulled) - read <= window + 30  # each look takes a number itself


async def test_in_order_each_report_waits_for_those_before_it() -> None:
    bench = Bench()
    slow = asyncio.Event()

    async def check(lent: Bench, request: Request) -> Report:
        if request.address == "host-0":
            await slow.wait()
        return await bench.check(lent, request)

    probes = Probes(Run(bench.lend, check, names(30), limit=4, per_host=None, ordered=True))
    reading = asyncio.ensure_future(addresses_of(probes))
    await settle()
    assert probes.finished == 29
    slow.set()

    assert await reading == names(30)


async def test_out_of_order_nobody_waits_for_a_slow_one() -> None:
    bench = Bench()
    slow = asyncio.Event()

    async def check(lent: Bench, request: Request) -> Report:
        if request.address == "host-0":
            await slow.wait()
        return await bench.check(lent, request)

    probes = Probes(Run(bench.lend, check, names(30), limit=4, per_host=None, ordered=False))
    async with probes:
        first = [(await anext(probes)).address for _ in range(29)]
        slow.set()

        assert "host-0" not in first
        assert (await anext(probes)).address == "host-0"


@pytest.mark.parametrize("ordered", [False, True])
async def test_a_host_has_its_own_bound_and_blocks_no_other(ordered: bool) -> None:  # noqa: FBT001
    crowd = [f"busy/{number}" for number in range(30)] + names(30)
    bench = Bench(held=True)
    probes = bench.probes(crowd, limit=10, per_host=2, ordered=ordered)
    reading = asyncio.ensure_future(addresses_of(probes))
    await settle()

    assert (bench.under_way["busy"], bench.under_way.total()) == (2, 10)
    bench.gate.set()
    read = await reading
    assert (read if ordered else sorted(read)) == (crowd if ordered else sorted(crowd))
    assert bench.most_by_host["busy"] == 2


async def test_spellings_of_one_host_are_one_host() -> None:
    bench = Bench(held=True)
    spellings = ["http://a.test/", "https://A.test:8443/x", "a.test:22", "tcp://a.test:1"]
    probes = bench.probes(spellings, limit=10, per_host=1)
    reading = asyncio.ensure_future(addresses_of(probes))
    await settle()

    assert bench.under_way.total() == 1
    bench.gate.set()
    await reading


async def test_what_is_no_address_has_no_host_to_wait_for() -> None:
    bench = Bench()

    read = await addresses_of(bench.probes(["::: no", "unix:///a.sock", "x y"], per_host=1))

    assert len(read) == 3


class Broken(Exception):
    """What a caller's own input raises."""


def breaking(after: int) -> Iterator[str]:
    yield from names(after)
    raise Broken


async def breaking_later(after: int) -> AsyncIterator[str]:
    for name in names(after):
        yield name
    raise Broken


@pytest.mark.parametrize("source", [breaking, breaking_later])
async def test_a_fault_of_the_input_comes_after_the_reports_that_are_there(source: Any) -> None:
    bench = Bench()
    probes = bench.probes(source(3), limit=1)

    read = [(await anext(probes)).address for _ in range(3)]

    assert read == names(3)
    with pytest.raises(Broken):
        await anext(probes)
    with pytest.raises(StopAsyncIteration):
        await anext(probes)
    assert bench.given_back == 1


async def test_what_is_no_text_is_a_fault_of_the_input() -> None:
    with pytest.raises(TypeError, match="not int"):
        await addresses_of(Bench().probes(["a", 1]))


async def test_one_text_is_not_many_addresses() -> None:
    with pytest.raises(TypeError, match="not one text"):
        Bench().probes("example.com")


async def test_what_cannot_be_lent_reaches_the_reader() -> None:
    class Lender(contextlib.AbstractAsyncContextManager[Bench]):
        async def __aenter__(self) -> Bench:
            raise Broken

        async def __aexit__(self, *_: object) -> None:
            raise AssertionError

    probes = Probes(Run(Lender, Bench().check, ["a"], limit=1, per_host=None, ordered=False))

    with pytest.raises(Broken):
        await anext(probes)


# --- checks without a task


class Starting(Bench):
    """Begins checks by itself, all but those that it leaves to tasks, and ends them when told."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: dict[str, OnReport] = {}
        self.ends_at_once = False
        self.cancelled_ones: list[str] = []

    def starter(self, _: Bench) -> Start:
        def start(request: Request, on_report: OnReport) -> Callable[[], None] | None:
            address = request.address
            if "task" in address:
                return None
            if self.ends_at_once:
                on_report(Report(address, Reason.ok, ""))
            else:
                self.begun[address] = on_report
            return lambda: self.cancelled_ones.append(address)

        return start

    def end(self, address: str) -> None:
        self.begun.pop(address)(Report(address, Reason.ok, ""))

    def probes(self, addresses: Any, **options: Any) -> Probes:
        chosen: dict[str, Any] = {"limit": 4, "per_host": None, "ordered": False, **options}
        return Probes(Run(self.lend, self.check, addresses, start=self.starter, **chosen))


async def test_a_check_that_can_begin_by_itself_has_no_task() -> None:
    bench = Starting()
    async with bench.probes(["a", "task", "b"]) as probes:
        first = await anext(probes)
        assert (first.address, [*bench.begun]) == ("task", ["a", "b"])
        bench.end("b")
        bench.end("a")

        assert await addresses_of(probes) == ["b", "a"]
    assert bench.cancelled_ones == []


async def test_leaving_cancels_what_has_begun_by_itself() -> None:
    bench = Starting()
    async with bench.probes(names(9)) as probes:
        reading = asyncio.ensure_future(anext(probes))
        await settle()
        bench.end("host-1")
        await reading
        await settle()

    assert sorted(bench.cancelled_ones) == ["host-0", "host-2", "host-3", "host-4"]
    assert bench.given_back == 1


@pytest.mark.parametrize("per_host", [None, 1])
async def test_checks_that_end_at_once_are_begun_one_after_the_other(per_host: int | None) -> None:
    """By recursion, a thousand of one host would be too many."""
    bench = Starting()
    bench.ends_at_once = True
    crowd = [f"busy/{number}" for number in range(3000)]

    read = await addresses_of(bench.probes(crowd, limit=200, per_host=per_host))

    assert sorted(read) == sorted(crowd)


async def test_what_is_no_exception_ends_the_run() -> None:
    bench = Starting()
    probes = bench.probes(["a", "b"])
    reading = asyncio.ensure_future(anext(probes))
    await settle()
    bench.begun["a"](BaseBroken())

    with pytest.raises(BaseBroken):
        await reading
    assert bench.cancelled_ones == ["a", "b"]


class BaseBroken(BaseException):
    """What no check may swallow."""


# --- leaving


async def until(condition: Any) -> None:
    async with asyncio.timeout(1):
        while not condition():  # noqa: ASYNC110 - the garbage collector rings no bell
            await asyncio.sleep(0)


@on_each_loop
async def test_leaving_the_context_ends_everything_at_once() -> None:
    bench = Bench()
    async with bench.probes(itertools.cycle(["a"])) as probes:
        async for _ in probes:
            bench.gate.clear()
            break
        await settle()

    assert not bench.under_way.total()
    assert bench.given_back == 1
    with pytest.raises(StopAsyncIteration):
        await anext(probes)


@on_each_loop
async def test_breaking_out_of_the_loop_ends_everything() -> None:
    bench = Bench()
    async for report in bench.probes(itertools.cycle(["a"])):
        if report:
            bench.gate.clear()
            break

    await until(lambda: bench.given_back)
    assert not bench.under_way.total()


async def test_a_forgotten_run_in_a_circle_of_garbage_is_ended_in_order() -> None:
    bench = Bench()
    probes: Any = bench.probes(itertools.cycle(["a"]))
    await anext(probes)
    await settle()  # all workers wait for the reader now
    circle: list[Any] = [probes]
    circle.append(circle)
    del probes, circle
    gc.collect()

    await until(lambda: bench.given_back)


async def test_closing_twice_and_before_the_beginning_does_nothing() -> None:
    bench = Bench()
    probes = bench.probes(["a"])
    await probes.aclose()
    await probes.aclose()

    assert await addresses_of(probes) == []
    assert bench.lent == 0


async def test_a_cancelled_reader_ends_the_run_and_is_cancelled() -> None:
    bench = Bench(held=True)

    async def read() -> None:
        async with bench.probes(names(9)) as probes:
            await anext(probes)

    task = asyncio.ensure_future(read())
    await settle()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert (bench.cancelled, bench.given_back) == (4, 1)


async def test_a_reader_who_is_cancelled_while_it_leaves_leaves_nothing() -> None:
    bench = Bench(held=True)
    slow = asyncio.Event()

    async def check(lent: Bench, request: Request) -> Report:
        try:
            return await bench.check(lent, request)
        finally:
            await slow.wait()

    async def read() -> None:
        probes = Probes(Run(bench.lend, check, names(9), limit=4, per_host=None, ordered=False))
        async with probes, asyncio.timeout(A_MOMENT):
            await anext(probes)

    task = asyncio.ensure_future(read())
    await asyncio.sleep(5 * A_MOMENT)
    task.cancel()
    await settle()
    assert not task.done()
    slow.set()
    await asyncio.wait([task])

    assert task.cancelled()
    assert bench.given_back == 1


async def test_an_async_generator_that_is_left_half_way_is_closed() -> None:
    closed = []

    async def endless() -> AsyncIterator[str]:
        try:
            for number in itertools.count():
                yield f"host-{number}"
        finally:
            closed.append(True)

    async with Bench().probes(endless()) as probes:
        await anext(probes)

    assert closed == [True]


def test_a_run_that_the_program_ends_in_leaves_no_word(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> Probes:
        bench = Bench()
        probes = bench.probes(itertools.cycle(["a"]))
        await anext(probes)
        bench.gate.clear()
        return probes

    kept = asyncio.run(main(), debug=True)
    del kept
    gc.collect()

    assert capsys.readouterr().err == ""


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="counts references")
def test_a_loop_that_is_closed_under_a_run_is_not_kept_alive() -> None:
    import weakref  # noqa: PLC0415

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # asyncio complains of the tasks, rightly
    probes: Any = loop.run_until_complete(_first_of_many())
    gone = weakref.ref(loop)
    loop.close()
    del loop, probes
    gc.collect()

    assert gone() is None


async def _first_of_many() -> Probes:
    probes = Bench().probes(itertools.cycle(["a"]))
    await anext(probes)
    await settle()
    return probes


async def test_a_failure_that_is_a_text_has_no_traceback_to_forget() -> None:
    async def check(_: Bench, request: Request) -> Report:
        return Report(request.address, Reason.refused, "", error="as a pickled one has it")

    run = Run(
        Bench().lend, check, ["a"], limit=1, per_host=None, ordered=False, keep_tracebacks=False
    )
    assert [report.error async for report in Probes(run)] == ["as a pickled one has it"]


# --- what is shared among runs


async def test_what_a_run_still_has_at_its_end_is_anybodys() -> None:
    budget = Budget(2)
    ended, *others = (asyncio.Event() for _ in range(3))
    for _ in range(2):
        assert budget.has_room(ended)
        budget.acquire()
    assert not any(map(budget.has_room, (ended, *others)))

    budget.close_run(ended, 2)

    assert [room.is_set() for room in (ended, *others)] == [False, True, True]
    assert budget.has_room(others[0])


@pytest.mark.parametrize("closed", [False, True])
async def test_no_turn_of_a_host_comes_once_the_run_has_ended(*, closed: bool) -> None:
    turns: list[Job] = []
    limiter = HostLimiter(1, Pace(per_host=1 / A_MOMENT), turns.append)
    job = Job(read_request("http://a.test/"), "a.test", None)
    assert not limiter.acquire(job)
    if closed:
        limiter.close()
    await asyncio.sleep(2 * A_MOMENT)

    assert turns == ([] if closed else [job])


async def test_a_turn_that_the_end_of_another_check_gave_does_not_come_again() -> None:
    turns: list[Job] = []
    now = 0.0
    limiter = HostLimiter(2, Pace(per_host=1 / A_MOMENT, clock=lambda: now), turns.append)
    first, second = (Job(read_request(f"http://a.test/{n}"), "a.test", None) for n in range(2))
    now = A_MOMENT
    assert limiter.acquire(first)
    assert not limiter.acquire(second)
    now = 2 * A_MOMENT
    assert limiter.release(first) is second
    await asyncio.sleep(2 * A_MOMENT)

    assert turns == []
    assert not limiter.has_waiting


def test_there_are_two_transports() -> None:
    with pytest.raises(ValueError, match=r"^transport is one of auto, aiohttp, not 'http'$"):
        Client().probe_many([], transport="http")  # type: ignore[arg-type]
