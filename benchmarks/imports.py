"""Compares the cost of ``import tryconnect`` and ``import aiohttp``: CPU time above bare Python.

Run from the root of a checkout::

    python -m benchmarks.imports

Fresh processes take turns; the figures are medians of one run (Unix).
"""

from __future__ import annotations

import statistics
import sys

from benchmarks.peers import BESIDE, PEERS, environment_beside
from benchmarks.rounds import clean_environment
from benchmarks.table import Table
from benchmarks.usage import spent

__all__ = ["imports"]

ROUNDS = 25
BARE, OURS, THEIRS = "pass", "import tryconnect", "import aiohttp"
WITH_ALL = "import tryconnect; tryconnect.Client()"


def imports(*, quick: bool) -> Table:
    """The imports, and what is ready after them."""
    programs = {program: (program, "") for program in (BARE, THEIRS, OURS, WITH_ALL)}
    if BESIDE in PEERS:
        programs |= {f"{program} ({BESIDE})": (program, BESIDE) for program in (OURS, WITH_ALL)}
    spent_by: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(2 if quick else ROUNDS + 1):
        for name, (program, peer) in programs.items():
            environment = clean_environment() | environment_beside(peer)
            spent_by[name].append(spent([sys.executable, "-c", program], environment))
    # The first round also compiled.
    figures = {name: statistics.median(rounds[1:]) for name, rounds in spent_by.items()}
    bare, theirs = figures.pop(BARE), figures[THEIRS]
    return Table(
        ("program", "CPU above bare Python, ms", "÷ aiohttp's"),
        [
            [program, f"{(figure - bare) * 1e3:.0f}", f"{(figure - bare) / (theirs - bare):.2f}"]
            for program, figure in figures.items()
        ],
        libraries=["aiohttp"],
    )


if __name__ == "__main__":
    print(imports(quick=False))
