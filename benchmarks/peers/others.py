"""Other asyncio clients."""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers._workers import OK, in_workers

if TYPE_CHECKING:
    from benchmarks.work import Tally, Work

__all__ = ["httpx", "httpx_stream", "niquests", "pyreqwest"]


def httpx_client(work: Work) -> Any:
    """Return a client with httpx's defaults, except for the timeout."""
    library: Any = import_module("httpx")
    return library.AsyncClient(timeout=work.timeout)


async def httpx(work: Work, tally: Tally) -> None:
    """httpx, as documented."""
    async with httpx_client(work) as client:

        async def check(url: str) -> bool:
            response = await client.get(url)
            return bool(response.status_code == OK)

        await in_workers(work, tally, check)


async def httpx_stream(work: Work, tally: Tally) -> None:
    """httpx, headers only."""
    async with httpx_client(work) as client:

        async def check(url: str) -> bool:
            async with client.stream("GET", url) as response:
                return bool(response.status_code == OK)

        await in_workers(work, tally, check)


async def niquests(work: Work, tally: Tally) -> None:
    """niquests, which is requests with asyncio and more; headers only."""
    library: Any = import_module("niquests")
    # Its default pool of ten origins stalls when a hundred are requested at once.
    options = {"pool_connections": work.at_once, "pool_maxsize": work.at_once}
    async with library.AsyncSession(**options) as session:

        async def check(url: str) -> bool:
            response = await session.get(url, timeout=work.timeout, stream=True, verify=work.ca)
            await response.close()
            return bool(response.status_code == OK)

        await in_workers(work, tally, check)


def certificate(path: str) -> bytes:
    """Return the authority's certificate."""
    return Path(path).read_bytes()


async def pyreqwest(work: Work, tally: Tally) -> None:
    """pyreqwest, a client in Rust; headers only."""
    library: Any = import_module("pyreqwest.client")
    builder = library.ClientBuilder()
    if work.ca is not None:
        builder = builder.add_root_certificate_pem(certificate(work.ca))
    timeout = dt.timedelta(seconds=work.timeout)
    async with builder.timeout(timeout).build() as client:

        async def check(url: str) -> bool:
            async with client.get(url).build_streamed() as response:
                return bool(response.status == OK)

        await in_workers(work, tally, check)
