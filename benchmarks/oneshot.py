"""Measures one check in its own process, from start to exit, as in a script or a cron job."""

from __future__ import annotations

import importlib.util
import shutil
import statistics
import sys
import time
from typing import NamedTuple

from benchmarks import servers
from benchmarks.peers import BESIDE, PEERS, environment_beside
from benchmarks.rounds import MANY, clean_environment
from benchmarks.servers import pinned
from benchmarks.table import Claim, Table
from benchmarks.usage import spent

__all__ = ["oneshot"]

AIOHTTP = """\
import asyncio, sys, aiohttp
async def main():
    async with aiohttp.ClientSession() as session, session.get(sys.argv[1]) as response:
        return response.status
print(asyncio.run(main()))
"""

TRYCONNECT = """\
import asyncio, sys, tryconnect
print(asyncio.run(tryconnect.try_connect(sys.argv[1])))
"""

REQUESTS = "import sys, requests; print(requests.get(sys.argv[1]).status_code)"
HTTPX = "import sys, httpx; print(httpx.get(sys.argv[1]).status_code)"

OURS = "tryconnect ADDRESS"
THEIRS = "a script with aiohttp"


class Program(NamedTuple):
    """A program that checks an address; its URL is the last argument."""

    command: list[str]
    library: str | None = None
    peer: str = ""


def script(text: str, library: str | None = None) -> Program:
    """Return a program of a few lines of Python."""
    return Program([sys.executable, "-c", text], library)


PROGRAMS = {
    "curl --head": Program(["curl", "--silent", "--head"]),
    "Python that does nothing": script("pass"),
    OURS: Program([sys.executable, "-m", "tryconnect"]),
    "a script with try_connect": script(TRYCONNECT),
    THEIRS: script(AIOHTTP, "aiohttp"),
    "a script with requests": script(REQUESTS, "requests"),
    "a script with httpx": script(HTTPX, "httpx"),
}


def oneshot(*, quick: bool) -> Table:
    """CPU time and duration of each program."""
    present = {name: program for name, program in PROGRAMS.items() if runs_here(program)}
    if BESIDE in PEERS:
        present[f"{OURS} ({BESIDE})"] = PROGRAMS[OURS]._replace(peer=BESIDE)
    cpu: dict[str, list[float]] = {name: [] for name in present}
    wall: dict[str, list[float]] = {name: [] for name in present}
    with servers.pages() as site:
        url = f"http://127.0.0.1:{site.ports[0]}/1k"
        for _ in range(1 if quick else MANY + 1):
            for name, (command, _library, peer) in present.items():
                environment = clean_environment() | environment_beside(peer)
                began = time.perf_counter()
                cpu[name].append(spent(pinned([*command, url], last=False), environment))
                wall[name].append(time.perf_counter() - began)
    drop = 0 if quick else 1  # the first round also compiled
    medians = {name: statistics.median(figures[drop:]) for name, figures in cpu.items()}
    rows = [
        [
            name,
            f"{figure * 1e3:.0f}",
            f"{medians[OURS] / figure:.2f}",
            f"{statistics.median(wall[name][drop:]) * 1e3:.0f}",
        ]
        for name, figure in medians.items()
    ]
    claimed = [
        Claim(f"CPU, times that of {other}", medians[OURS] / medians[other], most)
        for other, most in ((THEIRS, 0.5), ("a script with requests", 0.9))
        if other in medians
    ]
    libraries = sorted({program.library for program in present.values() if program.library})
    return Table(("program", "CPU, ms", "ours ÷ its", "takes, ms"), rows, claimed, libraries)


def runs_here(program: Program) -> bool:
    """Return whether a program and its library are installed."""
    found = program.library is None or importlib.util.find_spec(program.library) is not None
    return found and shutil.which(program.command[0]) is not None
