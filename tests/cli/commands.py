"""Running ``tryconnect`` for a test: in this process, or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from tryconnect.cli import main


class Ran(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str


def ran_here(capsys: pytest.CaptureFixture[str], *words: str) -> Ran:
    """Run the command in this process."""
    try:
        code: object = main(words)
    except SystemExit as left:
        code = left.code
    assert isinstance(code, int)
    return Ran(code, *capsys.readouterr())


def command(*words: str) -> list[str]:
    # Without -X dev, by which asyncio would tell of steps that were slow on a busy machine.
    return [sys.executable, "-W", "error", "-m", "tryconnect", *words]


def ran(
    *words: str,
    variables: Mapping[str, str] | None = None,
    typed: bytes | None = None,
    out: int = subprocess.PIPE,
) -> Ran:
    """Run the command in a process of its own, and type something into it."""
    done = subprocess.run(  # noqa: S603 - our own words
        command(*words),
        input=typed,
        stdout=out,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
        env={**os.environ, **(variables or {})},
    )
    return Ran(done.returncode, (done.stdout or b"").decode(), done.stderr.decode())


def obeyed(text: str) -> set[str]:
    """What a terminal would obey instead of showing it."""
    return {char for char in text if not char.isprintable()} - {"\n"}
