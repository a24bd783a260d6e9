"""Whatever repeats checks opens a new connection for each, as the next visitor will.

Over a kept one, a listener that is closed, a certificate that has run out and a name that has moved
stay unseen, and a server that drains stays up.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest

import tryconnect
from tests.cli.commands import command
from tryconnect import Client, Reason, Report, sync
from tryconnect import testing as peers
from tryconnect.testing import certificates
from tryconnect.testing.tls import over_tls


@contextlib.asynccontextmanager
async def draining() -> AsyncIterator[tuple[Any, str]]:
    """A server that goes on answering on the connections that it has once it is closed."""

    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(hello, "127.0.0.1", 0)
    try:
        yield server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        await server.wait_closed()


Way = Callable[[], Any]
WAYS: dict[str, Way] = {
    "module": lambda: contextlib.nullcontext(tryconnect),
    "client": lambda: Client(proxy=None),
    "client in the portal": lambda: Client(proxy=None, loop="portal"),
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@each_way
async def test_a_watch_sees_that_the_listener_is_closed(way: Way) -> None:
    async with draining() as (server, url), way() as checks:
        if isinstance(checks, Client):
            assert await checks.probe(url)  # the client keeps this one's connection
        watch = checks.watch(url, every=0.01)
        assert (await anext(watch)).ok
        server.close()
        assert (await anext(watch)).reason is Reason.refused


@pytest.mark.slow
@each_way
async def test_a_wait_for_the_end_sees_that_the_listener_is_closed(way: Way) -> None:
    async with draining() as (server, url), way() as checks:
        if isinstance(checks, Client):
            assert await checks.probe(url)
        waiting = asyncio.ensure_future(checks.wait_until_down(url, timeout=10))
        await asyncio.sleep(0.05)
        server.close()
        (report,) = await waiting
        assert report.reason is Reason.refused
        with pytest.raises(tryconnect.WaitTimeout):
            await checks.wait_until_up(url, timeout=0.1)


async def test_a_client_keeps_connections_for_single_checks_only(
    http_server: peers.HttpServer,
) -> None:
    async with Client(proxy=None) as client:
        for count in (1, 1, 1):
            assert await client.probe(http_server.url)
            assert http_server.connections == count
        for count in (2, 3):
            assert await client.wait_until_up(http_server.url)
            assert http_server.connections == count
        assert await client.fetch_text(http_server.url)
        assert http_server.connections == 3


async def test_a_wait_for_the_end_does_not_hold_up_a_server_that_drains() -> None:
    """``wait_closed`` waits for the connections that are left, from Python 3.12.1 on."""
    async with Client(proxy=None) as client, draining() as (server, url):
        waiting = asyncio.ensure_future(client.wait_until_down(url, timeout=10))
        await asyncio.sleep(0.05)
        server.close()
        await asyncio.wait_for(server.wait_closed(), 5)
        assert await waiting


async def test_a_clients_watch_sees_that_the_certificate_has_run_out() -> None:
    shown = ["good"]

    async def hello(connection: peers.Connection) -> None:
        while await connection.head():
            await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def serve(connection: peers.Connection) -> None:
        await over_tls(hello, certificates.context(shown[-1]))(connection)

    async with (
        peers.serve(serve, scheme="https") as server,
        Client(proxy=None, ssl=peers.trusting()) as client,
    ):
        assert await client.probe(server.url)
        watch = client.watch(server.url, every=0.01)
        assert (await anext(watch)).ok
        shown.append("expired")
        assert (await anext(watch)).reason is Reason.tls_certificate


class Moving:
    """Knows one name, which moves."""

    def __init__(self) -> None:
        self.place = "127.0.0.1"

    async def resolve(
        self, host: str, port: int = 0, family: int = 0
    ) -> Sequence[Mapping[str, Any]]:
        del host, family
        return [{"host": self.place, "port": port}]

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_clients_watch_sees_that_the_name_has_moved() -> None:
    names = Moving()
    async with (
        draining() as (_, url),
        Client(proxy=None, resolver=names) as client,
    ):
        named = url.replace("127.0.0.1", "moves.test")
        assert await client.probe(named)
        watch = client.watch(named, every=0.01)
        first = await anext(watch)
        names.place = "127.0.0.2"
        second = await anext(watch)

    assert (first.reason, first.ip) == (Reason.ok, "127.0.0.1")
    assert second.reason is Reason.refused


OPEN_FIRST = "^a Client works inside of: async with"


async def test_waits_and_watches_need_an_open_client() -> None:
    client = Client(proxy=None)
    steps: list[Callable[[], Awaitable[object]]] = [
        lambda: client.wait_until_up("http://127.0.0.1:1/", timeout=1),
        lambda: client.wait_until_down("http://127.0.0.1:1/", timeout=1),
        lambda: anext(client.watch("http://127.0.0.1:1/")),
    ]
    for step in steps:
        with pytest.raises(RuntimeError, match=OPEN_FIRST):
            await step()
    async with client:
        assert await client.wait_until_down("http://127.0.0.1:1/", timeout=1)
    for step in steps:
        with pytest.raises(RuntimeError, match=r"^this Client is closed: "):
            await step()


def test_so_does_the_client_for_programs_without_a_loop() -> None:
    def check(client: sync.Client) -> list[Report]:
        watch = client.watch(server.url, every=0.01)
        return [client.probe(server.url), next(watch), *client.wait_until_up(server.url)]

    with peers.in_thread(peers.http_server()) as server, sync.Client(proxy=None) as client:
        assert all(check(client))
        assert server.connections == 3


@pytest.mark.slow
@pytest.mark.parametrize("words", [("watch", "--every", "0.05"), ("wait", "--gone")])
async def test_so_does_the_command_line(words: tuple[str, ...]) -> None:
    async with draining() as (server, url):
        process = await asyncio.create_subprocess_exec(
            *command(*words, url), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stderr is not None
        first, then = process.stdout, process.stdout
        if words[0] == "wait":
            first = process.stderr
        assert b"ok" in await asyncio.wait_for(first.readline(), 20)
        server.close()
        assert b"refused" in await asyncio.wait_for(then.readline(), 20)
        if process.returncode is None and words[0] == "watch":
            process.kill()
        await process.communicate()
