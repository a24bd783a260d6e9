"""Soaks ``tryconnect serve`` with many targets, listeners and slow clients, and measures it::

    python -m tools.soak_serve --minutes 36 --targets 2000 --listeners 100

The server is a process of its own, so that its memory and descriptors are nothing else's; the
targets are peers of ``tryconnect.testing``, some of which are silent, reset or come and go. Twenty
clients ask for all targets and do not read the answer, twenty open connections and say nothing.
After each minute a line says what the server holds; the last line is the verdict: of what comes
after a third of the time, when each target has the sixty checks that are kept.
"""

import argparse
import asyncio
import contextlib
import json
import mmap
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp

from tools.soak import GROWTH, say, slope
from tryconnect import testing as peers

EVERY = 10
SLOW_CLIENTS = 20
LOOK = 15.0
"""Seconds from one measurement to the next."""

ANSWER = re.compile(r"http://127\.0\.0\.1:\d+")


class Held(NamedTuple):
    """What the server holds."""

    memory: float
    """Resident MiB."""
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> "Held":
        """Measure a process, on Linux."""
        folder = Path("/proc", str(pid))
        pages = int((folder / "statm").read_text("ascii").split()[1])
        descriptors, threads = (
            sum(1 for _ in (folder / what).iterdir()) for what in ("fd", "task")
        )
        return cls(pages * mmap.PAGESIZE / 2**20, descriptors, threads)

    def __str__(self) -> str:
        return f"{self.memory:.1f} MiB, {self.descriptors} descriptors, {self.threads} threads"


def targets_file(urls: list[str], count: int, folder: Path) -> Path:
    """Write the targets, which are shared out evenly among the URLs."""
    file = folder / "targets.toml"
    tables = (
        f'[[target]]\nname = "target {number}"\naddress = "{urls[number % len(urls)]}"\n'
        f"every = {EVERY}\ntimeout = 2\n"
        for number in range(count)
    )
    file.write_text("\n".join(tables), "utf-8")
    return file


@asynccontextmanager
async def watched() -> AsyncIterator[list[str]]:
    """Open the peers: out of twenty targets one is silent, one resets and one is closed."""
    async with (
        peers.http_server() as http,
        peers.silent() as silent,
        peers.reset("request") as reset,
        peers.closed_port() as closed,
    ):
        yield [*[http.url] * 17, silent.url, reset.url, closed.url]


@asynccontextmanager
async def serving(file: Path) -> AsyncIterator[tuple[int, str]]:
    """Run the server; yield its process and its URL."""
    command = [sys.executable, "-m", "tryconnect", "serve", "--port", "0", "--targets", str(file)]
    server = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert server.stdout is not None
    try:
        url = None
        while url is None:
            line = (await server.stdout.readline()).decode()
            assert line, "the server has ended"
            url = match[0] if (match := ANSWER.search(line)) else None
        draining = asyncio.create_task(server.stdout.read())  # the log of all changes
        yield server.pid, url
        draining.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.terminate()
        await server.wait()


async def listen(session: aiohttp.ClientSession, url: str, counts: Counter[str]) -> None:
    """Read events, and connect again when they end."""
    while True:
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get(f"{url}/api/events") as response:
                counts[f"events: {response.status}"] += 1
                async for data in response.content.iter_any():  # a line may be megabytes long
                    counts["event"] += data.count(b"event: ")
        await asyncio.sleep(1)


async def hold(url: str, request: bytes, counts: Counter[str]) -> None:
    """Send something, and read nothing until the server hangs up."""
    host, _, port = url.removeprefix("http://").partition(":")
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(host, int(port), limit=1)
            writer.write(request)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(60)
            counts["held for a minute"] += not reader.at_eof()
            writer.transport.abort()
        await asyncio.sleep(1)


async def ask(session: aiohttp.ClientSession, url: str, counts: Counter[str]) -> None:
    """Read everything there is, again and again."""
    while True:
        for path in ("/metrics", "/healthz", "/api/targets", "/api/check?address=127.0.0.1:1"):
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                begun = time.perf_counter()
                async with session.get(f"{url}{path}") as response:
                    await response.read()
                counts[f"{path.partition('?')[0]}: {response.status}"] += 1
                counts["slower than 1 s"] += time.perf_counter() - begun > 1
            await asyncio.sleep(1)


async def soak(*, minutes: float, targets: int, listeners: int) -> bool:
    """Run it all; return whether the server stayed flat."""
    counts: Counter[str] = Counter()
    found: list[Held] = []
    silent = b"GET /api/targets HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with tempfile.TemporaryDirectory() as folder:
        async with (
            watched() as urls,
            serving(targets_file(urls, targets, Path(folder))) as (pid, url),
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None)
            ) as session,
        ):
            jobs = [listen(session, url, counts) for _ in range(listeners)]
            jobs += [
                hold(url, request, counts)
                for request in (silent, b"GET /")
                for _ in range(SLOW_CLIENTS)
            ]
            jobs.append(ask(session, url, counts))
            tasks = [asyncio.create_task(job) for job in jobs]
            end = time.monotonic() + minutes * 60
            while time.monotonic() < end:
                await asyncio.sleep(LOOK)
                found.append(Held.of(pid))
                if len(found) % 4 == 0:
                    say(f"{len(found) * LOOK / 60:.0f} min: {found[-1]}; {dict(counts)}")
            async with session.get(f"{url}/metrics") as response:
                lines = (await response.text()).splitlines()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
    shown = ("tryconnect_watch", "tryconnect_late", "tryconnect_checks_total")
    say("\n".join(line for line in lines if line.startswith(shown) and not line.endswith(" 0.0")))
    say(json.dumps(counts))
    return verdict(found[len(found) // 3 :])


def verdict(found: list[Held]) -> bool:
    """Print whether the server stayed flat."""
    growth = slope([held.memory for held in found], LOOK / 60)
    half = len(found) // 2
    usual = [
        statistics.median(held.descriptors for held in part)
        for part in (found[:half], found[half:])
    ]
    flat = growth <= GROWTH and usual[1] <= 1.02 * usual[0]  # some are of checks that are running
    say(
        f"{'flat' if flat else 'NOT FLAT'}: {found[0]} after a third; {found[-1]} at the end; "
        f"{growth:+.2f} MiB an hour; descriptors in either half {usual}"
    )
    return flat


def main() -> None:
    """Parse the command line."""
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=36)
    parser.add_argument("--targets", type=int, default=2000)
    parser.add_argument("--listeners", type=int, default=100)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    sys.exit(not asyncio.run(soak(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
