"""Examines one of the tests' loops, and prints the levels and the road as JSON.

``python -m tests.doctor.program LOOP``, with a name of ``tests/support/loops/drivers.py``.
"""

from __future__ import annotations

import json
import sys

from tests.support.loops.drivers import DRIVERS
from tryconnect import doctor


async def examine() -> None:
    findings = await doctor.examine(only="loop")
    levels = {finding.name: finding.level for finding in findings}
    (road,) = findings.named("road")
    print(json.dumps({**levels, "road": road.sentence}))  # noqa: T201 - to the test


if __name__ == "__main__":
    DRIVERS[sys.argv[1]].run(examine())
