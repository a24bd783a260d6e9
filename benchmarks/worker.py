"""Runs one client in its own process: ``python -m benchmarks.worker '{"peer": …, "work": {…}}'``.

Prints the cost as JSON.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import os
import resource
import sys
import time
from typing import Any

from benchmarks.peers import BESIDE, OURS, PEERS
from benchmarks.usage import MIB, peak
from benchmarks.work import Tally, Work

__all__: list[str] = []

WARMING = 50
"""Checks before the clock starts, so that imports, first uses and TLS contexts are done."""

WARMING_HOSTS = 2**22
"""Their hosts, which no run uses."""


def measure(peer: str, work: Work) -> dict[str, Any]:
    """Do the work once, and report the cost."""
    allow(work.descriptors)
    run = PEERS[OURS if peer == BESIDE else peer].load()
    warming = dataclasses.replace(
        work,
        count=min(work.count, WARMING),
        first=WARMING_HOSTS,
        timeout=0.2 if work.silent else work.timeout,
    )
    run(warming, Tally(warming))
    gc.collect()
    tally = Tally(work)
    held = held_times() if work.held else []
    began, spent = time.perf_counter(), time.process_time()
    run(work, tally)
    cpu, wall = time.process_time() - spent, time.perf_counter() - began
    held.sort()
    return {
        "cpu": cpu / work.count,
        "wall": wall / work.count,
        "right": tally.right,
        "answers": tally.up + tally.down,
        "peak": peak() / MIB,
        "late": tally.lateness(),
        "held": [held[-max(len(held) // 1000, 1)], held[-1]] if held else [],
    }


def held_times() -> list[float]:
    """Time each callback of asyncio's loops from now on; return where the seconds are written.

    Seconds of this thread's own processor time: other processes do not count.
    """
    times: list[float] = []
    handles: Any = asyncio.Handle
    run = handles._run  # noqa: SLF001 - there is no other place that all callbacks go by

    def timed(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        try:
            run(handle)
        finally:
            times.append(time.thread_time() - began)

    handles._run = timed  # noqa: SLF001 - as above
    return times


def allow(descriptors: int | None) -> None:
    """Let this process open at most ``descriptors`` files; ``None`` for as many as permitted."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors or most, most))


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(measure(asked["peer"], Work(**asked["work"]))), flush=True)
    # Skip the interpreter's shutdown, in which some clients' threads crash.
    os._exit(0)
