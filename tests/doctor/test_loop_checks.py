"""What the doctor finds in loops: sound ones, and those with a planted fault."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from tests.doctor import loops
from tests.support.event_loops import LoopFactory, each_factory
from tests.support.leaks import Guard
from tests.support.loops.minimal import MinimalLoop, SlottedLoop
from tryconnect import doctor
from tryconnect import testing as peers
from tryconnect.cli.doctor import close
from tryconnect.doctor import Level, _bounded, _examination, _loop_checks, _machine_checks, _servers
from tryconnect.doctor._bounded import Outcome, bounded
from tryconnect.doctor._examination import Examination

pytestmark = pytest.mark.slow


def examined(factory: LoopFactory, examine: Callable[..., Any] = doctor.examine) -> doctor.Findings:
    """The findings of a new loop, which is run by its ``run_until_complete``."""
    loop = factory()
    try:
        findings: doctor.Findings = loop.run_until_complete(examine(only="loop"))
    finally:
        close(loop)
    return findings


# --- sound loops


@each_factory
def test_a_sound_loop_is_healthy(loop_factory: LoopFactory) -> None:
    findings = examined(loop_factory)
    assert findings.problems == ()
    assert findings.healthy


def test_everything_is_looked_at_in_its_order() -> None:
    assert [finding.name for finding in examined(loops.Stock)] == list(_loop_checks.LOOP_TESTS)


# --- planted faults


class Planted(NamedTuple):
    loop: LoopFactory
    name: str
    level: Level
    sentence: str
    also: tuple[str, ...] = ()
    """Findings that suffer, too."""


WARNING, FAULT = Level.warning, Level.fault

UNTIMED = ("wake_up", "tls", "road")
OVER_SOCKETS = ("create_connection", "tls")

PLANTED = [
    Planted(loops.NeverWoken, "wake_up", FAULT, "does not wake the idle loop"),
    Planted(loops.LosesFrames, "executor_errors", FAULT, "without the frames"),
    Planted(loops.ChangesErrors, "executor_errors", FAULT, "as another: SystemError"),
    Planted(loops.LosesErrors, "executor_errors", FAULT, "did not arrive", ("unretrieved",)),
    Planted(loops.HasNoExecutor, "executor_errors", WARNING, "does not have", ("unretrieved",)),
    Planted(loops.HandsOnThatItHasNone, "executor_errors", WARNING, "does not have"),
    Planted(loops.Silent, "unretrieved", FAULT, "an executor's job and a task"),
    Planted(loops.WallClock, "clock", FAULT, "the wall clock"),
    Planted(loops.GoesBackwards, "clock", FAULT, "backwards"),
    Planted(loops.CountsMilliseconds, "clock", FAULT, "have passed", ("road",)),
    Planted(loops.TimersTooEarly, "timers", FAULT, "too early", ("wake_up",)),
    Planted(loops.TimersNever, "timers", FAULT, "did not fire", ("wake_up",)),
    Planted(loops.HasNoTimers, "timers", WARNING, "not have call_later", UNTIMED),
    Planted(loops.HasNoSockConnect, "sock_connect", WARNING, "does not have", OVER_SOCKETS),
    Planted(loops.HasNoConnections, "create_connection", WARNING, "does not have", ("tls",)),
    Planted(loops.HasNoTls, "tls", WARNING, "does not have create_connection with TLS"),
    Planted(loops.BreaksTls, "tls", FAULT, "OSError: TLS is broken here", ("road",)),
    Planted(loops.BreaksTls, "road", FAULT, "an https check within this machine fails", ("tls",)),
    Planted(loops.ConnectsNever, "create_connection", FAULT, "did not finish", ("tls", "road")),
    Planted(loops.HearsNothing, "create_connection", FAULT, "nothing was read", ("tls", "road")),
    Planted(loops.HasNoReaders, "add_reader", WARNING, "does not have add_reader"),
    Planted(loops.ReadsNothing, "add_reader", FAULT, "no call came"),
]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda each: f"{each.name}-{each.loop.__name__}")
def test_a_planted_fault_is_found_and_no_other(
    planted: Planted, monkeypatch: pytest.MonkeyPatch, sync_leak_guard: Guard
) -> None:
    monkeypatch.setattr(_loop_checks, "_LONGEST", 2.0)
    monkeypatch.setattr(_bounded, "LIMIT", 0.7)
    findings = examined(planted.loop)
    (found,) = findings.named(planted.name)
    assert found.level is planted.level
    assert planted.sentence in found.sentence
    assert found.advice
    assert planted.level is WARNING or not findings.healthy
    assert {each.name for each in findings.problems} <= {planted.name, *planted.also}
    sync_leak_guard.expect_complaints()  # of asyncio's own, where its loop is broken


def test_every_test_of_a_loop_has_a_loop_that_fails_it() -> None:
    assert {planted.name for planted in PLANTED} == set(_loop_checks.LOOP_TESTS)


def test_what_needs_timers_is_not_tried_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bounded, "LIMIT", 0.3)
    (found,) = examined(loops.TimersNever).named("wake_up")
    assert found.level is WARNING
    assert "not tried" in found.sentence


ROADS = {
    loops.Stock: "checks run natively, in this loop",
    loops.HasNoTls: "https checks run through the portal, a loop of tryconnect's own; others in",
    loops.HasNoConnections: "checks run through the portal",
    loops.HasNoSockConnect: "checks run through the portal",
    loops.WallClock: "checks run through the portal",
    MinimalLoop: "checks run through the portal",
    SlottedLoop: "checks run through the portal",
}


@pytest.mark.parametrize(("loop", "sentence"), ROADS.items(), ids=lambda each: str(each)[-20:])
def test_the_road_is_the_one_that_checks_take(loop: LoopFactory, sentence: str) -> None:
    (found,) = examined(loop).named("road")
    assert found.level is Level.ok
    assert found.sentence.startswith(sentence)


@pytest.mark.parametrize("loop", [MinimalLoop, SlottedLoop])
def test_a_loop_that_has_next_to_nothing_is_no_fault(loop: LoopFactory) -> None:
    findings = examined(loop)
    assert findings.healthy
    levels = {finding.name: finding.level for finding in findings}
    assert levels == dict.fromkeys(_loop_checks.LOOP_TESTS, WARNING) | {"road": Level.ok}


# --- from outside


@contextlib.contextmanager
def running(factory: LoopFactory) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs in another thread."""
    loop = factory()

    def turn() -> None:
        loop.run_forever()
        close(loop)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        loops.wake(loop)
        thread.join()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_examination, "STANDSTILL", 1.5)


async def test_a_loop_of_another_thread_is_examined_there() -> None:
    with running(loops.Stock) as loop:
        findings = await doctor.examine(loop, only="loop")
    assert findings.problems == ()
    assert len(findings) == len(_loop_checks.LOOP_TESTS)


@pytest.mark.usefixtures("impatient")
async def test_a_loop_of_another_thread_that_cannot_be_woken_is_told_of() -> None:
    with running(loops.NeverWoken) as loop:
        findings = await doctor.examine(loop, only="loop")
        (found,) = findings
    assert found.level is FAULT
    assert "hung" in found.sentence


def closed_elsewhere(loop: asyncio.AbstractEventLoop) -> None:
    """Close a loop while another one runs in this thread."""
    thread = threading.Thread(target=close, args=[loop])
    thread.start()
    thread.join()


async def test_a_loop_at_rest_is_examined_in_a_thread_and_is_at_rest_again() -> None:
    loop = loops.Stock()
    findings = await doctor.examine(loop, only="loop")
    assert findings.problems == ()
    assert len(findings) == len(_loop_checks.LOOP_TESTS)
    assert not loop.is_running()
    closed_elsewhere(loop)


@pytest.mark.usefixtures("impatient")
async def test_a_loop_at_rest_that_falls_asleep_for_ever_is_left_there() -> None:
    loop = loops.StandsStill()
    findings = await doctor.examine(loop, only="loop")
    *_, found = findings
    assert (found.name, found.level) == ("wake_up", FAULT)
    assert "hung" in found.sentence
    loops.wake(loop)
    while loop.is_running():  # noqa: ASYNC110 - it takes the cancellation up now
        await asyncio.sleep(0.01)
    closed_elsewhere(loop)


@pytest.mark.parametrize(
    ("factory", "words"),
    [(loops.StaysWhereItIs, "in the main thread only"), (loops.EndsBadly, "has lost its window")],
)
async def test_what_a_loop_at_rest_fails_with_is_told_in_its_own_words(
    factory: LoopFactory, words: str
) -> None:
    loop = factory()
    with pytest.raises(RuntimeError, match=words):
        await doctor.examine(loop, only="loop")
    loop.close()


@pytest.mark.parametrize("at_rest", [True, False])
async def test_who_is_cancelled_leaves_and_takes_the_examination_along(at_rest: bool) -> None:  # noqa: FBT001
    with contextlib.ExitStack() as stack:
        loop = loops.Stock() if at_rest else stack.enter_context(running(loops.Stock))
        task = asyncio.create_task(doctor.examine(loop, only="loop"))
        await asyncio.sleep(0.15)  # amid the timers
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if at_rest:
            closed_elsewhere(loop)


async def test_a_closed_loop_is_refused() -> None:
    loop = loops.Stock()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        await doctor.examine(loop)


async def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(ValueError, match='"loop", "machine" or None'):
        await doctor.examine(only="soul")  # type: ignore[arg-type]


# --- nothing is left, and others go on


def test_who_is_cancelled_within_the_loop_leaves_at_once() -> None:
    async def leave() -> float:
        task = asyncio.create_task(doctor.examine(only="loop"))
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - begun

    assert asyncio.run(leave()) < 1


def test_the_exception_handler_is_the_old_one_again_and_hears_of_others() -> None:
    heard: list[Any] = []

    def hear(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        heard.append(context["message"])

    async def look() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(hear)
        task = asyncio.create_task(doctor.examine(only="loop"))
        while not task.done():
            loop.call_exception_handler({"message": "of another's"})
            await asyncio.sleep(0.001)
        assert loop.get_exception_handler() is hear
        assert task.result().healthy

    asyncio.run(look())
    assert set(heard) == {"of another's"}


def test_without_a_handler_what_others_fail_at_is_logged_as_ever(
    caplog: pytest.LogCaptureFixture, sync_leak_guard: Guard
) -> None:
    async def look() -> doctor.Findings:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(doctor.examine(only="loop"))
        while not task.done():
            loop.call_exception_handler({"message": "of another's"})
            await asyncio.sleep(0.001)
        return task.result()

    assert asyncio.run(look()).healthy
    sync_leak_guard.expect_complaints()
    assert {record.getMessage() for record in caplog.records} == {"of another's"}


def test_a_loop_that_speaks_to_the_log_only_is_heard_and_the_log_is_spared(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert examined(loops.SpeaksToTheLog).named("unretrieved")[0].level is Level.ok
    assert caplog.records == []


def test_an_openssl_that_needs_certificates_leaves_tls_untried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: int) -> None:
        raise ssl.SSLError("no cipher can be selected")

    monkeypatch.setattr(_servers, "_anonymous", refuse)
    findings = examined(loops.Stock)

    (found,) = findings.problems
    assert (found.name, found.level) == ("tls", WARNING)
    assert "TLS was not tried" in found.sentence


def test_others_go_on_meanwhile() -> None:
    ticks = []

    async def tick() -> None:
        while True:
            ticks.append(time.monotonic())
            await asyncio.sleep(0.005)

    async def look() -> None:
        ticking = asyncio.create_task(tick())
        await doctor.examine(only="loop")
        ticking.cancel()

    asyncio.run(look())
    assert len(ticks) > 20


async def test_a_whole_examination_leaves_nothing(leak_guard: Guard) -> None:
    """In the tests' own loop, whose executor nobody may use: that, too, is found."""
    with peers.in_thread(peers.dns_server({})) as dns:
        findings = await doctor.examine(name_servers=[dns.address])
    faults = [finding for finding in findings if finding.level is FAULT]
    assert {finding.name for finding in faults} == {"executor_errors", "unretrieved"}
    assert all("ExecutorUsedError" in finding.sentence for finding in faults)
    assert leak_guard.complaints.heard == []


def test_a_slow_machine_is_no_loop_that_is_hung(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's watch asks so from a thread, while the machine is looked at."""
    monkeypatch.setattr(_examination, "STANDSTILL", 0.2)
    examination = Examination(only="machine", name_servers=[])
    time.sleep(0.3)
    assert examination.is_hung()
    seen = []

    def look() -> list[doctor.Finding]:
        seen.append(examination.is_hung())
        return []

    monkeypatch.setattr(_machine_checks, "MACHINE_TESTS", {"hosts": look})
    asyncio.run(examination.whole())
    assert seen == [False]


# --- records


def test_findings_are_plain_values_for_json() -> None:
    finding = doctor.Finding("clock", FAULT, "it stands", "wind it up")
    findings = doctor.Findings((finding,))
    assert findings.as_dict() == {
        "healthy": False,
        "findings": [
            {"name": "clock", "level": "fault", "sentence": "it stands", "advice": "wind it up"}
        ],
    }
    assert not findings
    assert len(findings) == 1
    assert json.loads(json.dumps(findings.as_dict())) == findings.as_dict()


@pytest.mark.parametrize(("level", "healthy"), [("ok", True), ("warning", True), ("fault", False)])
def test_warnings_do_not_make_a_loop_unfit(level: str, healthy: bool) -> None:  # noqa: FBT001
    findings = doctor.Findings((doctor.Finding("clock", Level(level), "", ""),))
    assert bool(findings) is findings.healthy is healthy


# --- waiting


async def test_work_that_ends_by_itself_has_its_outcome() -> None:
    async def work() -> int:
        return 42

    async def fail() -> None:
        raise LookupError

    assert (await bounded(work())).value == 42
    assert isinstance((await bounded(fail())).error, LookupError)


async def test_work_that_does_not_end_is_left_and_cancelled() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(True)

    assert await bounded(work(), timeout=0.05) == Outcome()
    assert ended == [True]
