"""Streams of events, to clients that may read slowly or disconnect."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tryconnect.web._problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web

__all__ = ["EventStream", "Queue", "as_json", "send"]

WRITE_TIMEOUT = 30.0
"""Seconds within which a client must read what is sent, or it is disconnected."""

HEARTBEAT = 15.0
"""Seconds of silence before a listener is sent an empty comment: proxies close idle connections,
and a client that has vanished is noticed."""

LONGEST_QUEUE = 1000
"""Events queued for one listener. One that falls further behind is disconnected."""

MOST_LISTENERS = 100


def as_json(value: object) -> str:
    """Return JSON on one line, in ASCII: no terminal or browser interprets any of it."""
    return json.dumps(value, separators=(",", ":"))


async def send(request: web.Request, response: web.StreamResponse, data: bytes) -> None:
    """Send part of a response.

    Raises:
        ConnectionError: The client has disconnected, or reads too slowly.
    """
    try:
        async with asyncio.timeout(WRITE_TIMEOUT):
            await response.write(data)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()  # or the end of the response would wait again
        raise ConnectionError("the client reads too slowly") from None


class EventStream:
    """The listeners to server-sent events (HTML standard, section 9.2)."""

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

    def close(self) -> None:
        """Disconnect all listeners."""
        self._closed = True
        for queue in self._queues:
            queue.close()


class Queue:
    """The messages that one listener has still to be sent."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._closed = False

    def put(self, message: bytes) -> None:
        """Add a message; if too many are queued, disconnect the listener."""
        if len(self._messages) >= LONGEST_QUEUE:
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
        """Return all queued messages, a comment after a silence, or ``None`` at the end."""
        try:
            async with asyncio.timeout(HEARTBEAT):
                await self._news.wait()
        except TimeoutError:
            return b":\n\n"
        if self._closed:
            return None
        self._news.clear()
        data = b"".join(self._messages)
        self._messages.clear()
        return data
