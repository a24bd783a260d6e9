"""Reads the system's figures about a process (Linux only)."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["MIB", "busy", "descriptors", "memory", "peak", "spent"]

KIB, MIB = 1024, 1024 * 1024


def peak(process: int | str = "self") -> int:
    """Return the peak memory of a process in bytes."""
    return _bytes(process, "VmHWM")


def memory(process: int | str) -> int:
    """Return the current memory of a process in bytes."""
    return _bytes(process, "VmRSS")


def descriptors(process: int | str = "self") -> int:
    """Return how many descriptors a process has open; 0 if it has just exited."""
    try:
        return len(os.listdir(f"/proc/{process}/fd"))  # noqa: PTH208 - it is looked at often
    except OSError:
        return 0


def busy(process: int) -> float:
    """Return the seconds of CPU time, user and system, that a process has used so far."""
    # The name before the last bracket may contain anything; utime and stime are proc(5)'s 14 and
    # 15.
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def spent(command: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """Return the seconds of CPU time that a program uses in its own process.

    Raises:
        subprocess.CalledProcessError: The program failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _bytes(process: int | str, name: str) -> int:
    status = Path(f"/proc/{process}/status").read_text("ascii")
    return int(status.partition(f"{name}:")[2].split()[0]) * KIB
