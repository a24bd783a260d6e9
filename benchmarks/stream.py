"""Measures ``tryconnect -f -`` with more addresses than fit comfortably in memory.

Does the same as ``yes 127.0.0.1:9 | head -200000 | tryconnect -f - --json > /dev/null``, and
measures the program's memory while it runs.
"""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.rounds import clean_environment
from benchmarks.table import Claim, Table
from benchmarks.usage import MIB, memory

__all__ = ["stream"]

ADDRESS = b"127.0.0.1:9\n"
"""Nothing listens there: it was the port of the discard service."""

PARTS = 10
"""How many times the memory is measured. Everything written by then has been read, except for the
64 KiB that a pipe holds."""


def stream(*, quick: bool) -> Table:
    """200,000 addresses from a pipe: memory over time, the exit code, and the duration."""
    count = 5_000 if quick else 200_000
    command = [sys.executable, "-m", "tryconnect", "-f", "-", "--json"]
    began, seen = time.perf_counter(), []
    with subprocess.Popen(  # noqa: S603 - our own words
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=clean_environment(),
    ) as process:
        assert process.stdin is not None  # noqa: S101 - for mypy
        for _ in range(PARTS):
            process.stdin.write(ADDRESS * (count // PARTS))
            process.stdin.flush()
            seen.append(memory(process.pid) / MIB)
        process.stdin.close()
    took = time.perf_counter() - began
    return Table(
        ("addresses read", "memory, MiB"),
        [
            [f"{count * part // PARTS:,}", f"{figure:.1f}"]
            for part, figure in enumerate(seen, start=1)
        ],
        [
            Claim("memory at the end ÷ memory at a tenth", seen[-1] / seen[0], 1.1),
            Claim("exit code other than 1", process.returncode != 1, 0),
        ],
        ["aiohttp"],
        f"All of it took {took:.0f} s: {count / took:,.0f} addresses each second.",
    )
