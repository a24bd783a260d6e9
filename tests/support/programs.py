"""Programs of a test's own, run as strictly as Python can: ``python -X dev -W error``."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

PRELUDE = """
import logging
logging.getLogger("asyncio").addFilter(lambda record: not record.msg.startswith("Executing "))
"""
"""asyncio complains of each step that took 0.1 s, and on a busy machine any does."""


def run(
    program: str, *words: str, by: tuple[str, ...] = (), seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own and wait for its end.

    Args:
        program: its text.
        words: its ``sys.argv[1:]``.
        by: a command that runs it, as ``("unshare", "--net")``.
        seconds: after which it is killed and the test fails.
    """
    return subprocess.run(  # noqa: S603 - our own words
        [*by, sys.executable, "-X", "dev", "-W", "error", "-c", PRELUDE + program, *words],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        cwd=ROOT,
    )
