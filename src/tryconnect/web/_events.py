"""Streams of events, to clients that may read slowly or disconnect."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tryconnect.web._delivery import PIECE
from tryconnect.web._problems import Problem
from tryconnect.web._watched import point_dict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tryconnect._model.report import Report
    from tryconnect.web._watched import Watched

__all__ = ["EventStream", "Queue", "as_json"]

HEARTBEAT = 15.0
"""Seconds of silence before a listener is sent an empty comment: proxies close idle connections,
and a client that has vanished is noticed."""

LONGEST_QUEUE = 8 * 2**20
"""Bytes of events queued for one listener, which all listeners share. One that falls further behind
is disconnected."""

MOST_LISTENERS = 100


def as_json(value: object) -> str:
    """Return JSON on one line, in ASCII: no terminal or browser interprets any of it."""
    return json.dumps(value, separators=(",", ":"))


class EventStream:
    """The listeners to server-sent events (HTML standard, section 9.2).

    It is told of checks and changes by the watcher.
    """

    def __init__(self) -> None:
        self._queues: set[Queue] = set()
        self._closed = False

    @property
    def count(self) -> int:
        """The number of listeners."""
        return len(self._queues)

    def publish(self, event: str, data: dict[str, Any]) -> None:
        """Send an event to all listeners."""
        if self._queues:
            message = self.message(event, as_json(data))
            for queue in self._queues:
                queue.put(message)

    def checked(self, watched: Watched, report: Report, now: float) -> None:
        """Send a check to all listeners."""
        del now
        if self._queues:
            number = {"name": watched.target.name, "number": watched.reasons.total()}
            point = point_dict(watched.latest[-1])
            self.publish("check", number | point | {"detail": report.detail})

    def changed(self, watched: Watched, report: Report, now: float) -> None:
        """Send the new state of a target to all listeners."""
        del report, now
        self.aged(watched)

    def aged(self, watched: Watched) -> None:
        """Send a target whose state is known no longer, or is known again."""
        if self._queues:
            self.publish("change", watched.as_dict())

    @staticmethod
    def message(event: str, data: str) -> bytes:
        """Return an event as it is sent; its JSON has no line break."""
        return f"event: {event}\ndata: {data}\n\n".encode()

    @contextlib.contextmanager
    def subscribed(self) -> Iterator[Queue]:
        """Listen while the context lasts.

        Raises:
            Problem: There are too many listeners.
        """
        if self.count >= MOST_LISTENERS:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "too many clients listen to events: try again in a minute",
                headers={"Retry-After": "60"},
            )
        queue = Queue()
        if self._closed:
            queue.close()
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def restart(self) -> None:
        """Disconnect all listeners; browsers connect again, and get the new targets."""
        for queue in self._queues:
            queue.close()

    def close(self) -> None:
        """Disconnect all listeners."""
        self._closed = True
        self.restart()


class Queue:
    """The messages that one listener has still to be sent."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self._closed = False

    def put(self, message: bytes) -> None:
        """Add a message; if too many are queued, disconnect the listener."""
        self._size += len(message)
        if self._size > LONGEST_QUEUE:
            self.close()
        if not self._closed:
            self._messages.append(message)
            self._news.set()

    def close(self) -> None:
        """Disconnect the listener."""
        self._closed = True
        self._messages.clear()
        self._news.set()

    async def get(self) -> bytes | None:
        """Return the next queued messages, a comment after a silence, or ``None`` at the end."""
        try:
            async with asyncio.timeout(HEARTBEAT):
                await self._news.wait()
        except TimeoutError:
            return b":\n\n"
        if self._closed:
            return None
        data = bytearray()
        while self._messages and len(data) < PIECE:
            data += self._messages.popleft()
        self._size -= len(data)
        if not self._messages:
            self._news.clear()
        return bytes(data)
