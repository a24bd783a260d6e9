"""Run a program for an alert, in a process group of its own and within a time limit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
from typing import TYPE_CHECKING, BinaryIO

from tryconnect._model.redaction import escape_control
from tryconnect._runtime.threads import defer_cancellation, wait_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ProgramError", "run"]

LONGEST_OUTPUT = 300
"""Characters of a program's output in the error that tells of its failure: the last ones."""


class ProgramError(Exception):
    """A program could not be run, failed, or did not end in time; one line says which."""


async def run(
    argv: Sequence[str], *, env: Mapping[str, str], timeout: float, stdin: bytes = b""
) -> str:
    """Run a program to its end, and return its output.

    Its process group is killed whole when it has ended, or when the time is up, or when the caller
    is cancelled: whatever it has started and left behind would otherwise pile up, one for each
    alert. Only a process that leaves the group (``setsid``) escapes.

    Args:
        argv: The program and its arguments; no shell reads them.
        env: Its whole environment.
        timeout: Seconds within which it must end.
        stdin: What it can read.

    Raises:
        ProgramError: It could not be run, failed, or did not end in time.
    """
    # Files, not pipes: a process that keeps a pipe open would have to be waited for.
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as output:
        source.write(stdin)
        source.seek(0)
        starting = asyncio.create_task(
            asyncio.create_subprocess_exec(
                *argv, stdin=source, stdout=output, stderr=output, env=env, start_new_session=True
            )
        )
        try:
            status = await _status(starting, timeout)
        except OSError as error:
            raise ProgramError(f"cannot be run: {error.strerror}") from error
        said = _end_of(output)
    if status is None:
        raise ProgramError(f"did not end within {timeout:g} s, and was killed")
    if status:
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        raise ProgramError(f"{how}{said and f': {said}'}")
    return said


async def _status(starting: asyncio.Task[asyncio.subprocess.Process], timeout: float) -> int | None:
    """Return the status with which a process ends, or ``None`` if that takes too long."""
    try:
        await wait_all(starting)  # asyncio would kill the process, and not its group
        process = starting.result()
        async with asyncio.timeout(timeout):
            return await process.wait()
    except TimeoutError:
        return None
    finally:
        if not starting.cancelled() and starting.exception() is None:
            _kill_group(starting.result().pid)
            await defer_cancellation(starting.result().wait)


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(group, signal.SIGKILL)
        else:  # Windows
            subprocess.run(  # noqa: S603
                ["taskkill", "/F", "/T", "/PID", str(group)],  # noqa: S607
                check=False,
                capture_output=True,
            )


def _end_of(output: BinaryIO) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - 4 * LONGEST_OUTPUT))
    text = output.read().decode(errors="replace").strip()
    return escape_control(" ".join(text.split()))[-LONGEST_OUTPUT:]
