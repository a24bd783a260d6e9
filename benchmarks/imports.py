"""Compares the cost of ``import tryconnect`` and ``import aiohttp``: CPU time above bare Python.

Run from the root of a checkout::

    python -m benchmarks.imports

Fresh processes take turns; the figures are medians of one run (Unix).
"""

from __future__ import annotations

import statistics
import sys

from benchmarks.rounds import clean_environment
from benchmarks.table import Table
from benchmarks.usage import spent

__all__ = ["imports"]

ROUNDS = 25
BARE, OURS, THEIRS = "pass", "import tryconnect", "import aiohttp"
WITH_ALL = "import tryconnect; tryconnect.Client()"


def imports(*, quick: bool) -> Table:
    """The imports, and what is ready after them."""
    programs = (BARE, OURS, THEIRS, WITH_ALL)
    commands = [[sys.executable, "-c", program] for program in programs]
    for command in commands:
        spent(command, clean_environment())  # compiled once
    rounds = [
        [spent(command, clean_environment()) for command in commands]
        for _ in range(1 if quick else ROUNDS)
    ]
    bare, ours, theirs, whole = map(statistics.median, zip(*rounds, strict=True))
    return Table(
        ("program", "CPU above bare Python, ms", "÷ aiohttp's"),
        [
            [program, f"{(figure - bare) * 1e3:.0f}", f"{(figure - bare) / (theirs - bare):.2f}"]
            for program, figure in zip(programs[1:], (ours, theirs, whole), strict=True)
        ],
        libraries=["aiohttp"],
    )


if __name__ == "__main__":
    print(imports(quick=False))
