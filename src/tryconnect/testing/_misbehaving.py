"""Peers that answer badly, slowly, or not at all.

They know just enough HTTP to find the end of a request's head, and send raw bytes.
"""

import asyncio
import itertools
import socket
from contextlib import AbstractAsyncContextManager
from typing import Literal

from tryconnect.testing._replies import Reply
from tryconnect.testing._serve import Connection, Peer, serve

Opening = AbstractAsyncContextManager[Peer]

STATUS_LINE = b"HTTP/1.1 200 OK\r\n"
HEADERS = b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\n"
BODY = b"hello"
OK = STATUS_LINE + HEADERS + BODY


def raw(
    reply: bytes | Reply = OK,
    *,
    close: bool = True,
    delay: float = 0,
    speaks_first: bool = False,
    host: str = "127.0.0.1",
) -> Opening:
    """Send these bytes, whatever the request.

    Args:
        reply: The bytes, or a row of ``REPLIES``.
        close: Close afterwards; otherwise stay connected and silent.
        delay: Seconds between the request and the reply.
        speaks_first: Do not wait for a request (a row of ``REPLIES`` says this by itself).
        host: Where to listen.

    Example:
        >>> from tryconnect.testing import raw
        >>> async with raw(b"SSH-2.0-OpenSSH_9.2") as peer:
        ...     print((await tryconnect.probe(peer.url, timeout=5)).reason)
        protocol

    .. versionadded:: 0.1
    """
    data, at_once = (
        (reply, speaks_first) if isinstance(reply, bytes) else (reply.data, reply.speaks_first)
    )

    async def handler(connection: Connection) -> None:
        if not at_once:
            await connection.head()
        await asyncio.sleep(delay)
        await connection.send(data)
        if at_once:
            await connection.head()
        if not close:
            await connection.until_gone()

    return serve(handler, host=host)


def silent(*, host: str = "127.0.0.1") -> Opening:
    """Accept, read, and never respond.

    Example:
        >>> from tryconnect.testing import silent
        >>> async with silent() as peer:
        ...     print((await tryconnect.probe(peer.url, timeout=0.1)).reason)
        timeout

    .. versionadded:: 0.1
    """

    async def handler(connection: Connection) -> None:
        await connection.head()
        await connection.until_gone()

    return serve(handler, host=host)


def accepts_late(delay: float) -> Opening:
    """Serve each connection only after a delay, then answer 200.

    The system completes the TCP handshake meanwhile: clients connect at once and then wait.

    Args:
        delay: In seconds.

    Example:
        >>> from tryconnect.testing import accepts_late
        >>> async with accepts_late(0.05) as peer:
        ...     print((await tryconnect.probe(peer.url, timeout=5)).reason)
        ok

    .. versionadded:: 0.1
    """

    async def handler(connection: Connection) -> None:
        await asyncio.sleep(delay)
        await connection.head()
        await connection.send(OK)

    return serve(handler)


def closes(when: Literal["accept", "request"] = "request") -> Opening:
    """Close without a response: an orderly end, no reset.

    Args:
        when: At once, or after the request.

    Example:
        >>> from tryconnect.testing import closes
        >>> async with closes() as peer:
        ...     print((await tryconnect.probe(peer.url, timeout=5)).reason)
        reset

    .. versionadded:: 0.1
    """

    async def handler(connection: Connection) -> None:
        if when == "request":
            await connection.head()
        connection.sock.shutdown(socket.SHUT_WR)
        await connection.until_gone()

    return serve(handler)


SENT_BEFORE_RESET = {
    "accept": b"",
    "request": b"",
    "status": STATUS_LINE[:12],
    "headers": STATUS_LINE + HEADERS[:20],
    "body": STATUS_LINE + HEADERS + BODY[:2],
}


def reset(
    when: Literal["accept", "request", "status", "headers", "body"] = "request",
    *,
    delay: float = 0.05,
) -> Opening:
    """Break the connection with RST.

    Args:
        when: At once, after the request, or inside the status line, the headers or the body.
        delay: Seconds between the last byte and the reset, which would overtake it otherwise: the
            client's system discards what its program has not read yet.

    Example:
        >>> from tryconnect.testing import reset
        >>> async with reset() as peer:
        ...     print((await tryconnect.probe(peer.url, timeout=5)).reason)
        reset

    .. versionadded:: 0.1
    """

    async def handler(connection: Connection) -> None:
        if when != "accept":
            await connection.head()
            await connection.send(SENT_BEFORE_RESET[when])
        await asyncio.sleep(delay)
        connection.reset()

    return serve(handler)


SENT_BEFORE_DRIP = {
    "status": (b"", STATUS_LINE + HEADERS + BODY),
    "headers": (STATUS_LINE, HEADERS + BODY),
    "body": (STATUS_LINE + HEADERS, BODY),
}


def drip(
    part: Literal["status", "headers", "body"] = "status", *, interval: float = 1.0
) -> Opening:
    """Answer 200, byte by byte from some part on.

    Args:
        part: The status line, the headers or the body; what precedes it is sent at once.
        interval: Seconds before each byte.

    Example:
        >>> from tryconnect.testing import drip
        >>> async with drip("headers") as peer:
        ...     print((await tryconnect.probe(peer.url, timeout=0.1)).reason)
        timeout

    .. versionadded:: 0.1
    """
    prompt, slow = SENT_BEFORE_DRIP[part]

    async def handler(connection: Connection) -> None:
        await connection.head()
        await connection.send(prompt)
        for byte in slow:
            await asyncio.sleep(interval)
            await connection.send(bytes([byte]))

    return serve(handler)


def repeats(
    unit: bytes, *, before: bytes = b"", after: bytes = b"", times: int | None = None
) -> Opening:
    """Send ``before``, then ``unit`` repeatedly (``times=None``: forever), then ``after``.

    Example:
        >>> from tryconnect.testing import repeats
        >>> async with repeats(b"?") as peer:
        ...     print((await tryconnect.probe(peer.url)).reason)
        protocol

    .. versionadded:: 0.1
    """

    async def handler(connection: Connection) -> None:
        await connection.head()
        await connection.send(before)
        for _ in itertools.count() if times is None else range(times):
            await connection.send(unit)
            await asyncio.sleep(0)
        await connection.send(after)

    return serve(handler)


def endless_headers() -> Opening:
    """Answer 200 with headers that never end.

    Example:
        >>> from tryconnect.testing import endless_headers
        >>> async with endless_headers() as peer:
        ...     print((await tryconnect.probe(peer.url, timeout=5)).reason)
        protocol

    .. versionadded:: 0.1
    """
    return repeats(b"X-More: and more\r\n", before=STATUS_LINE)


def endless_1xx() -> Opening:
    """Send interim responses that never end.

    Example:
        >>> from tryconnect.testing import endless_1xx
        >>> async with endless_1xx() as peer:
        ...     print((await tryconnect.probe(peer.url, timeout=0.1)).reason)
        timeout

    .. versionadded:: 0.1
    """
    return repeats(b"HTTP/1.1 102 Processing\r\n\r\n")


def endless_body() -> Opening:
    """Answer 200 with a chunked body that never ends.

    Example:
        >>> from tryconnect.testing import endless_body
        >>> async with endless_body() as peer:
        ...     print(await tryconnect.try_connect(peer.url))
        True

    .. versionadded:: 0.1
    """
    return repeats(
        b"1000\r\n" + b"x" * 0x1000 + b"\r\n",
        before=STATUS_LINE + b"Transfer-Encoding: chunked\r\n\r\n",
    )


def big_header(size: int) -> Opening:
    """Answer 200 with one big header.

    Args:
        size: Bytes of its value.

    Example:
        >>> from tryconnect.testing import big_header
        >>> async with big_header(100_000) as peer:
        ...     print((await tryconnect.probe(peer.url, timeout=5)).reason)
        ok

    .. versionadded:: 0.1
    """
    return raw(STATUS_LINE + b"X-Big: " + b"x" * size + b"\r\n" + HEADERS + BODY)
