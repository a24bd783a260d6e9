"""One connection on the reactor, whatever its peer does and however little the kernel takes."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from tests.support.event_loops import on_each_loop
from tryconnect import testing as peers
from tryconnect._address.target import parse
from tryconnect._model.faults import Disconnected
from tryconnect._transport.addr_infos import literal_infos
from tryconnect._transport.attempt import Phase
from tryconnect._transport.exchange import Encryption, Exchange
from tryconnect._transport.reactor import Reactor
from tryconnect._transport.trace import Trace

REQUEST = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\n\r\n"


class Asking:
    """An exchange, and what it says."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.reactor = Reactor(self.loop)
        self.trace = Trace(parse("http://a.test/"))
        self.answer: asyncio.Future[bytes] = self.loop.create_future()
        self.exchange = Exchange(
            self.reactor,
            self.trace,
            None,
            self.answer.set_result,
            self.answer.set_exception,
        )

    async def __call__(
        self, peer: peers.Peer, request: bytes = REQUEST, context: ssl.SSLContext | None = None
    ) -> bytes:
        """Ask a peer, and return the head of what it answers."""
        self.exchange.begin(
            literal_infos(peer.host, peer.port, socket.AF_UNSPEC),
            request=request,
            encryption=Encryption(context, peer.host) if context else None,
        )
        async with asyncio.timeout(5):
            return await self.answer


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    made = Asking()
    yield made
    made.exchange.close()
    made.reactor.close()


@pytest.mark.slow
@on_each_loop
@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_request_larger_than_any_buffer_is_sent_in_parts(
    asking: Asking, *, encrypted: bool, client_ssl: ssl.SSLContext
) -> None:
    body = b"X-Large: " + b"x" * 2**23 + b"\r\n\r\n"
    got: list[int] = []

    async def slow(connection: Any) -> None:
        size = len(REQUEST) - 2 + len(body)
        while sum(got) < size:
            got.append(len(await connection.receive(2**16)))
        await connection.send(ANSWER)

    context = client_ssl if encrypted else None
    async with _Server(slow, peers.server_context() if encrypted else None) as peer:
        assert await asking(peer, REQUEST[:-2] + body, context) == ANSWER

    assert len(got) > 2


class _Server:
    """A server of asyncio's own, which speaks TLS too."""

    def __init__(self, handler: Any, tls: ssl.SSLContext | None) -> None:
        self._handler, self._tls = handler, tls

    async def __aenter__(self) -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            class Connection:
                receive = reader.read

                async def send(self, data: bytes) -> None:
                    writer.write(data)
                    await writer.drain()

            await self._handler(Connection())
            writer.close()

        self._server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=self._tls)
        self.host, self.port = self._server.sockets[0].getsockname()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()


async def test_an_answer_that_came_before_the_question_counts_though_it_cannot_be_sent(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from a server that is full: it says so and hangs up."""

    class Deaf(socket.socket):
        def send(self, *_: object) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("tryconnect._transport.dialer.socket.SocketType", Deaf)
    async with peers.raw(peers.Reply(ANSWER, "speaks first", speaks_first=True)) as peer:
        assert await asking(peer) == ANSWER


async def test_a_question_that_cannot_be_sent_is_told_where_there_is_no_answer(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deaf(socket.socket):
        def send(self, *_: object) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("tryconnect._transport.dialer.socket.SocketType", Deaf)
    async with peers.closes("accept") as peer:
        with pytest.raises(BrokenPipeError):
            await asking(peer)


async def test_an_end_without_an_answer(asking: Asking) -> None:
    async with peers.closes() as peer:
        with pytest.raises(Disconnected):
            await asking(peer)


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels may take their time")
async def test_who_is_on_this_machine_is_asked_at_once(asking: Asking) -> None:
    async with peers.silent() as peer:
        asking.exchange.begin(
            literal_infos(peer.host, peer.port, socket.AF_UNSPEC), request=REQUEST, encryption=None
        )
        assert asking.trace.phase is Phase.response
        assert asking.trace.ip == peer.host
        asking.exchange.close()


async def test_with_nothing_to_ask_it_is_enough_that_it_opens(asking: Asking) -> None:
    async with peers.silent() as peer:
        assert await asking(peer, b"") == b""


async def test_with_nothing_to_ask_it_is_enough_that_it_is_encrypted(
    asking: Asking, client_ssl: ssl.SSLContext
) -> None:
    async with peers.tls_server("never_close_notify") as peer:
        assert await asking(peer, b"", client_ssl) == b""

    assert asking.trace.tls is not None


@pytest.mark.parametrize("moment", range(8))
async def test_closed_at_any_moment_it_says_nothing_and_leaves_nothing(
    moment: int, asking: Asking, client_ssl: ssl.SSLContext
) -> None:
    async with peers.tls_server("never_close_notify") as peer:
        task = asyncio.ensure_future(asking(peer, REQUEST, client_ssl))
        for _ in range(moment):
            await asyncio.sleep(0)
        asking.exchange.close()
        asking.exchange.close()
        assert asking.reactor._watched == {}
        task.cancel()
        await asyncio.wait([task])


async def test_what_the_listener_raises_is_not_taken_for_the_peers_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asking = Asking()
    heard: list[Any] = []
    asking.loop.set_exception_handler(lambda _, context: heard.append(context["exception"]))

    def broken(_: bytes) -> None:
        asking.answer.set_result(b"")
        raise KeyError

    monkeypatch.setattr(asking.exchange, "_answered", broken)
    async with peers.raw(peers.Reply(ANSWER, "")) as peer:
        await asking(peer)
        await asyncio.sleep(0)

    assert [type(error) for error in heard] == [KeyError]
    asking.reactor.close()


async def test_a_buffer_that_is_full_is_tried_again(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(socket.socket):
        tries = 0

        def send(self, data: Any, *_: object) -> int:
            Full.tries += 1
            if Full.tries == 1:
                raise BlockingIOError
            return super().send(data)

    monkeypatch.setattr("tryconnect._transport.dialer.socket.SocketType", Full)
    async with peers.raw(peers.Reply(ANSWER, "")) as peer:
        assert await asking(peer) == ANSWER
        assert peer.requests == [REQUEST]

    assert Full.tries == 2


@pytest.mark.parametrize("addresses", [1, 2])
async def test_what_cannot_be_encrypted_is_told_and_hung_up(
    addresses: int, asking: Asking, client_ssl: ssl.SSLContext
) -> None:
    async with peers.silent() as peer:
        infos = literal_infos(peer.host, peer.port, socket.AF_UNSPEC) * addresses
        asking.exchange.begin(infos, REQUEST, Encryption(client_ssl, ".no-name.test"))
        with pytest.raises(ValueError, match="label empty"):
            await asking.answer

    assert asking.reactor._sockets == set()


@contextlib.contextmanager
def _encrypted_in_a_thread(
    serve: Callable[[ssl.SSLSocket], None], context: ssl.SSLContext
) -> Iterator[peers.Peer]:
    """A server of one connection, whose TLS does what asyncio's does not."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def run() -> None:
            plain = listener.accept()[0]
            plain.settimeout(5)
            with context.wrap_socket(plain, server_side=True) as connection:
                serve(connection)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield peers.Peer(*listener.getsockname())
        finally:
            thread.join()


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1", b""])
async def test_an_encrypted_end_without_a_farewell_is_an_end(
    said: bytes, asking: Asking, client_ssl: ssl.SSLContext
) -> None:
    def cut(connection: ssl.SSLSocket) -> None:
        connection.recv(2**16)
        if said:
            connection.send(said)
        connection.shutdown(socket.SHUT_WR)  # of TCP: TLS says nothing

    ends = contextlib.nullcontext() if b"200" in said else pytest.raises(Disconnected)
    with _encrypted_in_a_thread(cut, peers.server_context()) as peer, ends:
        assert (await asking(peer, REQUEST, client_ssl)).startswith(said)


async def test_what_tls_has_to_say_before_the_answer_is_sent(asking: Asking) -> None:
    """A server that wants a certificate once it has read the request waits for what is said."""
    context, server_context = peers.trusting(), peers.server_context()
    context.post_handshake_auth = server_context.post_handshake_auth = True
    server_context.verify_mode = ssl.CERT_OPTIONAL
    heard = []

    def asks_back(connection: ssl.SSLSocket) -> None:
        connection.recv(2**16)
        connection.verify_client_post_handshake()
        connection.do_handshake()
        heard.extend(select.select([connection], [], [], 2)[0])
        connection.send(ANSWER)

    with _encrypted_in_a_thread(asks_back, server_context) as peer:
        assert await asking(peer, REQUEST, context) == ANSWER

    assert heard
