"""One run in a process of its own: ``python -m benchmarks.worker '{"peer": …, "work": {…}}'``.

Prints what it cost, as JSON.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import resource
import sys
import time
from typing import Any

from benchmarks.peers import PEERS
from benchmarks.usage import MIB, peak
from benchmarks.work import Tally, Work

__all__: list[str] = []

WARMING = 50
"""Checks before the clock starts: imports, first uses, contexts are paid for then."""

WARMING_HOSTS = 2**22
"""Theirs are hosts that no run meets."""


def measure(peer: str, work: Work) -> dict[str, Any]:
    """Do the work once, and say what it cost."""
    allow(work.descriptors)
    run = PEERS[peer].load()
    warming = dataclasses.replace(
        work,
        count=min(work.count, WARMING),
        first=WARMING_HOSTS,
        timeout=0.2 if work.silent else work.timeout,
    )
    run(warming, Tally(warming))
    gc.collect()
    tally = Tally(work)
    began, spent = time.perf_counter(), time.process_time()
    run(work, tally)
    cpu, wall = time.process_time() - spent, time.perf_counter() - began
    return {
        "cpu": cpu / work.count,
        "wall": wall / work.count,
        "right": tally.right,
        "answers": tally.up + tally.down,
        "peak": peak() / MIB,
        "late": tally.lateness(),
    }


def allow(descriptors: int | None) -> None:
    """Let this process open so many files; all that it may, for ``None``."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors or most, most))


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(measure(asked["peer"], Work(**asked["work"]))), flush=True)
    # What a client's threads do while the interpreter ends is another matter: some crash.
    os._exit(0)
