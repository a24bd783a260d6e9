"""What other packages must have inside, and what happens once they have it no longer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import aiohappyeyeballs
import pycares
import pytest
from aiohttp import ClientRequest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import BaseConnector, TCPConnector

from tests.support.event_loops import on_each_loop
from tests.support.later_release import rename, renamed
from tests.transport.test_connector import Invented
from tryconnect import Client, Guard, Reason, Report
from tryconnect import testing as peers
from tryconnect._check import http
from tryconnect._check.transports import aiohttp_only
from tryconnect._transport import connector, upstream
from tryconnect._transport.sockets import CLOSING_ROUNDS
from tryconnect._transport.upstream import HOOKS, Hook, Use

MonkeyPatch = pytest.MonkeyPatch

look: Callable[[tuple[Hook, ...]], tuple[Hook, ...]] = upstream.missing.__wrapped__

each_hook = pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.name)


# --- the canaries


@each_hook
def test_a_hook_is_there(hook: Hook) -> None:
    assert hook.is_there(), hook.promise


def test_each_hook_says_what_hangs_on_it() -> None:
    assert all(hook.promise.endswith(".") for hook in HOOKS)
    assert len({(hook.owner, hook.name) for hook in HOOKS}) == len(HOOKS)


@each_hook
def test_a_hook_that_is_gone_is_missed(hook: Hook, monkeypatch: MonkeyPatch) -> None:
    owner = hook.find_owner()
    if hook.use is Use.called:
        monkeypatch.setattr(owner, hook.name, object.__init__)
    elif hook.use is Use.set_by_init:
        code = renamed(owner.__init__.__code__, hook.name, "another")
        monkeypatch.setattr(owner.__init__, "__code__", code)
    else:
        for place in getattr(owner, "__mro__", [owner]):
            if hook.name in vars(place) and place not in asyncio.Protocol.__mro__:
                monkeypatch.delattr(place, hook.name)

    assert look((hook,)) == (hook,)


@pytest.mark.parametrize(
    "hook", [hook for hook in HOOKS if hook.use is Use.overridden], ids=lambda hook: hook.name
)
def test_a_method_with_another_parameter_is_missed(hook: Hook, monkeypatch: MonkeyPatch) -> None:
    one_more_parameter(hook.find_owner(), hook.name)(monkeypatch)

    assert not hook.is_there()


async def open_transport(peer: peers.Peer, tls: ssl.SSLContext | None) -> asyncio.Transport:
    loop = asyncio.get_running_loop()
    sock = socket.create_connection((peer.host, peer.port))
    sock.settimeout(0)
    name = peer.host if tls else None
    transport, _ = await loop.create_connection(
        asyncio.Protocol, sock=sock, ssl=tls, server_hostname=name
    )
    return transport


@on_each_loop
@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_transport_closes_its_socket_within_the_rounds_that_a_check_waits(
    encrypted: bool,  # noqa: FBT001
) -> None:
    tls = peers.trusting() if encrypted else None
    async with peers.http_server(tls=peers.server_context() if encrypted else None) as server:
        transport = await open_transport(server, tls)
        number = transport.get_extra_info("socket").fileno()
        transport.close()
        transport.abort()
        for _ in range(CLOSING_ROUNDS):
            await asyncio.sleep(0)

        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)


@on_each_loop
async def test_a_loop_shakes_hands_by_the_method_that_a_context_may_replace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``Timings.tls`` begins there, and a guard looks once more."""
    begun = []

    class Noted(ssl.SSLObject):
        def do_handshake(self) -> None:
            begun.append(self)
            super().do_handshake()

    context = peers.trusting()
    monkeypatch.setattr(context, "sslobject_class", Noted)  # the context is everybody's
    async with peers.http_server(tls=peers.server_context()) as server:
        (await open_transport(server, context)).abort()
        await asyncio.sleep(0.001)

    assert begun


# --- later releases of aiohttp

CONNECT_DIRECTLY = "_create_direct_connection"
EVERYWHERE = (
    *("aiohttp.base_protocol", "aiohttp.client", "aiohttp.client_proto"),
    *("aiohttp.client_reqrep", "aiohttp.connector", "aiohttp.web_protocol"),
)


def without_socket_factory(patch: MonkeyPatch) -> None:
    init = TCPConnector.__init__

    def older(self: TCPConnector, **options: Any) -> None:
        if "socket_factory" in options:
            raise TypeError("got an unexpected keyword argument 'socket_factory'")
        init(self, **options)

    patch.setattr(TCPConnector, "__init__", older)


def ignore_socket_factory(patch: MonkeyPatch) -> list[socket.socket]:
    """Return the sockets that are made without it."""
    start = aiohappyeyeballs.start_connection
    made = []

    async def ignoring(*args: Any, **options: Any) -> socket.socket:
        made.append(await start(*args, **{**options, "socket_factory": None}))
        return made[-1]

    patch.setattr(aiohappyeyeballs, "start_connection", ignoring)
    return made


def one_more_parameter(owner: type, name: str) -> Callable[[MonkeyPatch], None]:
    def change(patch: MonkeyPatch) -> None:
        method: Any = getattr(owner, name)

        def changed(self: Any, *args: Any, one_more: object = None, **options: Any) -> Any:
            del one_more
            return method(self, *args, **options)

        patch.setattr(owner, name, changed)

    return change


RELEASES: dict[str, Callable[[MonkeyPatch], object]] = {
    "today's": lambda _: None,
    "it connects by another name": lambda patch: rename(
        patch, TCPConnector, CONNECT_DIRECTLY, "aiohttp.connector"
    ),
    "the old name is left": lambda patch: rename(
        patch, TCPConnector, CONNECT_DIRECTLY, "aiohttp.connector", leave=True
    ),
    "it connects by other parameters": one_more_parameter(TCPConnector, CONNECT_DIRECTLY),
    "it asks for connections by another name": lambda patch: rename(
        patch, BaseConnector, "connect", "aiohttp.client"
    ),
    "the old name for that is left": lambda patch: rename(
        patch, BaseConnector, "connect", "aiohttp.client", leave=True
    ),
    "it asks for connections by other parameters": one_more_parameter(BaseConnector, "connect"),
    "there is no socket factory": without_socket_factory,
    "the socket factory is not called": ignore_socket_factory,
    "another protocol factory": lambda patch: rename(
        patch, BaseConnector, "_factory", "aiohttp.connector"
    ),
    "another parser": lambda patch: rename(patch, BaseProtocol, "_parser", *EVERYWHERE),
    "another payload": lambda patch: rename(patch, ResponseHandler, "_payload", *EVERYWHERE),
    "other parameters of data": one_more_parameter(ResponseHandler, "data_received"),
    "other parameters of the end": one_more_parameter(ResponseHandler, "connection_lost"),
    "other parameters of sending": one_more_parameter(ClientRequest, "send"),
    "other parameters of a fault": one_more_parameter(ResponseHandler, "set_exception"),
}
"""What a later aiohttp may have changed."""

UNGUARDABLE = {
    "it asks for connections by another name",
    "it asks for connections by other parameters",
    "there is no socket factory",
}
"""With these, a guarded client refuses to ask by HTTP."""


@pytest.fixture(params=list(RELEASES))
def release(request: pytest.FixtureRequest, monkeypatch: MonkeyPatch) -> str:
    """A release, which each client looks at anew."""
    for module in (connector, http, upstream):
        monkeypatch.setattr(module, "missing", look)
    RELEASES[request.param](monkeypatch)
    return cast("str", request.param)


async def by_probe(client: Client, url: str) -> Report:
    return await client.probe(url)


async def by_many(client: Client, url: str) -> Report:
    async with client.probe_many([url], transport="aiohttp") as reports:
        return await anext(reports)


WAYS: dict[str, tuple[str, Callable[[Client, str], Any], dict[str, Any]]] = {
    "http": ("http", by_probe, {}),
    "https": ("https", by_probe, {}),
    "tcp": ("tcp", by_probe, {}),
    "portal": ("http", by_probe, {"loop": "portal"}),
    "portal, https": ("https", by_probe, {"loop": "portal"}),
    "many": ("http", by_many, {}),
    "many, https": ("https", by_many, {}),
}

each_way = pytest.mark.parametrize("way", WAYS)


@contextlib.asynccontextmanager
async def asking(
    way: str, guard: Guard | None
) -> AsyncIterator[tuple[peers.HttpServer, Callable[[], Any]]]:
    """A server, and what asks it."""
    scheme, ask, options = WAYS[way]
    tls = peers.server_context() if scheme == "https" else None
    async with (
        peers.http_server(tls=tls) as server,
        Client(proxy=None, guard=guard, ssl=peers.trusting(), **options) as client,
    ):
        url = f"{scheme}://{server.host}:{server.port}"
        yield server, lambda: ask(client, url)


@on_each_loop
@each_way
@pytest.mark.usefixtures("release")
async def test_no_release_lets_anything_past_a_guard(way: str) -> None:
    async with asking(way, Guard(lambda _: False)) as (server, ask):
        report = await ask()

        assert server.connections == 0
        assert report.reason in {Reason.blocked, Reason.local}


@each_way
@pytest.mark.usefixtures("release")
async def test_with_any_release_a_check_works(way: str) -> None:
    async with asking(way, None) as (_, ask):
        assert [(await ask()).reason for _ in range(2)] == [Reason.ok] * 2


@each_way
async def test_a_guarded_check_works_or_says_that_it_cannot(release: str, way: str) -> None:
    async with asking(way, Guard(lambda _: True)) as (_, ask):
        report = await ask()

    if release in UNGUARDABLE and way != "tcp":
        assert report.reason is Reason.local
        assert "which a guard relies on: install another release" in report.detail
    else:
        assert report.reason is Reason.ok


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A port, and what comes in there until the connection ends."""
    heard = []
    ended = asyncio.Event()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            heard.append(await reader.read())
        writer.close()
        ended.set()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], heard
        await ended.wait()


@on_each_loop
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_over_a_connection_that_the_guard_did_not_see_no_byte_is_sent(
    scheme: str, monkeypatch: MonkeyPatch
) -> None:
    """aiohttp makes sockets of its own in a way that nobody foresaw."""
    rename(monkeypatch, TCPConnector, CONNECT_DIRECTLY, "aiohttp.connector", leave=True)
    made = ignore_socket_factory(monkeypatch)
    async with listening() as (port, heard), Client(guard=Guard(lambda _: False)) as client:
        report = await client.probe(f"{scheme}://127.0.0.1:{port}")
    for sock in made:
        sock.detach()  # closed by now, as its peer has heard; uvloop does not tell the object

    assert made
    assert (report.reason, heard) == (Reason.blocked, [b""])


@pytest.mark.parametrize("scheme", ["tcp", "http", "https"])
async def test_nor_over_one_of_several_that_were_raced(
    scheme: str, monkeypatch: MonkeyPatch
) -> None:
    ignore_socket_factory(monkeypatch)
    monkeypatch.setattr(connector, "start_connection", aiohappyeyeballs.start_connection)
    names = Invented("127.0.0.1", "127.0.0.1")
    client = Client(guard=Guard(lambda _: True), resolver=names)
    with aiohttp_only():
        async with listening() as (port, heard), client:
            report = await client.probe(f"{scheme}://shop.example:{port}")

    assert (report.reason, heard) == (Reason.blocked, [b""])


async def test_a_kept_connection_is_judged_again(http_server: peers.HttpServer) -> None:
    verdicts = iter([True, True, False])
    async with Client(proxy=None, guard=Guard(lambda _: next(verdicts))) as client:
        reasons = [(await client.probe(http_server.url)).reason for _ in range(3)]

    assert reasons == [Reason.ok, Reason.ok, Reason.blocked]
    assert (http_server.connections, len(http_server.requests)) == (1, 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_does_without_the_hook(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.delattr(pycares, "_shutdown_manager")
    faults: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", faults.append)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        child = os.fork()  # other threads are of no matter: it ends at once
    if not child:
        os._exit(len(faults))

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
