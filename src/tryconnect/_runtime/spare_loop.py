"""An event loop for blocking calls on a machine that has no descriptor left for a real one.

It runs tasks, timers and calls from other threads, and opens nothing: whatever needs a connection
raises ``NotImplementedError``, as in other loops that lack it, and the check goes to the portal. So
a check reports what the machine lacks, and a wait goes on once there are descriptors again.
"""

from __future__ import annotations

import asyncio
from queue import Empty, SimpleQueue

__all__ = ["SpareLoop"]


class SpareLoop(asyncio.BaseEventLoop):
    """A loop without a descriptor: these hooks are what ``BaseEventLoop`` leaves to subclasses."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Bell()

    def _process_events(self, event_list: list[object]) -> None:
        """Do nothing: there are none."""

    def _write_to_self(self) -> None:
        self._selector.ring()


class _Bell:
    """Waits in place of a selector; may be rung from threads and signal handlers."""

    def __init__(self) -> None:
        self._rings: SimpleQueue[None] = SimpleQueue()  # reentrant, as a threading.Event is not

    def ring(self) -> None:
        self._rings.put(None)

    def select(self, timeout: float | None) -> list[object]:
        try:
            self._rings.get(timeout=timeout)
            while True:
                self._rings.get_nowait()
        except Empty:
            return []
