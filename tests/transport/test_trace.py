"""What a check leaves: its phases, its peer, and no socket."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.event_loops import LoopFactory, each_factory, on_each_loop
from tryconnect import Guard
from tryconnect import testing as peers
from tryconnect._address.target import parse
from tryconnect._model.faults import Blocked
from tryconnect._model.report import Tls
from tryconnect._transport.attempt import Attempt, Phase, ProxyRoute
from tryconnect._transport.certificate_end import certificate_end
from tryconnect._transport.trace import Trace, current, open_socket, tls_facts
from tryconnect.testing.certificates import authority

TARGET = parse("http://127.0.0.1:7/")
TCP = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")


def made(trace: Trace) -> Attempt:
    return trace.attempt(error=None)


# --- phases


def test_a_trail_without_any_phase() -> None:
    attempt = made(Trace(TARGET))

    timings = attempt.timings
    assert (timings.dns, timings.connect, timings.tls, timings.response) == (None,) * 4
    assert timings.total > 0
    assert attempt.phase is None


def test_phases_are_added_up() -> None:
    trace = Trace(TARGET)
    for phase in (Phase.dns, None, Phase.connect, Phase.dns):
        if phase is None:
            trace.end()
        else:
            trace.begin(phase)
        time.sleep(0.002)
    attempt = made(trace)

    assert attempt.phase is Phase.dns
    assert attempt.timings.dns is not None
    assert attempt.timings.connect is not None
    assert attempt.timings.dns >= 0.004
    assert attempt.timings.connect >= 0.002
    assert attempt.timings.total >= attempt.timings.dns + attempt.timings.connect


def test_the_first_socket_begins_the_connection_and_others_do_not_restart_it() -> None:
    trace = Trace(TARGET)
    trace.reused = True
    with socket.socket() as first, socket.socket() as second:
        trace.socket_opened(first)
        time.sleep(0.002)
        trace.socket_opened(second)
    timings = made(trace).timings

    assert not trace.reused
    assert timings.connect is not None
    assert timings.connect >= 0.002


def test_a_handshake_over_a_connection_that_is_gone_has_no_peer() -> None:
    trace = Trace(TARGET)
    with socket.socket() as sock:
        trace.socket_opened(sock)
        trace.handshake_started()

    assert (trace.phase, trace.ip) == (Phase.tls, None)


def test_a_connection_without_a_transport_begins_the_answer() -> None:
    """As mocked responses have none."""
    trace = Trace(TARGET)
    trace.connection_ready(None)

    assert (trace.phase, trace.ip, trace.tls) == (Phase.response, None, None)


def test_what_it_knows_is_in_the_attempt() -> None:
    trace = Trace(TARGET)
    trace.status, trace.proxy = 200, ProxyRoute("proxy.test:3128")
    error = OSError()

    attempt = trace.attempt(error=error)

    assert (attempt.target, attempt.error) == (TARGET, error)
    assert (attempt.status, attempt.proxy, attempt.hops) == (200, trace.proxy, ())


# --- TLS


class Connection:
    """What the trace asks of an OpenSSL connection."""

    def __init__(self, version: str | None, certificate: bytes | None) -> None:
        self.version = lambda: version
        self.getpeercert: Callable[[bool], object] = lambda binary: certificate if binary else {}


CERTIFICATE = ssl.PEM_cert_to_DER_cert(authority().cert_pem.bytes().decode())


@pytest.mark.parametrize(
    ("connection", "tls"),
    [
        (None, None),
        (Connection("TLSv1.3", CERTIFICATE), Tls("TLSv1.3", certificate_end(CERTIFICATE))),
        (Connection("TLSv1.2", b"no certificate"), Tls("TLSv1.2")),
        (Connection(None, None), Tls("unknown")),
    ],
)
def test_what_is_told_of_tls(connection: Connection | None, tls: Tls | None) -> None:
    assert tls_facts(connection) == tls


# --- sockets


def test_outside_of_a_check_a_socket_leaves_no_trace() -> None:
    with open_socket((*TCP, ("127.0.0.1", 7))) as sock:
        assert sock.family == socket.AF_INET
    assert current.get() is None


@pytest.mark.parametrize(
    ("info", "guard"),
    [
        ((*TCP, ("127.0.0.1", 7)), Guard.public()),
        ((*TCP, ("8.8.8.8", 22)), Guard.public(ports={80})),
        ((socket.AF_INET6, *TCP[1:], ("::ffff:127.0.0.1", 7, 0, 0)), Guard.public()),
        pytest.param(
            (getattr(socket, "AF_UNIX", None), *TCP[1:], "/run/none"),
            Guard(lambda _: True),
            marks=pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no unix sockets"),
        ),
    ],
)
async def test_a_guard_comes_before_the_socket(info: tuple[Any, ...], guard: Guard) -> None:
    async with Trace(TARGET) as trace:
        with pytest.raises(Blocked):
            open_socket(info, guard=guard)
        assert trace.phase is None


async def test_a_guard_lets_others_through() -> None:
    with open_socket((*TCP, ("127.0.0.1", 7)), guard=Guard(lambda _: True)) as sock:
        assert sock.fileno() >= 0


async def connected_to(peer: peers.Peer) -> socket.socket:
    sock = open_socket((*TCP, (peer.host, peer.port)))
    sock.settimeout(0)
    await asyncio.get_running_loop().sock_connect(sock, (peer.host, peer.port))
    return sock


@on_each_loop
@pytest.mark.parametrize("how", ["success", "failure", "cancellation"])
async def test_a_socket_that_a_library_lost_is_closed(how: str) -> None:
    async def check() -> None:
        async with Trace(TARGET):
            assert current.get() is not None
            lost.append(await connected_to(peer))
            lost.append(open_socket((*TCP, ("127.0.0.1", 7))))  # never connected
            if how == "failure":
                raise LookupError
            if how == "cancellation":
                await asyncio.sleep(60)

    lost: list[socket.socket] = []
    async with peers.silent() as peer:
        task = asyncio.ensure_future(check())
        while len(lost) < 2:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    assert [sock.fileno() for sock in lost] == [-1, -1]
    assert current.get() is None


@on_each_loop
async def test_a_kept_connection_stays_open() -> None:
    async with peers.silent() as peer:
        loop = asyncio.get_running_loop()
        async with Trace(TARGET) as trace:
            sock = await connected_to(peer)
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=sock)
            trace.connection_ready(transport)
        assert trace.ip == "127.0.0.1"
        assert not transport.is_closing()
        assert sock.fileno() != -1
        transport.abort()
        await asyncio.sleep(0.001)


@on_each_loop
async def test_a_closing_tls_connection_does_not_wait_for_its_peer() -> None:
    """The peer never answers close_notify, for which asyncio would wait 30 s."""
    async with peers.tls_server("never_close_notify") as peer:
        loop = asyncio.get_running_loop()
        async with Trace(TARGET) as trace:
            sock = await connected_to(peer)
            transport, _ = await loop.create_connection(
                asyncio.Protocol, sock=sock, ssl=peers.trusting(), server_hostname="127.0.0.1"
            )
            trace.connection_ready(transport)
            transport.close()
        assert sock.fileno() == -1
    assert trace.tls is not None


class WithoutSocket(asyncio.Transport):
    """A transport of a loop that shows no sockets."""

    def is_closing(self) -> bool:
        return False


async def test_a_transport_without_a_socket() -> None:
    async with Trace(TARGET) as trace:
        trace.connection_ready(WithoutSocket())

    assert (trace.ip, trace.tls) == (None, None)


@each_factory
def test_where_the_loop_is_gone_nothing_is_awaited(loop_factory: LoopFactory) -> None:
    """The garbage collector ends a check whose loop was closed under it."""
    trace = Trace(TARGET)
    loop = loop_factory()
    loop.run_until_complete(trace.__aenter__())
    current.set(trace)
    sock = open_socket((*TCP, ("127.0.0.1", 7)))
    trace.connection_ready(WithoutSocket())
    loop.close()

    with pytest.raises(StopIteration):
        trace.__aexit__(GeneratorExit, GeneratorExit(), None).send(None)
    assert sock.fileno() == -1
    assert current.get() is None
