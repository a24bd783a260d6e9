"""Send responses to clients that may read slowly, or not at all.

Whatever the handler: a response goes out piece by piece, each within a time limit, so that what a
client does not read costs no more memory than a connection's buffer, and no more time than that.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

__all__ = ["PIECE", "WRITE_TIMEOUT", "delivered", "disconnect", "pieces", "send"]

WRITE_TIMEOUT = 30.0
"""Seconds within which a client must read what is sent, or it is disconnected."""

SLOWEST = 50_000
"""Bytes a second at which a long response must be read: a poor mobile connection's."""

PIECE = 2**16
"""Bytes that are written at once: a connection buffers as much (asyncio's high-water mark)."""


@web.middleware
async def delivered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware, the outermost: send the response; disconnect a client that does not read it."""
    response = await handler(request)
    size = response.content_length or 0
    try:
        async with asyncio.timeout(WRITE_TIMEOUT + size / SLOWEST):
            return await _sent(request, response)
    except TimeoutError:
        disconnect(request)
    except ConnectionError:  # the client has left
        pass
    return response


async def send(request: web.Request, response: web.StreamResponse, data: bytes) -> None:
    """Send part of a streamed response.

    Raises:
        ConnectionError: The client has disconnected, or reads too slowly.
    """
    try:
        for piece in pieces(data):
            async with asyncio.timeout(WRITE_TIMEOUT):
                await response.write(piece)
    except TimeoutError:
        disconnect(request)
        raise ConnectionError("the client reads too slowly") from None


def pieces(data: bytes) -> list[memoryview]:
    """Cut data into pieces without copying it."""
    view = memoryview(data)
    return [view[start : start + PIECE] for start in range(0, len(view), PIECE)]


async def _sent(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Send a response to its end, and return the one that was sent."""
    body = response.body if isinstance(response, web.Response) else None
    if isinstance(body, bytes) and len(body) > PIECE and request.method != "HEAD":
        whole = web.StreamResponse(status=response.status, headers=response.headers)
        whole.content_length = len(body)
        await whole.prepare(request)
        for piece in pieces(body):
            await whole.write(piece)
        response = whole
    await response.prepare(request)
    await response.write_eof()
    return response


def disconnect(request: web.Request) -> None:
    """Break the connection off; closing it would wait until all that was sent has been read."""
    if request.transport is not None:
        request.transport.abort()
