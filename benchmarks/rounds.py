"""Runs in turns: A B C, A B C, …, each in a process of its own, and what can be said of them.

A busy machine makes everything slower for a while.  What takes turns is slowed alike, so figures
are compared as ratios of medians from one series of rounds.
"""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.peers import PEERS
from benchmarks.servers import pinned
from benchmarks.usage import descriptors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.work import Work

__all__ = [
    "ROOT",
    "Outcome",
    "Runs",
    "Task",
    "clean_environment",
    "compare",
    "median",
    "ratio",
    "run",
]

ROOT = Path(__file__).parent.parent

MANY = 25
"""Rounds for a ratio near 1: one round's noise is 8 %."""

FEW = 3
"""Rounds for the others, on which no verdict hangs."""

NEAR = 1.3

PAUSE = 0.02
"""Seconds between two looks at how many descriptors a process has open; longer where a look takes
longer, so that looking is no load."""

CALM = 50
"""The pause is so many times as long as the look before it, at least."""

LONGEST = 600
"""Seconds after which a run is given up."""


UNWANTED = (
    "CURL_CA_BUNDLE",
    "PYTHONASYNCIODEBUG",
    "PYTHONDEVMODE",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
    "PYTHONWARNINGS",
)


class Task(NamedTuple):
    """A client, by its name among the peers, and what it does."""

    peer: str
    work: Work


class Outcome(NamedTuple):
    """What one run cost."""

    cpu: float
    """Seconds of processor time, user and system, for each check."""
    wall: float
    """Seconds that passed for each check."""
    right: int
    """How many answers were right."""
    answers: int
    """How many there were."""
    peak: float
    """The most memory that the process had, in MiB."""
    late: list[float]
    """Where hosts are silent: seconds after the deadline; median, 99th percentile, most."""
    descriptors: int
    """The most that the process was seen to have open."""


Runs = dict[str, list[Outcome]]
"""By the row's name, one for each round that it took part in."""


def compare(tasks: Mapping[str, Task], *, quick: bool, rounds: int = MANY) -> Runs:
    """Let clients work in turns.

    All are compared with the first.  Those that are far from it leave after a few rounds.

    Args:
        tasks: what each row of a table does.
        quick: one round is enough, to see that all works.
        rounds: else so many.
    """
    first, *_ = names = list(tasks)
    runs: Runs = {name: [] for name in names}
    for number in range(1 if quick else rounds):
        for name in names:
            peer, work = tasks[name]
            start = number * work.count if work.spread else 0  # hosts of its own for each round
            runs[name].append(run(Task(peer, dataclasses.replace(work, first=start))))
        if number + 1 == FEW:
            names = [name for name in names if 1 / NEAR < ratio(runs, first, name) < NEAR]
    return runs


def ratio(runs: Runs, one: str, other: str, figure: str = "cpu") -> float:
    """Return how many times the other's figure the one's is: medians of the rounds of both."""
    both = zip(runs[one], runs[other], strict=False)
    pairs = [(getattr(ours, figure), getattr(theirs, figure)) for ours, theirs in both]
    ours, theirs = (statistics.median(figures) for figures in zip(*pairs, strict=True))
    return float(ours / theirs)


def median(runs: Runs, name: str, figure: str) -> float:
    """Return the median of one figure."""
    return float(statistics.median(getattr(outcome, figure) for outcome in runs[name]))


def run(task: Task) -> Outcome:
    """Run one client in a process of its own.

    Raises:
        RuntimeError: the process failed.
    """
    asked = json.dumps({"peer": task.peer, "work": dataclasses.asdict(task.work)})
    command = [PEERS[task.peer].python or "", "-m", "benchmarks.worker", asked]
    if not task.work.silent:  # a punctual client needs whichever processor is free
        command = pinned(command, last=False)
    environment = clean_environment(task.work.ca)
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as said:
        with subprocess.Popen(  # noqa: S603 - our own words
            command, cwd=ROOT, env=environment, stdout=output, stderr=said
        ) as process:
            most = watched(process)
        output.seek(0)
        said.seek(0)
        if process.returncode:
            raise RuntimeError(f"{task.peer} ended with {process.returncode}: {said.read()}")
        outcome: dict[str, Any] = json.load(output)
        return Outcome(**outcome, descriptors=most)


def watched(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process to end, or end it; return the most descriptors that it had open."""
    most, until = 0, time.monotonic() + LONGEST
    while process.poll() is None:
        looked = time.monotonic()
        most = max(most, descriptors(process.pid))
        time.sleep(max(PAUSE, CALM * (time.monotonic() - looked)))
        if time.monotonic() > until:
            process.kill()
    return most


def clean_environment(ca: str | None = None) -> dict[str, str]:
    """Return an environment without proxies, and with the authority to trust where there is one.

    And without what makes Python slow: among it, compiling modules anew each time.
    """
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    for name in UNWANTED:
        kept.pop(name, None)
    return kept if ca is None else {**kept, "SSL_CERT_FILE": ca, "REQUESTS_CA_BUNDLE": ca}
