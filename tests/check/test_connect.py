"""The roads without HTTP."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.event_loops import Listening, on_each_loop
from tests.support.ports import free_port
from tryconnect import Client, Reason
from tryconnect import testing as peers
from tryconnect._address.target import parse
from tryconnect._check.connect import open_tcp, open_unix
from tryconnect._check.transports import aiohttp_only
from tryconnect._model.faults import LocalFault
from tryconnect._options import FAMILIES
from tryconnect._transport.resolver import Resolver
from tryconnect._transport.trace import Trace, open_socket

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own way")
unix_only = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no unix sockets")


@on_each_loop
async def test_an_open_port_leaves_its_peer_on_the_trail() -> None:
    async with peers.silent() as peer, Trace(parse(f"tcp://{peer.address}")) as trace:
        await open_tcp(trace, Resolver(), family=FAMILIES["any"], guard=None, pins={})

        assert trace.ip == "127.0.0.1"
        assert trace.phase is None
        # Else the trail would wait 23 rounds of the loop for somebody to close it.
        assert {sock.fileno() for sock in trace._sockets._opened} == {-1}


async def test_a_name_is_looked_up() -> None:
    async with (
        peers.silent() as peer,
        peers.dns_server({"good.test": ["127.0.0.1"]}) as dns,
        Trace(parse(f"tcp://good.test:{peer.port}")) as trace,
    ):
        names = Resolver(**dns.resolver_arguments)
        await open_tcp(trace, names, family=FAMILIES["ipv4"], guard=None, pins={})
        await names.close()

    assert trace.ip == "127.0.0.1"
    assert trace.attempt(error=None).timings.dns is not None


@on_each_loop
async def test_a_closed_port_raises_what_the_system_says() -> None:
    async with peers.closed_port() as peer, Trace(parse(f"tcp://{peer.address}")) as trace:
        with pytest.raises(ConnectionRefusedError):
            await open_tcp(trace, Resolver(), family=FAMILIES["any"], guard=None, pins={})


def from_the_same_port(info: tuple[Any, ...], **options: Any) -> socket.socket:
    """What the kernel does now and then by chance: it sends from the very port that is asked."""
    sock = open_socket(info, **options)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(info[4])
    return sock


@linux_only
@on_each_loop
async def test_a_socket_that_met_itself_met_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tryconnect._transport.connector.open_socket", from_the_same_port)
    async with Client(proxy=None) as client:
        report = await client.probe(f"tcp://127.0.0.1:{free_port()}")

    assert report.reason is Reason.refused


@linux_only
async def test_nor_by_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tryconnect._transport.connector.open_socket", from_the_same_port)
    async with Client(proxy=None) as client:
        report = await client.probe(f"http://127.0.0.1:{free_port()}/")

    assert report.reason is Reason.refused


@unix_only
@on_each_loop
async def test_a_unix_socket_opens() -> None:
    async with peers.unix_server() as peer, Trace(parse(peer.url)) as trace:
        await open_unix(trace, guard=None)

        assert trace.phase is None
        assert trace.ip is None


@unix_only
@on_each_loop
async def test_no_unix_socket(tmp_path: Path) -> None:
    async with Trace(parse(f"unix://{tmp_path}/none")) as trace:
        with pytest.raises(FileNotFoundError):
            await open_unix(trace, guard=None)


@linux_only
@on_each_loop
async def test_a_full_queue_is_waited_for(tmp_path: Path) -> None:
    """The system says "try again" (EAGAIN) as long as nobody accepts."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        async with Trace(parse(f"unix://{path}")) as trace:
            opening = asyncio.ensure_future(open_unix(trace, guard=None))
            await asyncio.sleep(0.03)
            assert not opening.done()
            listener.accept()[0].close()
            await asyncio.wait_for(opening, 5)


async def test_a_platform_without_unix_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("tryconnect._transport.connector.socket.AF_UNIX", raising=False)
    async with Trace(parse("unix:///run/none")) as trace:
        with pytest.raises(LocalFault, match="no unix sockets"):
            await open_unix(trace, guard=None)


@pytest.mark.slow
@on_each_loop
async def test_a_port_that_resets_at_once_is_open_or_reset() -> None:
    """Which of the two depends on who is faster; it is never anything else."""
    async with peers.reset("accept", delay=0) as peer, Client(proxy=None) as client:
        reasons = {(await client.probe(peer.address)).reason for _ in range(200)}

    assert reasons <= {Reason.ok, Reason.reset}


class HangsUp(Listening):
    """Has the listener closed at the moment between a connection and the first look at it."""

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        await super().sock_connect(sock, address)
        self.listener.close()


@linux_only
def test_a_connection_that_is_reset_before_it_was_looked_at_was_reset() -> None:
    with aiohttp_only():  # the reactor connects without the loop
        assert HangsUp().probe("tcp").reason is Reason.reset
