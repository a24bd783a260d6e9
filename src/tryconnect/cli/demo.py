"""Start a small server in this process and check good and bad addresses of it.

Nothing but this machine is asked.  The exit code is 0 where every verdict is the right one.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

import tryconnect
from tryconnect import Reason
from tryconnect._model.render import line

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["configure", "run"]

_LOOPBACK = "127.0.0.1"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument(
        "--timeout",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="for each address; the silent one takes all of it (default: %(default)g)",
    )


def run(options: argparse.Namespace) -> int:
    """Check the demonstration's addresses and print a line for each."""
    client = tryconnect.Client(proxy=None)
    return asyncio.run(_show(client, options.timeout))


class _Case(NamedTuple):
    """An address of the demonstration, what stands there, and the right verdict."""

    address: str
    what: str
    reason: Reason
    expect: str | None = None


async def _show(client: tryconnect.Client, timeout: float) -> int:
    wrong = 0
    async with AsyncExitStack() as servers:
        cases = await _cases(servers)
        await servers.enter_async_context(client)
        for case in cases:
            report = await client.probe(case.address, timeout=timeout, expect=case.expect)
            print(f"# {case.what}\n{line(report)}", flush=True)  # noqa: T201 - it prints
            wrong += report.reason is not case.reason
    right = len(cases) - wrong
    print(f"{right} of {len(cases)} verdicts are as they should be")  # noqa: T201
    return 1 if wrong else 0


async def _cases(servers: AsyncExitStack) -> list[_Case]:
    site = await servers.enter_async_context(_site())
    silent = await servers.enter_async_context(_talker(_say_nothing))
    banner = await servers.enter_async_context(_talker(_say_ssh))
    closed = _closed_port()
    return [
        _Case(f"http://{site}/", "a good page", Reason.ok),
        _Case(f"http://{site}/moved", "a redirect to it", Reason.ok),
        _Case(f"http://{site}/broken", "status 500: an answer all the same", Reason.ok),
        _Case(f"http://{site}/broken", "status 500, where 2xx is expected", Reason.status, "2xx"),
        _Case(site, "host:port alone: the connection opens", Reason.ok),
        _Case(f"http://{silent}/", "a port that accepts and stays silent", Reason.timeout),
        _Case(f"http://{closed}/", "a port where nothing listens", Reason.refused),
        _Case(f"https://{site}/", "https where plain http is spoken", Reason.tls_handshake),
        _Case(f"http://{banner}/", "http where SSH is spoken", Reason.protocol),
        _Case("http://127.0.0.1:80443/", "a slip of the finger", Reason.invalid_address),
    ]


@asynccontextmanager
async def _site() -> AsyncIterator[str]:
    """Serve a page, a redirect and an error."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="Hello.\n")

    async def moved(_: web.Request) -> web.Response:
        raise web.HTTPFound("/")

    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=500, text="Sorry.\n")

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/moved", moved), web.get("/broken", broken)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, _LOOPBACK, 0).start()
        host, port = runner.addresses[0]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _talker(talk: Callable[..., Awaitable[None]]) -> AsyncIterator[str]:
    """Serve connections that do not speak HTTP."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(writer)
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, _LOOPBACK, 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


async def _say_nothing(_: asyncio.StreamWriter) -> None:
    """Leave the caller waiting."""


async def _say_ssh(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    await writer.drain()


def _closed_port() -> str:
    """Return an address at which nothing listens: the kernel just gave it to us, and we left."""
    with socket.socket() as sock:
        sock.bind((_LOOPBACK, 0))
        host, port = sock.getsockname()
    return f"{host}:{port}"
