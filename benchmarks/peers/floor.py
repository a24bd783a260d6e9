"""The cost of asyncio itself."""

from __future__ import annotations

import asyncio
import functools
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.peers._workers import in_workers

if TYPE_CHECKING:
    from benchmarks.work import Tally, Work

__all__ = ["protocol"]


class Floor(asyncio.Protocol):
    """The least that asyncio can do: connect, send a request, read the first bytes, close."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
        self.answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for mypy
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Take the first bytes as the answer."""
        if not self.answer.done():
            self.answer.set_result(data.startswith(b"HTTP/1.1 200 "))

    def connection_lost(self, _: Exception | None) -> None:
        """There was none."""
        if not self.answer.done():
            self.answer.set_result(False)


async def protocol(work: Work, tally: Tally) -> None:
    """A bare ``asyncio.Protocol``: no client built on asyncio can cost less."""
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context(cafile=work.ca) if work.scheme == "https" else None

    async def check(url: str) -> bool:
        host, _, port = urlsplit(url).netloc.partition(":")
        async with asyncio.timeout(work.timeout):
            transport, protocol = await loop.create_connection(
                functools.partial(Floor, url), host, int(port), ssl=context
            )
            try:
                return await protocol.answer
            finally:
                transport.abort()

    await in_workers(work, tally, check)
