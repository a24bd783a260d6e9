"""Other people's servers, each in a process of its own, for as long as a context lasts."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator

import aiohttp

START_TIMEOUT = 20.0


@contextlib.asynccontextmanager
async def running(*words: str, port: int, ready: str) -> AsyncIterator[str]:
    """Run a program that listens at a port; the context has its URL once it answers.

    Args:
        words: of its command line.
        port: where it listens.
        ready: the path that answers 200 as soon as it works.
    """
    process = await asyncio.create_subprocess_exec(
        *words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    complaints = asyncio.create_task(process.communicate())
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(START_TIMEOUT), aiohttp.ClientSession(url) as session:
            while not (complaints.done() or await _answers(session, ready)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert not complaints.done(), complaints.result()[1].decode()
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await complaints


async def _answers(session: aiohttp.ClientSession, path: str) -> bool:
    with contextlib.suppress(aiohttp.ClientError):
        async with session.get(path) as response:
            return response.status == 200
    return False
