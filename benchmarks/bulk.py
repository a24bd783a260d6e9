"""Thousands of hosts that answer: over plain HTTP, with large bodies, over TLS, and one host."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeAlias

from benchmarks import servers
from benchmarks.peers import AIOHTTP, BY_AIOHTTP, FLOOR, OTHER_PYTHONS, OURS, PEERS, installed
from benchmarks.rounds import FEW, Runs, Task, compare, median, ratio, run
from benchmarks.table import Claim, Table
from benchmarks.work import Work

Held: TypeAlias = dict[str, list[float]]
"""By client: seconds of its callbacks, the 99.9th percentile and the most."""

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["chain", "large", "plain", "same", "secure", "table_of"]

ALL = (
    OURS,
    BY_AIOHTTP,
    AIOHTTP,
    "aiohttp",
    "requests, default executor",
    "requests, sessions in a pool",
    "httpx",
    "httpx, headers only",
    "niquests",
    "pyreqwest (Rust)",
    "pycurl, multi",
    FLOOR,
    "tryconnect, uvloop",
    "aiohttp, tuned, uvloop",
)

TIMED = (OURS, BY_AIOHTTP, AIOHTTP, "aiohttp", FLOOR)
"""The clients in asyncio's own loop, whose callbacks can be timed."""

QUICK = 30
"""Checks of a ``--quick`` run."""


def plain(*, quick: bool) -> Table:
    """2,000 hosts, 1 KiB each."""
    with servers.pages() as site:
        work = Work(count=QUICK if quick else 2_000, ports=site.ports)
        tasks = doing(work, (*ALL, *(() if quick else OTHER_PYTHONS)))
        runs = compare(tasks, quick=quick)
        held = held_times(work)
    return table_of(
        runs,
        [
            *held_claims(held, 5),
            *claims(runs, AIOHTTP, 0.32),
            *claims(runs, FLOOR, 0.65),
            *claims(runs, "pycurl, multi", 1.25),
            *claims(runs, "requests, default executor", 0.15),
            *claims(runs, "httpx", 0.12),
        ],
        held=held,
    )


def large(*, quick: bool) -> Table:
    """1,000 hosts, 1 MiB each, and tryconnect's figure for 1 KiB."""
    with servers.pages() as site:
        work = Work(count=QUICK if quick else 1_000, ports=site.ports, path="/1m")
        small = Work(count=work.count, ports=site.ports)
        tasks = {**doing(work, ALL), f"{OURS}, 1 KiB": Task(OURS, small)}
        runs = compare(tasks, quick=quick)
    return table_of(
        runs,
        [
            *claims(runs, f"{OURS}, 1 KiB", 1.1),
            *claims(runs, "requests, default executor", 0.1),
        ],
    )


def secure(*, quick: bool) -> Table:
    """1,000 hosts, 1 KiB each, over TLS."""
    count = QUICK if quick else 1_000
    with servers.secure_pages(count) as site:
        work = Work(count=count, ports=site.ports, scheme="https", ca=site.ca)
        runs = compare(doing(work, ALL), quick=quick)
        held = held_times(work)
    return table_of(
        runs,
        [
            *held_claims(held, 10),
            *claims(runs, AIOHTTP, 0.78),
            *claims(runs, FLOOR, 0.95),
            *claims(runs, "pycurl, multi", 1.15),
            *claims(runs, AIOHTTP, 0.7, figure="peak"),
        ],
        held=held,
    )


def chain(*, quick: bool) -> Table:
    """The same, where an intermediate authority has signed the certificates."""
    count = QUICK if quick else 1_000
    asked = (OURS, AIOHTTP, "pyreqwest (Rust)", "pycurl, multi", FLOOR)
    with servers.secure_pages(count, intermediate=True) as site:
        work = Work(count=count, ports=site.ports, scheme="https", ca=site.ca)
        runs = compare(doing(work, asked), quick=quick, rounds=FEW)
    return table_of(runs, [], asked=asked)


def held_times(work: Work) -> Held:
    """Return the seconds that callbacks of each client hold the loop, in one more run of each."""
    timed = dataclasses.replace(work, held=True)
    return {name: run(Task(name, timed)).held for name in installed(TIMED)}


def held_claims(held: Held, most: float) -> list[Claim]:
    """Return the claims on the times of our callbacks."""
    usual, longest = (seconds * 1e3 for seconds in held[OURS])
    return [
        Claim("99.9 % of the callbacks hold the loop for", usual, most, " ms"),
        Claim("the longest callback holds it for", longest, 25, " ms"),
    ]


def same(*, quick: bool) -> Table:
    """One host, 2,000 times."""
    with servers.pages() as site:
        work = Work(count=QUICK if quick else 2_000, ports=site.ports, spread=False)
        runs = compare(doing(work, (*ALL, "tryconnect, Client.probe")), quick=quick)
    return table_of(runs, [])


def doing(work: Work, names: Iterable[str]) -> dict[str, Task]:
    """Return the rows of the installed clients, all for the same work."""
    return {name: Task(name, work) for name in installed(names)}


FIGURES = {"cpu": "CPU per check", "peak": "peak memory"}


def claims(runs: Runs, other: str, most: float, *, figure: str = "cpu") -> list[Claim]:
    """Return the claim against another client, if it took part."""
    if other not in runs:
        return []
    what = f"{FIGURES[figure]}, times that of “{other}”"
    return [Claim(what, ratio(runs, OURS, other, figure), most)]


HEAD = (
    *("client", "CPU, µs", "ours ÷ its", "checks/s", "held, ms"),
    *("peak, MiB", "files", "right", "rounds"),
)


def table_of(
    runs: Runs,
    claimed: Sequence[Claim],
    first: str = OURS,
    *,
    asked: Iterable[str] = ALL,
    held: Held | None = None,
) -> Table:
    """Return a row for each client, and the requested clients that are missing."""
    missing = [name for name in asked if PEERS[name].missing]
    present = sorted({PEERS[name].library for name in runs if name in PEERS} - {OURS, "asyncio"})
    return Table(
        HEAD,
        [row(runs, name, first, held or {}) for name in runs],
        claimed,
        present,
        f"Not installed, and left out: {'; '.join(missing)}." * bool(missing),
    )


def row(runs: Runs, name: str, first: str, held: Held) -> list[str]:
    """Format the medians of a client's runs, its longest callback, and the fewest right answers."""
    worst = min(runs[name], key=lambda outcome: outcome.right)
    return [
        name,
        f"{median(runs, name, 'cpu') * 1e6:.0f}",
        f"{ratio(runs, first, name):.2f}",
        f"{1 / median(runs, name, 'wall'):.0f}",
        f"{held[name][-1] * 1e3:.1f}" if name in held else "–",  # noqa: RUF001 - a dash
        f"{median(runs, name, 'peak'):.0f}",
        f"{median(runs, name, 'descriptors'):.0f}",
        f"{worst.right} of {worst.answers}",
        f"{len(runs[name])}",
    ]
