"""Gives up after one second on a server that does not answer: a program for one way of asking.

``python -m benchmarks.executors.leaving LOOP WAY TIMEOUT URL``

Prints when the caller was free again; the parent measures how long the process lives.
"""

import asyncio
import sys
import time

from benchmarks.executors.holes import WAYS, Way
from benchmarks.executors.loops import LOOPS
from benchmarks.executors.processes import say

ANSWER_TIMEOUT = 1.0


async def given_up(way: Way, url: str, timeout: float) -> None:
    """Ask with a long timeout, and give up after a second."""
    begun = time.monotonic()
    try:
        await asyncio.wait_for(way([url], timeout), ANSWER_TIMEOUT)
    except TimeoutError:
        say(freed=time.monotonic() - begun)
    except NotImplementedError:
        say(impossible=True)


def main() -> None:
    """Run one way."""
    loop, way, timeout, url = sys.argv[1:]
    LOOPS[loop](given_up(WAYS[way], url, float(timeout)))


if __name__ == "__main__":
    main()
