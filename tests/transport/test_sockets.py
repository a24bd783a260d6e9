"""Whose a socket is, and who closes it."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from tests.support.event_loops import on_each_loop
from tryconnect import Guard
from tryconnect import testing as peers
from tryconnect._model.faults import Blocked
from tryconnect._transport.sockets import CLOSING_ROUNDS, Sockets, make_socket

TCP = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
HERE = ("127.0.0.1", 7)


@pytest.mark.parametrize("guard", [None, Guard(lambda _: True)])
def test_a_socket_is_a_plain_one(guard: Guard | None) -> None:
    with make_socket((*TCP, HERE), guard) as sock, sock.dup() as twin:
        assert type(sock) is socket.socket
        assert twin.family == socket.AF_INET


@pytest.mark.parametrize(
    "info",
    [
        (*TCP, HERE),
        (getattr(socket, "AF_UNIX", -1), *TCP[1:], "/run/none"),
        (getattr(socket, "AF_VSOCK", -1), *TCP[1:], (2, 80)),
        (*TCP, ("localhost", 7)),
    ],
)
def test_what_a_guard_refuses_or_cannot_judge_gets_none(info: tuple[Any, ...]) -> None:
    guard = Guard(lambda ip: not ip.is_loopback)

    with pytest.raises(Blocked):
        make_socket(info, guard)


def connected(peer: peers.Peer) -> socket.socket:
    sock = socket.create_connection((peer.host, peer.port))
    sock.settimeout(0)
    return sock


async def transport_over(sock: socket.socket) -> asyncio.Transport:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=sock)
    return transport


@on_each_loop
async def test_a_transport_is_known_by_its_socket() -> None:
    sockets, others = Sockets(), Sockets()
    async with peers.silent() as peer:
        for each in (sockets, others):
            each.add(connected(peer))
        transport = await transport_over(sockets._opened[0])

        assert sockets.include(transport)
        assert not others.include(transport)
        transport.abort()
        for each in (sockets, others):
            await each.aclose(asyncio.get_running_loop(), None)
    assert not sockets.include(transport)


async def test_the_last_peer_is_told() -> None:
    sockets = Sockets()
    assert sockets.peername() is None
    async with peers.silent() as peer:
        sockets.add(connected(peer))
        sockets.add(make_socket((*TCP, HERE), None))

        assert sockets.peername() == (peer.host, peer.port)
        await sockets.aclose(asyncio.get_running_loop(), None)
    assert sockets.peername() is None


@on_each_loop
async def test_open_transports_keep_theirs_and_closing_ones_are_ended() -> None:
    sockets = Sockets()
    async with peers.silent() as peer:
        kept, closing, lost = (connected(peer) for _ in range(3))
        open_one, closing_one = await transport_over(kept), await transport_over(closing)
        for sock in (kept, closing, lost):
            sockets.add(sock)
        for transport in (open_one, closing_one):
            sockets.hand_over(transport)
        closing_one.close()
        await sockets.aclose(asyncio.get_running_loop(), None)

        assert [sock.fileno() == -1 for sock in (kept, closing, lost)] == [False, True, True]
        open_one.abort()
        await asyncio.sleep(0.001)


@on_each_loop
async def test_a_closing_tls_connection_is_aborted_and_not_cut() -> None:
    """Its peer never answers the close, for which asyncio waits for 30 s."""
    sockets = Sockets()
    loop = asyncio.get_running_loop()
    async with peers.tls_server("never_close_notify") as peer:
        sock = connected(peer)
        transport, _ = await loop.create_connection(
            asyncio.Protocol, sock=sock, ssl=peers.trusting(), server_hostname=peer.host
        )
        sockets.add(sock)
        sockets.hand_over(transport)
        transport.close()
        closing = asyncio.create_task(sockets.aclose(loop, None))
        for _ in range(CLOSING_ROUNDS + 1):
            assert sock.fileno() != -1
            await asyncio.sleep(0)
            if closing.done():
                break

        assert closing.done()
        assert sock.fileno() == -1
