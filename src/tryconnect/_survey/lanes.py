"""Which part goes to which worker next: a window of parts, and never two of one lane.

An engine only calls functions somewhere, at least once. That each part is done once, and that those
of a lane follow each other, is seen to here.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tryconnect._survey.parts import BlindError, Outcome, StoppedError, done, probe_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tryconnect._survey.parts import How
    from tryconnect._survey.plan import Part

__all__ = ["Done", "Engine", "Lanes", "called"]

_BLIND_FOR = 60.0
"""Seconds for which a worker that sees no canary gets no part, if others see."""

_WAIT_FOR_SIGHT = 5.0
_ROUNDS_WITHOUT_SIGHT = 60
"""How often, and how long in between, a part is tried while no worker sees a canary: 5 minutes."""

_CANARIES = 3


class Done(NamedTuple):
    """A call that has ended: what it returned, or raised, and on which worker."""

    ticket: int
    result: Any = None
    error: BaseException | None = None
    worker: str = ""


class Engine(Protocol):
    """Calls functions somewhere, at least once each."""

    slots: int
    """How many calls run at the same time."""

    def submit(
        self, ticket: int, function: Callable[..., Any], *arguments: Any, avoid: frozenset[str]
    ) -> None:
        """Call a function, on none of these workers if there are others."""

    def completed(self, seconds: float) -> list[Done]:
        """Return the calls that have ended, once there is one, or the time is over."""

    def workers(self) -> set[str]:
        """Return the workers there are."""


class _Try(NamedTuple):
    """A part under way."""

    lane: int
    part: Part
    rate: float | None


class Lanes:
    """The lanes of a survey on their way through an engine.

    Args:
        out: The survey's folder.
        lanes: Of parts.
        how: To check.
        engine: Calls :func:`probe_part`.
        rate: Checks in a second, of all parts together.
        tell: Is called after each part, and each second.

    Attributes:
        counts: The reports of all parts that are done.
        finished: How many parts are.
        failed: The parts that cannot be done, each with why.
        limits: How many checks ran at once, where that was fewer than asked for.
    """

    def __init__(
        self,
        out: Path,
        lanes: Sequence[Sequence[Part]],
        how: How,
        engine: Engine,
        *,
        rate: float | None = None,
        tell: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.finished = 0
        self.failed: dict[str, BaseException] = {}
        self.limits: set[int] = set()
        self._out = out
        self.how = how
        self._engine = engine
        self._rate = rate
        self._tell = tell
        self._clock = clock
        self._ready: deque[tuple[int, deque[Part]]] = deque()
        self._under_way: dict[int, _Try] = {}
        self._rest: dict[int, deque[Part]] = {}
        self._tickets = 0
        self._blind: dict[str, float] = {}
        self._blind_rounds = 0
        self._not_before = 0.0
        self._unsettled: deque[tuple[int, Part]] = deque()
        self._suspects: deque[tuple[int, Part, BaseException]] = deque()
        self._known_ok: dict[int, list[str]] = {}
        self._canaries: deque[str] = deque(maxlen=_CANARIES)
        for number, lane in enumerate(lanes):
            left = deque(part for part in lane if not self._is_done(part))
            self._rest[number] = left
            if left:
                self._ready.append((number, left))

    def run(self) -> None:
        """Run all parts; the failed ones again, each alone, at the end."""
        while self._fill():
            for ended in self._engine.completed(1.0):
                self._take(ended)
            self._tell()

    # --- what begins

    def _fill(self) -> bool:
        """Begin parts while there is room; return whether there is anything to wait for."""
        # With a rate each part has its share, which a part that waits for a slot would not use.
        window = self._engine.slots if self._rate else 2 * self._engine.slots
        while self._clock() >= self._not_before and len(self._under_way) < window:
            if self._ready:
                lane, parts = self._ready.popleft()
                self._begin(lane, parts.popleft(), self.how)
            elif self._under_way:
                break
            elif self._unsettled:
                self._settle()
            elif self._suspects:
                # Alone: the engine blames a part for the death of its worker, and also those that
                # only were there.
                lane, part, _ = self._suspects[0]
                self._begin(lane, part, dataclasses.replace(self.how, settled=True))
                break
            else:
                return False
        return True

    def _settle(self) -> None:
        """Put off no part any more: by now there is a canary, or nobody answers anyhow."""
        self.how = dataclasses.replace(self.how, settled=True)
        for lane, part in self._unsettled:
            if not self._rest[lane]:
                self._ready.append((lane, self._rest[lane]))
            self._rest[lane].append(part)
        self._unsettled.clear()

    def _begin(self, lane: int, part: Part, how: How) -> None:
        if self._is_done(part):
            self._end(lane, part)
            return
        share = self._share()
        how = dataclasses.replace(how, rate=share, canaries=how.canaries or (*self._canaries,))
        self._tickets += 1
        self._under_way[self._tickets] = _Try(lane, part, share)
        self._engine.submit(
            self._tickets, probe_part, str(self._out), part, how, avoid=self._blind_ones()
        )

    def _share(self) -> float | None:
        """Return the part's share of the rate: what is left, by those that may still begin."""
        if self._rate is None:
            return None
        taken = sum(each.rate or 0 for each in self._under_way.values())
        free = min(self._engine.slots - len(self._under_way), 1 + len(self._ready))
        return max((self._rate - taken) / max(free, 1), self._rate / 1e6)

    def _blind_ones(self) -> frozenset[str]:
        now = self._clock()
        self._blind = {w: since for w, since in self._blind.items() if now - since < _BLIND_FOR}
        return frozenset(self._blind)

    # --- what ends

    def _take(self, ended: Done) -> None:
        tried = self._under_way.pop(ended.ticket, None)
        if tried is None:
            return
        lane, part, _ = tried
        if isinstance(ended.error, StoppedError):
            raise KeyboardInterrupt
        if ended.error is None:
            self._publish(lane, part, ended.result)
        elif isinstance(ended.error, BlindError):
            self._blinded(lane, part, ended.error, ended.worker)
        elif self._is_done(part):  # the file counts, and not what the engine says
            self._end(lane, part)
        else:
            self._fail(lane, part, ended.error)

    def _publish(self, lane: int, part: Part, outcome: Outcome) -> None:
        self._blind_rounds = 0
        self.finished += 1
        self.counts.update(outcome.counts)
        if 0 < outcome.limit < self.how.options.limit:
            self.limits.add(outcome.limit)
        self._known_ok.setdefault(lane, []).extend(outcome.ok)
        self._end(lane, part)

    def _end(self, lane: int, part: Part) -> None:
        """Suspect a part no more; go on with its lane, or let its hosts serve as canaries."""
        if self._is_retried(part):
            self._suspects.popleft()
        rest = self._rest[lane]
        if rest:
            self._ready.append((lane, rest))
        else:
            self._canaries.extend(self._known_ok.pop(lane, ()))

    def _blinded(self, lane: int, part: Part, error: BlindError, worker: str) -> None:
        if not error.asked:
            self._unsettled.append((lane, part))
            self._end_without(lane)
            return
        self._blind[worker] = self._clock()
        self._rest[lane].appendleft(part)
        self._ready.appendleft((lane, self._rest[lane]))
        if self._engine.workers() <= self._blind.keys():  # nobody sees
            self._blind_rounds += 1
            self._not_before = self._clock() + _WAIT_FOR_SIGHT
            self._blind.clear()
            if self._blind_rounds >= _ROUNDS_WITHOUT_SIGHT:
                raise RuntimeError("no worker reaches a canary: is the network down?")

    def _fail(self, lane: int, part: Part, error: BaseException) -> None:
        if self._is_retried(part):
            self.failed[part.name] = error
            self._end(lane, part)
        else:
            self._suspects.append((lane, part, error))
            self._end_without(lane)

    def _end_without(self, lane: int) -> None:
        """Go on with a lane, one part of which comes later."""
        if self._rest[lane]:
            self._ready.append((lane, self._rest[lane]))

    def _is_retried(self, part: Part) -> bool:
        """Return whether this is the suspect whose turn it is."""
        return bool(self._suspects) and self._suspects[0][1] is part

    def _is_done(self, part: Part) -> bool:
        counts = done(self._out / f"{part.name}.{self.how.format}")
        if counts is None:
            return False
        self.finished += 1
        self.counts.update(counts)
        return True


def called(
    engine: Engine, function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]
) -> list[Any]:
    """Call a function for each of these arguments; return the results in order."""
    waiting = deque(enumerate(arguments))
    results: dict[int, Any] = {}
    under_way = 0
    while waiting or under_way:
        while waiting and under_way < 2 * engine.slots:
            ticket, each = waiting.popleft()
            engine.submit(ticket, function, *each, avoid=frozenset())
            under_way += 1
        for ended in engine.completed(1.0):
            under_way -= 1
            if ended.error is not None:
                raise ended.error
            results[ended.ticket] = ended.result
    return [results[ticket] for ticket in sorted(results)]
