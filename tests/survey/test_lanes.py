"""Lanes: each part to its end, none beside another of its lane, whatever an engine does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytestmark = pytest.mark.wants(module="pyarrow")

from tryconnect._survey.batches import CheckOptions  # noqa: E402 - where there is pyarrow
from tryconnect._survey.lanes import Done, Lanes, called  # noqa: E402
from tryconnect._survey.parts import BlindError, How, Outcome, StoppedError  # noqa: E402
from tryconnect._survey.plan import Part  # noqa: E402

HOW = How(CheckOptions(100, None, 1.0, None, None), by_host=True)
Answer = Callable[[Part, How, str], Any]


class Scripted:
    """An engine that answers as a test says, the calls that came first at first.

    Attributes:
        calls: The parts that were asked for, with how, and the workers to avoid.
        most: How many were under way at the same time, at most.
    """

    slots = 2

    def __init__(self, answer: Answer, workers: tuple[str, ...] = ("a", "b")) -> None:
        self.calls: list[tuple[str, How, frozenset[str]]] = []
        self.most = 0
        self._answer = answer
        self._workers = workers
        self._under_way: list[tuple[int, Part, How, str]] = []

    def submit(self, ticket: int, _: Any, *arguments: Any, avoid: frozenset[str]) -> None:
        _, part, how = arguments
        lane = part.name.rpartition("-")[0]
        assert lane not in {p.name.rpartition("-")[0] for _, p, _, _ in self._under_way}
        worker = next((w for w in self._workers if w not in avoid), self._workers[0])
        self.calls.append((part.name, how, avoid))
        self._under_way.append((ticket, part, how, worker))
        self.most = max(self.most, len(self._under_way))

    def completed(self, _: float) -> list[Done]:
        if not self._under_way:
            return []
        ticket, part, how, worker = self._under_way.pop(0)
        answer = self._answer(part, how, worker)
        if isinstance(answer, BaseException):
            return [Done(ticket, error=answer, worker=worker)]
        return [Done(ticket, answer, None, worker)]

    def workers(self) -> set[str]:
        return {*self._workers}


def lanes_of(*lengths: int) -> list[list[Part]]:
    return [
        [Part(f"part-{lane}-{number}", 10, ()) for number in range(length)]
        for lane, length in enumerate(lengths)
    ]


def run(tmp_path: Path, engine: Scripted, *lengths: int, **options: Any) -> Lanes:
    lanes = Lanes(tmp_path, lanes_of(*lengths), options.pop("how", HOW), engine, **options)
    lanes.run()
    return lanes


def good(*_: object) -> Outcome:
    return Outcome({"ok": 10})


def test_all_parts_are_done_in_the_order_of_their_lanes(tmp_path: Path) -> None:
    engine = Scripted(good)
    lanes = run(tmp_path, engine, 3, 1, 2)

    names = [name for name, _, _ in engine.calls]
    assert sorted(names) == sorted(p.name for lane in lanes_of(3, 1, 2) for p in lane)
    assert [name for name in names if "part-0" in name] == ["part-0-0", "part-0-1", "part-0-2"]
    assert (lanes.finished, lanes.counts["ok"], lanes.failed) == (6, 60, {})


def test_no_more_than_a_window_is_under_way(tmp_path: Path) -> None:
    engine = Scripted(good)
    run(tmp_path, engine, *[1] * 50)
    assert engine.most == 2 * engine.slots


def test_a_poison_part_fails_alone_and_the_rest_of_its_lane_is_done(tmp_path: Path) -> None:
    def answer(part: Part, *_: object) -> Any:
        return MemoryError() if part.name == "part-0-0" else good()

    engine = Scripted(answer)
    lanes = run(tmp_path, engine, 2, 2)

    assert [*lanes.failed] == ["part-0-0"]
    assert lanes.counts["ok"] == 30
    assert engine.calls[-1][0] == "part-0-0"  # once more, at the end


def test_a_neighbour_that_was_blamed_is_done(tmp_path: Path) -> None:
    blamed = {"part-1-0"}

    def answer(part: Part, *_: object) -> Any:
        if part.name in blamed:
            blamed.clear()
            return MemoryError()
        return good()

    assert run(tmp_path, Scripted(answer), 1, 1).failed == {}


@pytest.mark.parametrize("calls", [1, 2])
def test_a_suspect_whose_file_is_there_after_all_is_done(
    calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker was given up and wrote it later, or died between the file and the answer."""
    written: set[str] = set()
    monkeypatch.setattr(
        "tryconnect._survey.lanes.done",
        lambda file: {"ok": 10} if file.stem in written else None,
    )

    def answer(part: Part, *_: object) -> Any:
        if part.name != "part-0-0":
            if calls == 1:
                written.add("part-0-0")
            return good()
        if len([name for name, *_ in engine.calls if name == part.name]) == 2:
            written.add(part.name)
        return MemoryError()

    engine = Scripted(answer)
    lanes = run(tmp_path, engine, 1, 1)

    assert len([name for name, *_ in engine.calls if name == "part-0-0"]) == calls
    assert (lanes.counts["ok"], lanes.failed) == (20, {})


def test_the_part_of_a_blind_worker_goes_to_one_that_sees(tmp_path: Path) -> None:
    def answer(_: Part, __: How, worker: str) -> Any:
        return BlindError(asked=True) if worker == "a" else good()

    engine = Scripted(answer)
    lanes = run(tmp_path, engine, 1, 1, 1, 1, 1)

    assert lanes.counts["ok"] == 50
    assert engine.calls[-1][2] == {"a"}


def test_where_nobody_sees_the_survey_waits(tmp_path: Path) -> None:
    now = 0.0
    blind = 3

    def clock() -> float:
        nonlocal now
        now += 1
        return now

    def answer(*_: object) -> Any:
        nonlocal blind
        blind -= 1
        return BlindError(asked=True) if blind >= 0 else good()

    assert run(tmp_path, Scripted(answer, ("a",)), 1, 1, clock=clock).counts["ok"] == 20


def test_and_gives_up_in_the_end(tmp_path: Path) -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1
        return now

    engine = Scripted(lambda *_: BlindError(asked=True), ("a",))
    with pytest.raises(RuntimeError, match="no worker reaches a canary"):
        run(tmp_path, engine, 1, clock=clock)


def test_without_a_canary_a_suspicious_part_comes_once_more_when_there_may_be_one(
    tmp_path: Path,
) -> None:
    def answer(part: Part, how: How, _: str) -> Any:
        if part.name.startswith("part-0") and not how.settled:
            return BlindError(asked=False)
        return Outcome({"ok": 10}, ok=("http://ok.test/",))

    engine = Scripted(answer)
    lanes = run(tmp_path, engine, 2, 1)

    assert lanes.counts["ok"] == 30
    settled = [how for _, how, _ in engine.calls if how.settled]
    assert [how.canaries for how in settled] == [("http://ok.test/",)] * 2


def test_the_parts_under_way_share_the_rate(tmp_path: Path) -> None:
    engine = Scripted(good)
    under_way: list[float] = []
    lanes = Lanes(tmp_path, lanes_of(1, 1, 1), HOW, engine, rate=10.0)
    lanes.run()
    under_way = [how.rate or 0 for _, how, _ in engine.calls]

    assert engine.most == engine.slots
    assert under_way[:2] == [5.0, 5.0]
    assert max(under_way) <= 10.0


def test_a_call_that_an_engine_ends_twice_counts_once(tmp_path: Path) -> None:
    class Twice(Scripted):
        def completed(self, seconds: float) -> list[Done]:
            return 2 * super().completed(seconds)

    lanes = run(tmp_path, Twice(good), 2, 1)
    assert (lanes.finished, lanes.counts["ok"], lanes.failed) == (3, 30, {})


def test_a_lower_limit_of_a_worker_is_told(tmp_path: Path) -> None:
    def answer(part: Part, *_: object) -> Outcome:
        return Outcome({"ok": 10}, limit=7 if part.name == "part-0-0" else HOW.options.limit)

    assert run(tmp_path, Scripted(answer), 2, 1).limits == {7}


def test_an_interrupted_part_interrupts_the_survey(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Scripted(lambda *_: StoppedError()), 1)


def test_calls_come_back_in_order() -> None:
    from tryconnect._survey.here import Here  # noqa: PLC0415 - it imports pyarrow

    with Here() as engine:
        assert called(engine, pow, [(2, n) for n in range(20)]) == [2**n for n in range(20)]
        with pytest.raises(ZeroDivisionError):
            called(engine, divmod, [(1, 0)])
    assert not [t for t in threading.enumerate() if t.name.startswith("Thread-work")]
