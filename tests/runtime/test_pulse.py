"""What is noticed of a process that was stopped, a machine that slept, a loop that was blocked."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tryconnect import Reason, Report
from tryconnect._model.faults import Interrupted
from tryconnect._runtime import pulse
from tryconnect._runtime.pulse import PERIOD, SETTLE, Pulse, Wake


class World:
    """The clocks of a machine, and a loop that has timers."""

    def __init__(self) -> None:
        self.now = self.asleep = 0.0
        self.timers: list[tuple[float, object]] = []

    def call_later(self, delay: float, call: object) -> "World":
        self.timers.append((self.now + delay, call))
        return self

    def cancel(self) -> None:
        self.timers.clear()

    def run(self, until: float) -> None:
        """Let the timers go off on time."""
        while self.timers and self.timers[0][0] <= until:
            when, call = self.timers.pop(0)
            self.now = max(self.now, when)
            call()  # type: ignore[operator]
        self.now = until

    def stop(self, seconds: float) -> None:
        """Let time pass in which nothing runs."""
        self.now += seconds

    def sleep(self, seconds: float) -> None:
        self.asleep += seconds


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World()
    with monkeypatch.context() as patch:
        patch.setattr(pulse, "time", SimpleNamespace(perf_counter=lambda: world.now))
        patch.setattr(pulse, "slept", lambda: world.asleep)
        yield world


ERROR = TimeoutError()


def blamed(beating: Pulse, since: float = 0.0) -> float:
    """For how many seconds this machine is blamed."""
    fault = beating.blame(ERROR, since)
    if fault is ERROR:
        return 0.0
    assert isinstance(fault, Interrupted)
    assert fault.__cause__ is ERROR
    assert f"for {fault.seconds:.1f} s of the check" in str(fault)
    return fault.seconds


@pytest.mark.parametrize(
    ("ran", "stopped", "then", "blame"),
    [
        (10.0, 0.0, 0.0, False),
        (0.0, 4.5, 0.0, True),
        (1.0, 4.5, 0.0, True),
        (1.0, 4.5, 0.5, True),  # it beats again before the error comes
        (1.0, 4.5, 20.0, False),  # there was plenty of time besides
        (0.1, 0.5, 0.0, False),  # a busy machine
        (0.1, 1.0, 0.2, True),
    ],
)
def test_time_in_which_nothing_ran_is_to_blame(
    ran: float,
    stopped: float,
    then: float,
    blame: bool,  # noqa: FBT001
    world: World,
) -> None:
    beating = Pulse(world)  # type: ignore[arg-type]
    with beating:
        world.run(ran)
        world.stop(stopped)
        world.run(world.now + then)

        lost = blamed(beating)

    assert bool(lost) is blame
    assert not blame or stopped - PERIOD <= lost <= stopped


def test_what_was_lost_before_a_check_is_not_its_excuse(world: World) -> None:
    beating = Pulse(world)  # type: ignore[arg-type]
    with beating:
        world.stop(9.0)
        world.run(world.now + 1.0)

        assert not blamed(beating, since=world.now - 0.5)
        assert blamed(beating, since=1.0)


def test_sleep_of_the_machine_is_to_blame_though_its_clock_stood_still(world: World) -> None:
    beating = Pulse(world)  # type: ignore[arg-type]
    with beating:
        world.run(1.0)
        world.sleep(3600.0)
        world.run(2.0)

        assert blamed(beating) == 3600.0


def test_it_beats_while_it_is_busy_and_no_longer(world: World) -> None:
    busy = [1]
    beating = Pulse(world, lambda: busy)  # type: ignore[arg-type]
    beating.start()
    world.run(5.0)
    assert world.timers

    busy.clear()
    world.run(6.0)
    assert not world.timers

    with beating, beating:
        assert world.timers
    assert not world.timers


REFUSED = Report("h", Reason.refused, "nothing listens")


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (REFUSED, Reason.local),
        (Report("h", Reason.unreachable, ""), Reason.local),
        (Report("h", Reason.ok, ""), Reason.ok),
        (Report("h", Reason.status, "", status=500), Reason.status),
    ],
)
def test_for_a_while_after_waking_up_the_network_is_to_blame(
    report: Report, reason: Reason, world: World
) -> None:
    wake = Wake()
    assert wake.excuse(report) is report
    world.sleep(60.0)

    assert wake.excuse(report).reason is reason
    world.stop(SETTLE + 1)
    assert wake.excuse(report) is report
