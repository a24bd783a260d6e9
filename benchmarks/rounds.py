"""Runs clients in turns, A B C, A B C, …, each in its own process, and compares them.

A busy machine slows everything down for a while. Interleaved runs are slowed equally, so figures
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

from benchmarks.peers import PEERS, environment_beside
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
"""Rounds for the others, on which no verdict depends."""

NEAR = 1.5

PAUSE = 0.02
"""Seconds between two counts of a process's open descriptors; longer if a count takes longer, so
that counting adds no load."""

CALM = 50
"""The pause is at least this many times as long as the preceding count."""

LONGEST = 600
"""Seconds after which a run is killed."""


UNWANTED = (
    "CURL_CA_BUNDLE",
    "PYTHONASYNCIODEBUG",
    "PYTHONDEVMODE",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
    "PYTHONWARNINGS",
)


class Task(NamedTuple):
    """A client, by its name among the peers, and its work."""

    peer: str
    work: Work


class Outcome(NamedTuple):
    """The cost of one run."""

    cpu: float
    """Seconds of CPU time, user and system, for each check."""
    wall: float
    """Seconds of wall time for each check."""
    right: int
    """How many answers were right."""
    answers: int
    """How many there were."""
    peak: float
    """Peak memory of the process, in MiB."""
    late: list[float]
    """For silent hosts: seconds after the deadline; median, 99th percentile, most."""
    held: list[float]
    """Seconds of a callback, where they were timed: the 99.9th percentile, most."""
    descriptors: int
    """The most that the process was observed to have open."""


Runs = dict[str, list[Outcome]]
"""By the row's name, one for each round that it took part in."""


def compare(tasks: Mapping[str, Task], *, quick: bool, rounds: int = MANY) -> Runs:
    """Run clients in turns.

    All are compared with the first. Those far from it drop out after a few rounds.

    Args:
        tasks: What each row of a table does.
        quick: Run a single round, to test that everything works.
        rounds: The number of rounds otherwise.
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
    """Return the ratio of two clients' medians, over the rounds that both took part in."""
    both = zip(runs[one], runs[other], strict=False)
    pairs = [(getattr(ours, figure), getattr(theirs, figure)) for ours, theirs in both]
    ours, theirs = (statistics.median(figures) for figures in zip(*pairs, strict=True))
    return float(ours / theirs)


def median(runs: Runs, name: str, figure: str) -> float:
    """Return the median of one figure."""
    return float(statistics.median(getattr(outcome, figure) for outcome in runs[name]))


def run(task: Task) -> Outcome:
    """Run one client in its own process.

    Raises:
        RuntimeError: The process failed.
    """
    asked = json.dumps({"peer": task.peer, "work": dataclasses.asdict(task.work)})
    command = [PEERS[task.peer].python or "", "-m", "benchmarks.worker", asked]
    if not task.work.silent:  # a punctual client needs whichever processor is free
        command = pinned(command, last=False)
    environment = clean_environment(task.work.ca) | environment_beside(task.peer)
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
    """Wait for a process to exit, or kill it; return the most descriptors that it had open."""
    most, until = 0, time.monotonic() + LONGEST
    while process.poll() is None:
        looked = time.monotonic()
        most = max(most, descriptors(process.pid))
        time.sleep(max(PAUSE, CALM * (time.monotonic() - looked)))
        if time.monotonic() > until:
            process.kill()
    return most


def clean_environment(ca: str | None = None) -> dict[str, str]:
    """Return an environment without proxies, and with the authority to trust, if any.

    Settings that slow Python down are removed, such as not caching compiled modules.
    """
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    for name in UNWANTED:
        kept.pop(name, None)
    return kept if ca is None else {**kept, "SSL_CERT_FILE": ca, "REQUESTS_CA_BUNDLE": ca}
