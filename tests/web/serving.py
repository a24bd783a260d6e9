"""The probe server for its tests: in the test's own loop, or as the command in a process."""

import asyncio
import contextlib
import inspect
import json
import os
import re
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web_app import _cached_build_middleware

from tryconnect import Client
from tryconnect.web import WatchedTarget, probe_app
from tryconnect.web._server import served

Asker = TestClient[web.Request, web.Application]

HERE = Client(proxy=None)
"""Checks everything, loopback above all, which is where the peers of the tests are."""


@contextlib.asynccontextmanager
async def asking(app: web.Application) -> AsyncIterator[Asker]:
    """Run an application as ``tryconnect serve`` does, and ask it by aiohttp's own test client."""
    server = TestServer(app)
    await server.start_server(shutdown_timeout=2.5, access_log=None)  # and handler_cancellation
    async with TestClient(server) as client:
        yield client
    # aiohttp keeps the last 1,024 applications with a middleware alive in here, and each full
    # garbage collection of the leak guard looks through them all.
    _cached_build_middleware.cache_clear()


@contextlib.asynccontextmanager
async def served_at(app: web.Application) -> AsyncIterator[tuple[str, int]]:
    """Run an application on the server of ``tryconnect serve`` itself, to be asked by bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        async with served(app, [listener]):
            yield address


async def ask(address: tuple[str, int], data: bytes) -> bytes:
    """Send bytes, and read until the server closes the connection."""
    reader, writer = await asyncio.open_connection(*address)
    with contextlib.closing(writer):
        writer.write(data)
        async with asyncio.timeout(10):
            return await reader.read()


def unguarded(targets: Iterable[WatchedTarget] = (), **options: Any) -> web.Application:
    """The application without its guard."""
    return probe_app(targets=targets, client=HERE, target_client=HERE, **options)


NOT_UTF8 = [b"Bearer \xff", b"Basic \xff", b"Basic " + b64encode(b":\xff"), b"\xff"]
"""Values of ``Authorization`` that no HTTP library sends."""


async def problem(response: ClientResponse, status: int) -> str:
    """The sentence of a problem, which must be one in all its parts."""
    text = await response.text()
    assert response.status == status, text
    assert response.content_type == "application/problem+json"
    told = json.loads(text)
    assert told.keys() == {"type", "title", "status", "detail"}
    assert told["status"] == status
    assert "Traceback" not in text
    sentence = told["detail"]
    assert isinstance(sentence, str)
    assert sentence
    assert "\n" not in sentence
    return sentence


class Served:
    """A program in a process of its own that serves at a URL."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.url = url
        self.process = process
        self._told = False

    def end(self, word: signal.Signals = signal.SIGTERM) -> None:
        """Tell it to end, once."""
        if not self._told:
            self.process.send_signal(word)
        self._told = True


@contextlib.asynccontextmanager
async def serving(*words: str) -> AsyncIterator[Served]:
    """Run ``tryconnect serve`` until the context ends, and see that it ends well."""
    python = (sys.executable, "-W", "error", "-m", "tryconnect", "serve", "--port", "0")
    process = await asyncio.create_subprocess_exec(
        *python,
        *words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "NO_PROXY": "*", "no_proxy": "*"},
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    served = Served(process, line.rpartition(" ")[2].strip())
    try:
        yield served
    finally:
        served.end()
        async with asyncio.timeout(15):
            _, complaints = await process.communicate()
    assert (process.returncode, _CHANGES.sub("", complaints.decode())) == (0, "")


_CHANGES = re.compile(
    r"^[-\d]+ [:,\d]+ .+ (is (up|down|unknown): .*|was read: \d+ to watch)\n", re.MULTILINE
)
"""The lines that tell of each change, and of files that were read again."""


async def until(true: Callable[[], object]) -> None:
    """Wait until something is so; it may be asked over the network."""
    async with asyncio.timeout(10):
        while not (  # noqa: ASYNC110 - no event tells of it
            await answer if inspect.isawaitable(answer := true()) else answer
        ):
            await asyncio.sleep(0.01)


async def idle(asker: Asker) -> bool:
    """Whether no check is under way."""
    return "tryconnect_checks_in_flight 0.0" in await (await asker.get("/metrics")).text()
