"""Faults that a soak brings about in its own process: see ``tools/soak.py``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from unittest import mock

from tests.support.limits import descriptors, no_thread_to_be_had

PAUSE = 2.0
"""Seconds from one fault to the next."""
LASTS = 0.3
"""Seconds of one fault."""
JUMPS = (-86_400.0, -60.0, 60.0, 86_400.0)
"""Seconds that the wall clock is set forward."""


class DyingResolver:
    """A resolver of the caller's that answers, fails in all ways there are, or hangs."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[Any]:
        """Answer, or do not."""
        del family
        end = self._chance.randrange(6)
        if end == 0:
            raise MemoryError
        if end == 1:
            raise TimeoutError
        if end == 2:
            raise OSError(5, "the resolver is dead")
        if end == 3:
            raise RuntimeError("can't start new thread")
        if end == 4:
            await asyncio.sleep(60)
        flags = socket.AI_NUMERICHOST
        where = {"hostname": host, "host": "127.0.0.1", "port": port}
        return [where | {"family": socket.AF_INET, "proto": 0, "flags": flags}]

    async def close(self) -> None:
        """Close nothing."""


@contextlib.contextmanager
def _no_memory() -> Iterator[None]:
    """Every other socket ends with ENOMEM, or a bare MemoryError."""
    chance = random.Random(7)  # noqa: S311 - the same at each run

    class Greedy(socket.socket):
        def __init__(self, *args: Any, **options: Any) -> None:
            end = chance.randrange(4)
            if end == 0:
                raise MemoryError
            if end == 1:
                raise OSError(12, "Cannot allocate memory")
            super().__init__(*args, **options)

    with mock.patch("tryconnect._transport.sockets.socket.socket", Greedy):
        yield


@contextlib.contextmanager
def _clock_jump() -> Iterator[None]:
    jump = random.choice(JUMPS)  # noqa: S311 - any will do
    true = time.time
    with mock.patch("time.time", side_effect=lambda: true() + jump):
        yield


@contextlib.contextmanager
def _stopped() -> Iterator[None]:
    """The process stands still for a second, as on a machine that slept."""
    with subprocess.Popen(["/bin/sh", "-c", f"sleep 1; kill -CONT {os.getpid()}"]):  # noqa: S603
        os.kill(os.getpid(), signal.SIGSTOP)
        yield


FAULTS = {
    "descriptors": lambda: descriptors(2),
    "memory": _no_memory,
    "threads": no_thread_to_be_had,
    "clock": _clock_jump,
    "stopped": _stopped,
}


async def inject(counts: Counter[str]) -> None:
    """Bring one fault about after the other, until this is cancelled."""
    while True:
        for name, fault in FAULTS.items():
            await asyncio.sleep(PAUSE)
            try:
                with fault():
                    await asyncio.sleep(LASTS)
            except OSError:  # too few descriptors are free to take the others away
                continue
            counts[name] += 1
