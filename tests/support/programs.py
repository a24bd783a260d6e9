"""Runs programs for tests as strictly as Python can: ``python -X dev -W error``."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

PRELUDE = """
import logging
logging.getLogger("asyncio").addFilter(lambda record: not record.msg.startswith("Executing "))
"""
"""asyncio complains of each step that takes 0.1 s, and on a busy machine any may."""


def run(
    program: str, *words: str, by: tuple[str, ...] = (), seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a program in its own process and wait until it exits.

    Args:
        program: Its source.
        words: Its ``sys.argv[1:]``.
        by: A command prefix, such as ``("unshare", "--net")``.
        seconds: The time after which it is killed and the test fails.
    """
    return subprocess.run(  # noqa: S603 - our own words
        [*by, sys.executable, "-X", "dev", "-W", "error", "-c", PRELUDE + program, *words],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        cwd=ROOT,
    )
