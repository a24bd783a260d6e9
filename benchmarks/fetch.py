"""Measures what a fetch costs the loop that runs it: pauses and memory, over a real connection.

Run from the root of a checkout::

    python -m benchmarks.fetch

This process serves each body on loopback and a fresh process fetches it, with a ticker that wakes
every millisecond. Pauses are the ticker's longest gaps minus those of the same loop when idle;
memory is the process's peak minus its start, as a multiple of ``max_bytes``. Figures are medians of
several runs.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from typing import Any, NamedTuple

from aiohttp import web

import tryconnect
from benchmarks.text import BOMB_SIZE, PROSE, filled, packers
from benchmarks.usage import peak

RUNS = 9
MAX_BYTES = 10 * 2**20
TICK = 0.001


class Body(NamedTuple):
    """A body that is served at a path."""

    data: bytes
    headers: dict[str, str]


def bodies() -> dict[str, Body]:
    """Return the bodies: a large page without a declared encoding, and bombs."""
    html = {"Content-Type": "text/html"}
    found = {"10 MiB GBK, undeclared": Body(filled(PROSE, "gbk", MAX_BYTES), html)}
    for coding, pack in packers().items():
        headers = {**html, "Content-Encoding": coding}
        found[f"200 MB bomb, {coding}"] = Body(pack(bytes(BOMB_SIZE)), headers)
    emoji = "😀".encode() * (BOMB_SIZE // 4)
    found["200 MB of emoji, gzip"] = Body(
        packers()["gzip"](emoji), {**html, "Content-Encoding": "gzip"}
    )
    return found


async def longest_gap(work: asyncio.Future[Any]) -> float:
    """Return the longest time that some work blocked the loop."""
    longest, before = 0.0, time.perf_counter()
    while not work.done():
        await asyncio.sleep(TICK)
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
    return longest - TICK


async def measure(url: str) -> dict[str, Any]:
    """Fetch a body in this process, and report the cost."""
    async with tryconnect.Client() as client:
        await client.try_connect(url)  # imports and first uses are done
        idle = await longest_gap(asyncio.ensure_future(asyncio.sleep(0.2)))
        before = peak()
        fetching = asyncio.ensure_future(outcome(client, url))
        gap = await longest_gap(fetching)
        return {
            "idle": idle,
            "gap": gap,
            "memory": (peak() - before) / MAX_BYTES,
            "outcome": fetching.result(),
        }


async def outcome(client: tryconnect.Client, url: str) -> str:
    """Return the reason of a fetch; the text is dropped at once."""
    try:
        await client.fetch_text(url, max_bytes=MAX_BYTES, timeout=60)
    except tryconnect.FetchError as error:
        return str(error.report.reason)
    return "ok"


async def compare() -> None:
    """Serve the bodies, fetch each in fresh processes, and print a row for each."""
    served = bodies()
    names = list(served)

    async def give(request: web.Request) -> web.Response:
        body = served[names[int(request.match_info["number"])]]
        return web.Response(body=body.data, headers=body.headers)

    app = web.Application()
    app.add_routes([web.get("/{number}", give)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    try:
        for number, name in enumerate(names):
            url = f"http://{host}:{port}/{number}"
            runs = [await in_a_fresh_process(url) for _ in range(RUNS)]
            print(row(name, runs), flush=True)
    finally:
        await runner.cleanup()


async def in_a_fresh_process(url: str) -> dict[str, Any]:
    """Measure one fetch in its own process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.fetch", url, stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    measured: dict[str, Any] = json.loads(output)
    return measured


def row(name: str, runs: list[dict[str, Any]]) -> str:
    """Format the medians of a body's runs."""
    idle, gap, memory = (
        statistics.median(run[figure] for run in runs) for figure in ("idle", "gap", "memory")
    )
    outcomes = "/".join(sorted({run["outcome"] for run in runs}))
    return (
        f"{name:24} {outcomes:10} pause {(gap - idle) * 1e3:5.1f} ms above {idle * 1e3:.1f} ms idle"
        f"   peak {memory:4.1f} x max_bytes"
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(asyncio.run(measure(sys.argv[1]))))
    else:
        asyncio.run(compare())
