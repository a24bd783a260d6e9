"""Have both transports check servers that send mutated replies, and compare what they say.

Run from the root of a checkout::

    python -m tools.compare_transports [--count 50000] [--seed 1] [--first 0]

A case whose replies race (a reset against the bytes before it) may differ by chance: it counts as a
difference if it differs ``TRIES`` times.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.transports import Both, both, options
from tools.fuzz_replies import Here, Stage, case
from tryconnect import Guard
from tryconnect.testing import serve

if TYPE_CHECKING:
    from tests.support.transports import Facts
    from tools.fuzz_replies import Case

SECONDS = 1.0
CONCURRENCY = 20
BATCH = 10
"""Cases that one server plays: it remembers all its clients for as long as it runs."""
TRIES = 6


@dataclass
class Seen:
    """What came out."""

    reasons: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


@dataclass
class Comparison:
    """One run: both transports, what was seen, and the ports that their guard lets through."""

    pair: Both
    ports: set[int]
    seen: Seen

    async def work(self, cases: Iterator[Case]) -> None:
        """Play the cases that nobody else has taken."""
        while batch := list(itertools.islice(cases, BATCH)):
            stage = Stage()
            async with serve(stage.handler) as peer:
                self.ports.add(peer.port)
                for chosen in batch:
                    await self.compare(chosen, stage, peer.url)
                self.ports.discard(peer.port)

    async def compare(self, chosen: Case, stage: Stage, url: str) -> None:
        """Play one case until both transports agree, or have differed too often."""
        for left in reversed(range(TRIES)):
            stage.play(chosen)
            by_aiohttp = await self.pair.facts_by(0, url, SECONDS)
            stage.play(chosen)
            by_reactor = await self.pair.facts_by(1, url, SECONDS)
            if by_aiohttp == by_reactor:
                self.seen.reasons[by_reactor.reason] += 1
                return
            if not left:
                self.seen.differences.append("\n".join(_told(chosen, by_aiohttp, by_reactor)))


def _told(chosen: Case, by_aiohttp: Facts, by_reactor: Facts) -> Iterator[str]:
    yield f"case {chosen.number}: {chosen.replies!r:.500}"
    for name, first, second in zip(by_aiohttp._fields, by_aiohttp, by_reactor, strict=True):
        if first != second:
            yield f"  {name}: {first!r} by aiohttp, {second!r} on the reactor"


async def run(*, count: int, seed: int, first: int = 0) -> Seen:
    """Play so many cases, ``CONCURRENCY`` at once."""
    ports: set[int] = set()
    guard = Guard(lambda ip: ip.is_loopback, ports)
    cases = (case(seed, number) for number in range(first, first + count))
    async with both(options(guard=guard, resolver=Here())) as pair:
        comparison = Comparison(pair, ports, Seen())
        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(comparison.work(cases))
    return comparison.seen


def main() -> int:
    """Run, print what differs, and return 1 if anything does."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    start = time.perf_counter()
    seen = asyncio.run(run(count=chosen.count, seed=chosen.seed, first=chosen.first))
    words = ", ".join(f"{count:,} {reason}" for reason, count in seen.reasons.most_common())
    lines = [*seen.differences[:20], f"{words}; {len(seen.differences)} differences"]
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.write(f"{time.perf_counter() - start:.0f} s\n")
    return bool(seen.differences)


if __name__ == "__main__":
    sys.exit(main())
