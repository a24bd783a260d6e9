"""The engine that is none: parts run in threads of this process, and their checks in the portal."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any, Self

from tryconnect._survey.lanes import Done
from tryconnect._survey.parts import PARTS_PER_PROCESS, in_flight, resume_parts, stop_parts

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Here"]


class Here:
    """Calls functions in daemon threads, two at a time."""

    slots = PARTS_PER_PROCESS

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, daemon=True) for _ in range(PARTS_PER_PROCESS)
        ]

    def submit(
        self, ticket: int, function: Callable[..., Any], *arguments: Any, avoid: frozenset[str]
    ) -> None:
        """Call a function."""
        del avoid
        self._calls.put((ticket, function, arguments))

    def completed(self, seconds: float) -> list[Done]:
        """Return a call that has ended, if one does within this time."""
        try:
            return [self._ended.get(timeout=seconds)]
        except queue.Empty:
            return []

    def workers(self) -> set[str]:
        """Return the one worker."""
        return {""}

    def in_flight(self) -> int:
        """Return how many addresses of the parts under way have been checked."""
        return in_flight()

    def halt(self) -> None:
        """Do nothing: no other run is in this process."""

    resume = halt

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            ticket, function, arguments = call
            try:
                self._ended.put(Done(ticket, function(*arguments)))
            except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the caller
                self._ended.put(Done(ticket, error=error))

    def __enter__(self) -> Self:
        resume_parts()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            stop_parts()
            while not self._calls.empty():
                self._calls.get()
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join(1.5)
