"""Counts the instructions of one check with callgrind: figures without noise.

A run of 260 checks minus one of 60 leaves 200 checks, without startup and imports. The kernel's
instructions are not counted.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import sys

from benchmarks import servers
from benchmarks.peers import AIOHTTP, FLOOR, OURS, environment_beside, installed
from benchmarks.rounds import ROOT, Task, clean_environment, run
from benchmarks.table import Claim, Table
from benchmarks.work import Work

__all__ = ["instructions"]

MOST, LEAST = 260, 60


def instructions(*, quick: bool) -> Table:
    """Return each client's instructions for one check of 1 KiB.

    Raises:
        FileNotFoundError: Valgrind is not installed.
    """
    if shutil.which("valgrind") is None:
        raise FileNotFoundError("valgrind is not installed")
    with servers.pages() as site:
        work = Work(count=0, ports=site.ports, at_once=20, timeout=60)
        names = installed((OURS, FLOOR) if quick else (OURS, AIOHTTP, "aiohttp", FLOOR))
        for name in names:  # so that no module is compiled while instructions are counted
            run(Task(name, dataclasses.replace(work, count=LEAST)))
        figures = {name: for_one_check(Task(name, work)) for name in names}
    ours = figures[OURS]
    claimed = [
        Claim(f"instructions, times those of “{AIOHTTP}”", ours / figures[name], 0.25)
        for name in names
        if name == AIOHTTP
    ]
    rows = [[name, f"{count:,.0f}", f"{ours / count:.2f}"] for name, count in figures.items()]
    return Table(("client", "instructions per check", "ours ÷ its"), rows, claimed, ["aiohttp"])


def for_one_check(task: Task) -> float:
    """Return the instructions of one additional check."""
    peer, work = task
    counts = [
        counted(Task(peer, dataclasses.replace(work, count=count))) for count in (MOST, LEAST)
    ]
    return (counts[0] - counts[1]) / (MOST - LEAST)


def counted(task: Task) -> int:
    """Return the instructions of a whole process.

    Raises:
        RuntimeError: The process failed, or not all of its answers are right.
    """
    asked = json.dumps({"peer": task.peer, "work": dataclasses.asdict(task.work)})
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(  # noqa: S603 - our own words
        [*command, sys.executable, "-m", "benchmarks.worker", asked],
        cwd=ROOT,
        env=clean_environment() | environment_beside(task.peer) | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or found is None or json.loads(done.stdout)["right"] != task.work.count:
        raise RuntimeError(f"{task.peer} failed under callgrind: {done.stdout} {done.stderr}")
    return int(found[1])
