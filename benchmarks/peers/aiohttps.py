"""aiohttp: as documented, and tuned to make a check cheaper."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from benchmarks.peers._workers import OK, in_workers

if TYPE_CHECKING:
    from benchmarks.work import Tally, Work

__all__ = ["default", "outer", "tuned"]


async def default(work: Work, tally: Tally) -> None:
    """As documented, with a timeout."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=work.timeout)) as session:

        async def check(url: str) -> bool:
            async with session.get(url) as response:
                return response.status == OK

        await in_workers(work, tally, check)


def session_with(timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
    """Return a session tuned to make a check cheaper."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=True, happy_eyeballs_delay=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept-Encoding", "User-Agent"),
        timeout=timeout,
    )


async def tuned(work: Work, tally: Tally) -> None:
    """With a tuned session and aiohttp's own timeout."""
    timeout = aiohttp.ClientTimeout(total=work.timeout, sock_connect=None)
    async with session_with(timeout) as session:

        async def check(url: str) -> bool:
            response = await session.get(url, allow_redirects=False)
            response.close()
            return response.status == OK

        await in_workers(work, tally, check)


async def outer(work: Work, tally: Tally) -> None:
    """The same with ``asyncio.timeout`` around it, which is punctual."""
    async with session_with(aiohttp.ClientTimeout(total=None, sock_connect=None)) as session:

        async def check(url: str) -> bool:
            async with asyncio.timeout(work.timeout):
                response = await session.get(url, allow_redirects=False)
            response.close()
            return response.status == OK

        await in_workers(work, tally, check)
