"""Connecting on the reactor: the first of a name's addresses that answers, as aiohappyeyeballs."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiohappyeyeballs import start_connection
from aiohappyeyeballs.impl import _interleave_addrinfos
from hypothesis import given
from hypothesis import strategies as st

from tests.support.event_loops import on_each_loop
from tryconnect import Guard
from tryconnect import testing as peers
from tryconnect._model.faults import Blocked
from tryconnect._transport import dialer as module
from tryconnect._transport.addr_infos import AddrInfo
from tryconnect._transport.dialer import Dialer, begin_to_connect, interleaved, joined, peer_of
from tryconnect._transport.reactor import Reactor

DELAY = 0.02


def info(host: str, port: int) -> AddrInfo:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    address = (host, port, 0, 0) if ":" in host else (host, port)
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address


class Dialing:
    """A dialer, and what it says."""

    def __init__(self, guard: Guard | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.reactor = Reactor(self.loop)
        self.opened = 0
        self.answer: asyncio.Future[tuple[socket.SocketType, Any]] = self.loop.create_future()
        self.dialer = Dialer(
            self.reactor,
            guard=guard,
            opened=self._count,
            connected=lambda *connected: self.answer.set_result(connected),
            failed=self.answer.set_exception,
        )

    def _count(self) -> None:
        self.opened += 1

    async def __call__(self, *infos: AddrInfo) -> tuple[Any, ...]:
        """Dial, and return the peer that was connected to."""
        self.dialer.begin(infos)
        async with asyncio.timeout(2):
            sock, peer = await self.answer
        self.reactor.hang_up(sock)
        return tuple(peer)

    def close(self) -> None:
        self.dialer.cancel()
        self.reactor.close()


@pytest.fixture
async def dialing(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Dialing]:
    monkeypatch.setattr(module, "CONNECTION_ATTEMPT_DELAY", DELAY)
    made = Dialing()
    yield made
    made.close()


@on_each_loop
async def test_the_address_that_answers_wins(
    dialing: Dialing, http_server: peers.HttpServer
) -> None:
    port = http_server.port
    peer = await dialing(info("127.0.0.2", 1), info("127.0.0.3", 1), info("127.0.0.1", port))

    assert peer == ("127.0.0.1", port)
    assert dialing.opened == 3


async def test_an_address_that_keeps_silent_is_overtaken_and_closed(
    dialing: Dialing, http_server: peers.HttpServer
) -> None:
    async with peers.full_backlog() as hole:
        started = time.perf_counter()
        await dialing(info(hole.host, hole.port), info("127.0.0.1", http_server.port))

        assert time.perf_counter() - started > DELAY
        assert dialing.dialer._open == []  # the leak guard looks at the descriptors


async def test_who_fails_makes_the_next_one_begin_at_once(
    dialing: Dialing, monkeypatch: pytest.MonkeyPatch, http_server: peers.HttpServer
) -> None:
    monkeypatch.setattr(module, "CONNECTION_ATTEMPT_DELAY", 60)

    await dialing(info("127.0.0.1", 1), info("127.0.0.1", http_server.port))


async def test_a_last_address_that_fails_at_once_leaves_the_others_their_time(
    dialing: Dialing,
) -> None:
    broadcast = info("127.255.255.255", 1)
    async with peers.full_backlog() as hole:
        dialing.dialer.begin([info(hole.host, hole.port), broadcast])
        while not dialing.dialer._failures:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(DELAY / 2)

        assert dialing.opened == 2
        assert not dialing.answer.done()
        assert len(dialing.dialer._open) == 1


async def test_when_all_fail_alike_one_of_them_is_told(dialing: Dialing) -> None:
    with pytest.raises(ConnectionRefusedError, match=r"Connect call failed \('127\.0\.0\.1', 1\)"):
        await dialing(info("127.0.0.1", 1), info("127.0.0.1", 1))


async def test_a_cancelled_one_says_nothing_and_leaves_nothing(dialing: Dialing) -> None:
    async with peers.full_backlog() as hole:
        dialing.dialer.begin([info(hole.host, hole.port)] * 3)
        await asyncio.sleep(2 * DELAY)
        dialing.dialer.cancel()
        dialing.dialer.cancel()
        await asyncio.sleep(2 * DELAY)

    assert not dialing.answer.done()
    assert dialing.opened >= 2


async def test_the_guard_is_asked_for_each_address(http_server: peers.HttpServer) -> None:
    asked: list[str] = []

    def allows(ip: object) -> bool:
        asked.append(str(ip))
        return str(ip) != "127.0.0.2"

    dialing = Dialing(Guard(allows))
    port = http_server.port
    peer = await dialing(info("127.0.0.2", port), info("127.0.0.1", port))
    dialing.close()

    assert (peer[0], asked, dialing.opened) == ("127.0.0.1", ["127.0.0.2", "127.0.0.1"], 1)


async def test_what_the_guard_raises_ends_it() -> None:
    def broken(_: object) -> bool:
        raise KeyError

    dialing = Dialing(Guard(broken))
    with pytest.raises(KeyError):
        await dialing(info("127.0.0.1", 1), info("127.0.0.2", 1))
    dialing.close()


async def test_a_guard_lets_no_unix_socket_through() -> None:
    dialing = Dialing(Guard(lambda _: True))
    with pytest.raises(Blocked):
        await dialing((socket.AF_UNIX, socket.SOCK_STREAM, 0, "", "/nowhere"))
    dialing.close()


async def test_a_socket_that_is_its_own_peer_is_refused(
    dialing: Dialing, monkeypatch: pytest.MonkeyPatch, http_server: peers.HttpServer
) -> None:
    class Mirror(socket.socket):
        def getsockname(self) -> Any:
            return self.getpeername()

    monkeypatch.setattr(socket, "SocketType", Mirror)
    with pytest.raises(ConnectionRefusedError):
        await dialing(info("127.0.0.1", http_server.port))


class _Interrupted(socket.socket):
    """A signal comes while it connects, which goes on by itself (connect(2))."""

    def connect_ex(self, address: Any) -> int:
        super().connect_ex(address)
        return errno.EINTR


def test_to_connect_goes_on_when_a_signal_interrupts_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, _Interrupted() as sock:
        address = server.getsockname()

        begin_to_connect(sock, address)

        assert peer_of(sock, address) == address


async def test_want_of_descriptors_is_told_in_the_systems_words(
    dialing: Dialing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket, "SocketType", none_left)
    with pytest.raises(OSError, match="Too many open files"):
        await dialing(info("127.0.0.1", 1))
    assert dialing.opened == 0


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no unix sockets")
async def test_who_fails_as_soon_as_it_begins_is_closed_and_followed_by_the_next(
    dialing: Dialing, http_server: peers.HttpServer
) -> None:
    nowhere = (socket.AF_UNIX, socket.SOCK_STREAM, 0, "", "/nowhere/at/all")

    peer = await dialing(nowhere, info("127.0.0.1", http_server.port))

    assert peer == ("127.0.0.1", http_server.port)
    assert dialing.reactor._sockets == set()


async def test_what_the_listener_raises_is_its_own_fault(http_server: peers.HttpServer) -> None:
    dialing, heard = Dialing(), list[Any]()
    dialing.loop.set_exception_handler(lambda _, context: heard.append(context["exception"]))

    def broken(sock: socket.SocketType, _: object) -> None:
        dialing.reactor.hang_up(sock)
        dialing.answer.set_result((sock, ()))
        raise KeyError

    dialing.dialer._connected = broken
    await dialing(info("127.0.0.1", http_server.port))
    await asyncio.sleep(0)
    dialing.close()

    assert [type(error) for error in heard] == [KeyError]


async def test_want_of_memory_ends_it_without_another_try(
    dialing: Dialing, monkeypatch: pytest.MonkeyPatch, http_server: peers.HttpServer
) -> None:
    class Forgetful(socket.socket):
        def getpeername(self) -> Any:
            raise MemoryError

    monkeypatch.setattr(socket, "SocketType", Forgetful)
    with pytest.raises(MemoryError):
        await dialing(*[info("127.0.0.1", http_server.port)] * 2)

    assert dialing.opened == 1
    assert dialing.reactor._sockets == set()


# --- the words and the order of aiohappyeyeballs

INFOS = st.lists(st.sampled_from([info("127.0.0.1", 1), info("::1", 2), info("127.0.0.2", 3)]))


@pytest.mark.slow
@given(INFOS.filter(bool))
def test_addresses_take_turns_by_family(infos: list[AddrInfo]) -> None:
    expected: Sequence[Any] = _interleave_addrinfos(infos)

    assert interleaved(infos) == list(expected)


FAILURES = [
    [ConnectionRefusedError(111, "a")],
    [ConnectionRefusedError(111, "a"), ConnectionRefusedError(111, "a")],
    [ConnectionRefusedError(111, "a"), ConnectionRefusedError(111, "b")],
    [ConnectionRefusedError(111, "a"), OSError(101, "b"), OSError("c")],
    [Blocked(), Blocked()],
    [Blocked(), ConnectionRefusedError(111, "a")],
]


@pytest.mark.parametrize("errors", FAILURES)
async def test_several_errors_become_one_in_the_same_words(errors: list[OSError]) -> None:
    left = iter(errors)

    def fails(_: object) -> socket.socket:
        raise next(left)

    with pytest.raises(OSError) as caught:  # noqa: PT011 - compared below
        await start_connection(
            [info("127.0.0.1", 1)] * len(errors),
            happy_eyeballs_delay=DELAY,
            socket_factory=fails,
        )

    mine = joined(errors)
    assert (type(mine), mine.errno, str(mine)) == (
        type(caught.value),
        caught.value.errno,
        str(caught.value),
    )
