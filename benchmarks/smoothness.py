"""Measures how smooth a window stays while requests, aiohttp or tryconnect check 200 addresses.

Run from the root of a checkout with the groups ``bench`` and ``loops``, on Linux; ``--write``
writes the table into ``docs/howto/event-loops.rst``::

    python -m benchmarks.smoothness [--write] [--runs 9]

The window is a real Qt window, drawn offscreen under qasync at each tick of a 60 Hz timer. Of the
addresses, 60 answer at once, 60 after 0.2 s, 40 refuse and 40 have untrusted certificates; their
servers run in another process. A gap is the time between two ticks, which should be 16.7 ms. Each
way of checking has a fresh process and a few warm-up checks; the ways take turns, and the figures
are medians over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import aiohttp
from aiohttp import web

import tryconnect
from tryconnect import testing

PAGE = Path(__file__).parent.parent / "docs" / "howto" / "event-loops.rst"
BEGIN, END = ".. table begins: written by benchmarks/smoothness.py", ".. table ends"

ROUNDS = 9
FRAME = 1 / 60
SLOW = 0.2
TIMEOUT = 10.0
MIX = {"ok": 60, "slow": 60, "refused": 40, "untrusted": 40}

Checker = Callable[[Sequence[str]], Awaitable[int]]
"""Checks addresses, and returns how many answer."""


# --- the ways


def by_requests(address: str) -> bool:
    """Check in the usual idiom."""
    try:
        with importlib.import_module("requests").get(address, timeout=TIMEOUT):
            return True
    except Exception:  # noqa: BLE001 - the idiom
        return False


async def in_the_executor(addresses: Sequence[str]) -> int:
    """Run requests in the loop's default executor."""
    loop = asyncio.get_running_loop()
    jobs = (loop.run_in_executor(None, by_requests, address) for address in addresses)
    return sum(await asyncio.gather(*jobs))


async def by_aiohttp(addresses: Sequence[str]) -> int:
    """Run aiohttp for all at once, over one session."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def answers(address: str) -> bool:
            try:
                async with session.get(address):
                    return True
            except (aiohttp.ClientError, OSError, TimeoutError):
                return False

        return sum(await asyncio.gather(*map(answers, addresses)))


async def natively(addresses: Sequence[str]) -> int:
    """Check in the window's own thread, a few at a time."""
    async with tryconnect.probe_many(addresses, limit=20) as probes:
        return sum([report.ok async for report in probes])


async def in_the_portal(addresses: Sequence[str]) -> int:
    """Check in the portal's thread."""
    client = tryconnect.Client(loop="portal")
    async with client.probe_many(addresses) as probes:
        return sum([report.ok async for report in probes])


async def not_at_all(_: Sequence[str]) -> int:
    """Check nothing for a while."""
    await asyncio.sleep(1)
    return MIX["ok"] + MIX["slow"]


WAYS: dict[str, tuple[str, Checker]] = {
    "idle": ("nothing to do", not_at_all),
    "requests": ("requests, default executor", in_the_executor),
    "aiohttp": ("aiohttp, all at once", by_aiohttp),
    "native": ("tryconnect, ``probe_many(limit=20)``", natively),
    "portal": ('tryconnect, ``Client(loop="portal")``', in_the_portal),
}


# --- one process: the window, and one way


class Measured(NamedTuple):
    """The figures of one run, in seconds."""

    total: float
    median: float
    p99: float
    longest: float


def measure(way: str, addresses: Sequence[str]) -> Measured:
    """Check all addresses beside a window in this process."""
    widgets = importlib.import_module("PySide6.QtWidgets")
    core = importlib.import_module("PySide6.QtCore")
    app = widgets.QApplication([])
    loop = importlib.import_module("qasync").QEventLoop(app)
    label = widgets.QLabel()
    label.resize(320, 240)
    label.show()
    ticks: list[float] = []

    def tick() -> None:
        ticks.append(time.perf_counter())
        label.setText(str(len(ticks)))

    timer = core.QTimer(timerType=core.Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)
    timer.start(round(FRAME * 1000))

    async def work() -> Measured:
        _, check = WAYS[way]
        await check(addresses[:8])
        ticks.clear()
        await asyncio.sleep(3 * FRAME)
        started = time.perf_counter()
        answering = await check(addresses)
        total = time.perf_counter() - started
        await asyncio.sleep(3 * FRAME)
        if answering != MIX["ok"] + MIX["slow"]:
            raise ValueError(f"{way} finds {answering} of them answering")
        gaps = sorted(after - before for before, after in itertools.pairwise(ticks))
        return Measured(total, statistics.median(gaps), gaps[int(len(gaps) * 0.99)], gaps[-1])

    with loop:
        measured: Measured = loop.run_until_complete(work())
    return measured


# --- another: the servers


async def serve() -> None:
    """Serve until the end of the input, and print the addresses."""

    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(SLOW if request.path == "/slow" else 0)
        return web.Response(text="hello")

    app = web.Application()
    app.add_routes([web.get("/ok", answer), web.get("/slow", answer)])
    async with AsyncExitStack() as stack:
        untrusted = await stack.enter_async_context(testing.tls_server("expired"))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=512).start()
        host, port = runner.addresses[0]
        urls = {
            "ok": f"http://{host}:{port}/ok",
            "slow": f"http://{host}:{port}/slow",
            "refused": "http://127.0.0.1:1/",
            "untrusted": untrusted.url,
        }
        print(json.dumps(urls), flush=True)
        await asyncio.to_thread(sys.stdin.read)


# --- and the one that compares


def compare(rounds: int) -> dict[str, list[Measured]]:
    """Measure each way once per round."""
    command = [sys.executable, "-m", "benchmarks.smoothness"]
    with subprocess.Popen(  # noqa: S603 - ourselves
        [*command, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None  # noqa: S101 - for the type checker
        urls = json.loads(server.stdout.readline())
        addresses = [urls[kind] for kind, count in MIX.items() for _ in range(count)]
        random.Random(60).shuffle(addresses)  # noqa: S311 - no secret
        runs: dict[str, list[Measured]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way, measured in runs.items():
                done = subprocess.run(  # noqa: S603 - ourselves
                    [*command, "--measure", way],
                    input=json.dumps(addresses),
                    capture_output=True,
                    text=True,
                    check=True,
                    env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_API": "pyside6"},
                )
                measured.append(Measured(*json.loads(done.stdout)))
        server.communicate()
    return runs


def table(runs: dict[str, list[Measured]]) -> str:
    """Format the medians and their ratios as reStructuredText."""
    middle = {
        way: Measured(*(statistics.median(figures) for figures in zip(*measured, strict=True)))
        for way, measured in runs.items()
    }
    slowest, roughest = middle["requests"].total, middle["aiohttp"].longest
    rows = [
        (
            WAYS[way][0],
            f"{each.total:.2f} s" if way != "idle" else "",
            f"{each.total / slowest:.2f}" if way != "idle" else "",
            *(f"{gap * 1e3:.1f} ms" for gap in each[1:]),
            f"{each.longest / roughest:.2f}",
        )
        for way, each in middle.items()
    ]
    heads = ("way", "total", "of requests", "gap p50", "gap p99", "gap max", "of aiohttp's")
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (heads, *rows)
    )
    head, *body = lines
    return "\n".join([rule, head, rule, *body, rule])


def main() -> None:
    """Print the table, and write it into its page if requested."""
    parser = argparse.ArgumentParser("python -m benchmarks.smoothness")
    parser.add_argument("--write", action="store_true", help="write the table into its page")
    parser.add_argument("--runs", type=int, default=ROUNDS, help="rounds (%(default)s)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
    elif options.measure:
        print(json.dumps(measure(options.measure, json.loads(sys.stdin.read()))))
    else:
        text = table(compare(options.runs))
        print(text)
        if options.write:
            before, rest = PAGE.read_text("utf-8").split(BEGIN)
            PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}", "utf-8")


if __name__ == "__main__":
    main()
