"""What ``import tryconnect`` costs beside ``import aiohttp``: processor time above bare Python.

Run from the root of a checkout::

    python -m benchmarks.imports

Fresh processes, in turns; medians; both figures and their ratio from one run (Unix).
"""

import resource
import statistics
import subprocess
import sys

ROUNDS = 25
BARE, OURS, THEIRS = "pass", "import tryconnect", "import aiohttp"


def spent(program: str) -> float:
    """Return the seconds of processor time that a program takes in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603 - our own words
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print both figures and their ratio."""
    programs = (BARE, OURS, THEIRS)
    for program in programs:
        spent(program)  # compiled once
    rounds = [[spent(program) for program in programs] for _ in range(ROUNDS)]
    bare, ours, theirs = (statistics.median(figures) for figures in zip(*rounds, strict=True))
    for program, figure in ((OURS, ours), (THEIRS, theirs)):
        print(f"{program:20} {(figure - bare) * 1e3:6.1f} ms above bare Python")
    print(f"{'ratio':20} {(ours - bare) / (theirs - bare):6.2f}")


if __name__ == "__main__":
    main()
