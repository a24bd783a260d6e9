"""Measures what goes wrong with requests in executors, in four event loops: tables for the docs.

Run from the root of a checkout, with the extra ``testing`` and the groups ``bench`` and ``loops``
installed; ``--write`` writes the tables into ``docs/explanation/executors.rst``::

    python -m benchmarks.executors [exceptions] [holes] [names] [leaving] [wakeups] [--write]

It needs Linux; ``names`` needs root. All peers are on this machine's loopback.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.executors import exceptions, wakeups
from benchmarks.executors.loops import LOOPS, title
from benchmarks.executors.names import SETTING, alone
from benchmarks.executors.page import table, write
from benchmarks.executors.processes import Ended, ended
from tryconnect import testing as peers

Rows = list[list[str]]


# --- exceptions

_LIMIT: Final = 30.0
"""Seconds for one case. It has its own time limit; a process that exceeds this one is frozen."""


def of_exceptions() -> Rows:
    """Return a row for each exception, awaited or not: what happens to it in each loop."""
    ended("exceptions", "stock", "OSError", "awaited", limit=120)  # compiles what is imported
    cases = [(case, "awaited") for case in exceptions.CASES] + [("OSError", "forgotten")]
    with ThreadPoolExecutor(2) as pool:
        ends = {
            (case, way, loop): pool.submit(ended, "exceptions", loop, case, way, limit=_LIMIT)
            for case, way in cases
            for loop in LOOPS
        }
    rows = [
        [
            case if way == "awaited" else f"{case} that nobody awaits",
            *(_OUTCOMES[way](ends[case, way, loop].result()) for loop in LOOPS),
        ]
        for case, way in cases
    ]
    return [[f"Python {sys.version.split()[0]}", *map(title, LOOPS)], *rows]


def _of_awaited(end: Ended) -> str:
    if end.code is None:
        return "**process frozen**"
    outcome = end.said.get("outcome")
    aborted = "**process aborted**" if end.code < 0 or end.code == _ABORTED else ""
    return ", then ".join(filter(None, [outcome, aborted])) or f"exit code {end.code}"


def _of_forgotten(end: Ended) -> str:
    return "reported" if "OSError" in end.words else "**silence**"


_OUTCOMES: Final = {"awaited": _of_awaited, "forgotten": _of_forgotten}

_ABORTED: Final = 134
"""A shell's exit code for SIGABRT: 128 + 6."""


# --- black holes and hung names


REQUESTS, AIOHTTP, TRYCONNECT = "requests in the executor", "aiohttp", "tryconnect"
THREADED = "aiohttp, ThreadedResolver"


class Asked(NamedTuple):
    """One way of asking, in one loop."""

    loop: str
    way: str

    @property
    def is_slow(self) -> bool:
        """Whether it is so slow that it runs only once."""
        return self.way in {REQUESTS, THREADED}


_HOLES: Final = [
    *(Asked(loop, REQUESTS) for loop in ("stock", "qasync", "QtAsyncio")),
    *(Asked(loop, AIOHTTP) for loop in ("stock", "qasync", "QtAsyncio")),
    *(Asked(loop, TRYCONNECT) for loop in LOOPS),
]
COUNT, TIMEOUT = 100, 2.0
ROUNDS: Final = 3


def of_holes() -> Rows:
    """Return a row for each way of asking: a hundred addresses that never answer."""
    head = ["the hole", "asked by", "loop", "total", "threads, most", "an innocent job waited"]
    with peers.in_thread(peers.silent()) as silent, peers.in_thread(peers.full_backlog()) as full:
        holes = {"accepts": silent.url, "accepts nothing": full.url}
        return [head, *(row for hole, url in holes.items() for row in _hole(hole, url))]


def _hole(hole: str, url: str) -> Iterator[list[str]]:
    urls = [f"{url}{number}" for number in range(COUNT)]

    def run(asked: Asked) -> Ended:
        return ended("holes", *asked, str(TIMEOUT), *urls, limit=120)

    for asked, ends in zip(_HOLES, _rounds(_HOLES, run), strict=True):
        yield [hole, asked.way, asked.loop, *_figures(ends)]


def _rounds(ways: Sequence[Asked], run: Callable[[Asked], Ended]) -> Iterator[Sequence[Ended]]:
    """Run each way: the slow ones, which only wait, once and concurrently; others in turns."""
    slow = [asked for asked in ways if asked.is_slow]
    with ThreadPoolExecutor(max(len(slow), 1)) as pool:
        once = iter(list(pool.map(run, slow)))
    for asked in ways:
        yield [next(once)] if asked.is_slow else [run(asked) for _ in range(ROUNDS)]


def _figures(ends: Sequence[Ended]) -> list[str]:
    if ends[0].said.get("impossible"):
        return ["NotImplementedError", "", ""]
    total, threads, waited = (_median(ends, key) for key in ("total", "threads", "waited"))
    return [f"{total:.2f} s", f"{threads:.0f}", f"{waited:.2f} s"]


def _median(ends: Sequence[Ended], key: str) -> float:
    return float(statistics.median(end.said[key] for end in ends))


_NAMES: Final = {
    1: [Asked("stock", REQUESTS)],
    12: [
        Asked("stock", REQUESTS),
        *(Asked(loop, THREADED) for loop in LOOPS if loop != "QtAsyncio"),
    ],
    100: [Asked("stock", AIOHTTP), *(Asked(loop, TRYCONNECT) for loop in LOOPS)],
}
"""By the number of names."""


def of_names() -> Rows:
    """Return a row for each way of asking: names whose name server never answers."""
    head = ["names", "asked by", "loop", "answered", "loop closed", "an innocent job waited"]
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as setting:
        setting.write(SETTING)
        setting.flush()
        by = alone(Path(setting.name))
        return [head, *(row for count in _NAMES for row in _names(count, by))]


def _names(count: int, by: tuple[str, ...]) -> Iterator[list[str]]:
    def run(asked: Asked) -> Ended:
        return ended("names", *asked, str(TIMEOUT), str(count), limit=120, before=by)

    for asked, ends in zip(_NAMES[count], _rounds(_NAMES[count], run), strict=True):
        figures = (_median(ends, key) for key in ("total", "closed", "waited"))
        yield [str(count), asked.way, asked.loop, *(f"{figure:.1f} s" for figure in figures)]


# --- leaving

_LEAVING: Final = [
    *((Asked(loop, REQUESTS), 8.0) for loop in LOOPS),
    *((Asked(loop, REQUESTS), 1000.0) for loop in LOOPS),
    *((Asked(loop, AIOHTTP), 1000.0) for loop in ("stock", "qasync")),
    *((Asked(loop, TRYCONNECT), 1000.0) for loop in LOOPS),
]
_NEVER: Final = 20.0


def of_leaving() -> Rows:
    """Return a row for each way of asking: giving up after a second, and what continues."""
    head = ["asked by", "its timeout", "loop", "the caller was free", "the process ended"]
    with peers.in_thread(peers.silent()) as silent:

        def run(row: tuple[Asked, float]) -> Ended:
            return ended("leaving", *row[0], str(row[1]), silent.url, limit=_NEVER)

        with ThreadPoolExecutor(4) as pool:
            ends = list(pool.map(run, _LEAVING))
    rows = [
        [
            asked.way,
            f"{timeout:g} s",
            asked.loop,
            f"{end.said['freed']:.1f} s",
            f"**not within {_NEVER:g} s**" if end.code is None else f"{end.seconds:.1f} s",
        ]
        for (asked, timeout), end in zip(_LEAVING, ends, strict=True)
    ]
    return [head, *rows]


# --- all


def of_wakeups() -> Rows:
    """Return a row for each loop, idle and busy: when an exception in the executor arrives."""
    head = ["the loop", "meanwhile", "the exception arrived after", "the doctor says"]
    return [head, *wakeups.rows()]


TABLES: Final[dict[str, Callable[[], Rows]]] = {
    "exceptions": of_exceptions,
    "holes": of_holes,
    "names": of_names,
    "leaving": of_leaving,
    "wakeups": of_wakeups,
}


def main() -> None:
    """Print the tables, or write them into the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("tables", nargs="*", default=[*TABLES], metavar="TABLE")
    parser.add_argument("--write", action="store_true", help="write the tables into the page")
    options = parser.parse_args()
    for name in options.tables:
        text = table(TABLES[name]())
        if options.write:
            write(_marked(name), text)
        else:
            print(text)


def _marked(name: str) -> str:
    """Return a table's name on the page: exceptions have one for each Python version."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"{name} in Python {version}" if name == "exceptions" else name


if __name__ == "__main__":
    main()
