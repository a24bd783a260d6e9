"""Answers that go on for a while, to clients that may read slowly or leave."""

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
"""Seconds that a client may take to read what is sent before it is cut off."""

HEARTBEAT = 15.0
"""Seconds of silence after which a listener is sent an empty comment: proxies close what is silent,
and a client that has gone without a word is found out."""

LONGEST_QUEUE = 1000
"""Events that wait for one listener.  Who is further behind is cut off, and begins anew."""

MOST_LISTENERS = 100


def as_json(value: object) -> str:
    """Return JSON of one line, in ASCII: nothing in it that a terminal or a browser would obey."""
    return json.dumps(value, separators=(",", ":"))


async def send(request: web.Request, response: web.StreamResponse, data: bytes) -> None:
    """Send a part of an answer.

    Raises:
        ConnectionError: the client has left, or reads too slowly.
    """
    try:
        async with asyncio.timeout(WRITE_TIMEOUT):
            await response.write(data)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()  # or the end of the answer would wait for it again
        raise ConnectionError("the client reads too slowly") from None


class EventStream:
    """Those who listen to events (the HTML standard calls them server-sent)."""

    def __init__(self) -> None:
        self._queues: set[Queue] = set()
        self._closed = False

    @property
    def count(self) -> int:
        """How many listen."""
        return len(self._queues)

    def publish(self, event: str, data: dict[str, Any]) -> None:
        """Tell all of an event."""
        if self._queues:
            message = self.message(event, as_json(data))
            for queue in self._queues:
                queue.put(message)

    @staticmethod
    def message(event: str, data: str) -> bytes:
        """Return an event as it is sent; its JSON has no line break that would end it early."""
        return f"event: {event}\ndata: {data}\n\n".encode()

    @contextlib.contextmanager
    def one_more(self) -> Iterator[Queue]:
        """Listen while the context lasts.

        Raises:
            Problem: too many do.
        """
        if self.count >= MOST_LISTENERS:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "too many are listening to events: come again in a minute",
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
        """Let all of them go."""
        self._closed = True
        for queue in self._queues:
            queue.close()


class Queue:
    """What one listener has still to be sent."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._closed = False

    def put(self, message: bytes) -> None:
        """Add a message; where too many wait, the listener is let go."""
        if len(self._messages) >= LONGEST_QUEUE:
            self.close()
        if not self._closed:
            self._messages.append(message)
            self._news.set()

    def close(self) -> None:
        """Let the listener go."""
        self._closed = True
        self._messages.clear()
        self._news.set()

    async def get(self) -> bytes | None:
        """Return all that waits, or a comment where nothing came for a while; ``None``: the end."""
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
