"""Measures what grows with the number of addresses, and the effect of a low descriptor limit."""

from __future__ import annotations

from benchmarks import servers
from benchmarks.bulk import table_of
from benchmarks.peers import AIOHTTP, OURS
from benchmarks.rounds import FEW, Task, compare, median, ratio
from benchmarks.table import Claim, Table
from benchmarks.work import Work

__all__ = ["few_descriptors", "growth"]


def growth(*, quick: bool) -> Table:
    """From 1,000 hosts to 50,000: memory, descriptors, and the cost of one check."""
    thousand = 20 if quick else 1_000
    with servers.pages() as site:

        def task(peer: str, thousands: int) -> tuple[str, Task]:
            work = Work(count=thousands * thousand, ports=site.ports)
            return f"{peer}, {work.count:,}", Task(peer, work)

        ours = dict([task(OURS, 1), task(OURS, 50)])
        runs = compare(ours, quick=quick)
        # aiohttp by default keeps a connection for each host: of 50,000 it would fail most.
        others = [task(OURS, 1), task(OURS, 10), task(AIOHTTP, 1), task(AIOHTTP, 50)]
        others += [task("aiohttp", 1), task("aiohttp", 10)]
        few = compare(dict(others), quick=quick, rounds=FEW)
    small, big = ours
    limit = ours[big].work.at_once
    return table_of(
        {**few, **runs},
        [
            Claim(f"CPU per check, “{big}” ÷ “{small}”", ratio(runs, big, small), 1.1),
            Claim(f"peak memory, “{big}” ÷ “{small}”", ratio(runs, big, small, "peak"), 1.1),
            Claim(f"files open, beyond {limit}", median(runs, big, "descriptors") - limit, 30),
        ],
        first=small,
        asked=(),
    )


def few_descriptors(*, quick: bool) -> Table:
    """``ulimit -n 256``, and 3,000 healthy hosts, 1,000 at once."""
    with servers.pages() as site:
        work = Work(count=400 if quick else 3_000, ports=site.ports, at_once=1_000, descriptors=256)
        tasks = {name: Task(name, work) for name in (OURS, AIOHTTP, "aiohttp")}
        runs = compare(tasks, quick=quick, rounds=FEW)
    worst = min(outcome.right for outcome in runs[OURS])
    return table_of(runs, [Claim("wrong answers", work.count - worst, 0)], asked=())
