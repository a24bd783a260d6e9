"""Runs programs in their own processes, with a time limit: some hang, and some abort."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    code: int | None
    """Its exit code; ``None`` if it had to be killed."""
    seconds: float
    said: dict[str, Any] = field(default_factory=dict)
    """The JSON objects that it printed, merged into one."""
    words: str = ""
    """Everything else on its standard output and error."""


def ended(module: str, *args: str, limit: float, before: tuple[str, ...] = ()) -> Ended:
    """Run one of these modules to its end.

    Args:
        module: Its name below ``benchmarks.executors``.
        args: Its arguments.
        limit: Seconds after which it is killed.
        before: A command prefix.
    """
    command = [*before, sys.executable, "-m", f"benchmarks.executors.{module}", *args]
    begun = time.monotonic()
    with subprocess.Popen(  # noqa: S603 - our own words
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    ) as process:
        code: int | None
        try:
            out, err = process.communicate(timeout=limit)
            code = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            code = None
    seconds = time.monotonic() - begun
    lines = out.splitlines()
    said: dict[str, Any] = {}
    for line in lines:
        if line.startswith("{"):
            said |= json.loads(line)
    rest = "\n".join([*(line for line in lines if not line.startswith("{")), err])
    return Ended(code, seconds, said, rest.strip())


def say(**values: object) -> None:
    """Print data for ``Ended.said`` and flush: the process may be killed before it exits."""
    print(json.dumps(values), flush=True)
