"""Measures how punctual deadlines are, with hosts that accept a connection and never answer."""

from __future__ import annotations

import statistics

from benchmarks import servers
from benchmarks.peers import FLOOR, OURS, installed
from benchmarks.rounds import FEW, Runs, Task, compare, median, ratio
from benchmarks.table import Claim, Table
from benchmarks.work import Work

__all__ = ["silent"]

OUTER = "aiohttp, tuned, asyncio.timeout"

PEERS = (
    OURS,
    OUTER,
    "aiohttp, tuned",
    "aiohttp",
    "pyreqwest (Rust)",
    "pycurl, multi",
    FLOOR,
    "tryconnect, uvloop",
)

HEAD = ("client", "late: median, ms", "99 %", "most", "CPU, µs", "peak, MiB", "files", "ended")


def silent(*, quick: bool) -> Table:
    """5,000 of them at once, with a timeout of 5 s."""
    count = 50 if quick else 5_000
    with servers.silence() as site:
        work = Work(
            count=count,
            ports=site.ports,
            at_once=count,
            timeout=0.5 if quick else 5.0,
            silent=True,
        )
        tasks = {name: Task(name, work) for name in installed(PEERS)}
        runs = compare(tasks, quick=quick, rounds=FEW)
    unanswered = count - min(outcome.right for outcome in runs[OURS])
    return Table(
        HEAD,
        [row(runs, name) for name in runs],
        [
            Claim("99 % are late by", lateness(runs, OURS)[1], 20, " ms"),
            Claim("checks that did not end by the deadline", unanswered, 0),
            Claim(f"peak memory, times that of “{OUTER}”", ratio(runs, OURS, OUTER, "peak"), 1.2),
        ],
        ["aiohttp"],
    )


def lateness(runs: Runs, name: str) -> list[float]:
    """Return median, 99th percentile and most, in ms: the medians of all rounds."""
    columns = zip(*(outcome.late for outcome in runs[name]), strict=True)
    return [statistics.median(column) * 1e3 for column in columns]


def row(runs: Runs, name: str) -> list[str]:
    """Format the medians of a client's runs, and the fewest right answers."""
    return [
        name,
        *(f"{figure:.0f}" for figure in lateness(runs, name)),
        f"{median(runs, name, 'cpu') * 1e6:.0f}",
        f"{median(runs, name, 'peak'):.0f}",
        f"{median(runs, name, 'descriptors'):.0f}",
        f"{min(outcome.right for outcome in runs[name])}",
    ]
