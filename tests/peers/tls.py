"""TLS servers, good and bad, on raw sockets.

TLS is driven by hand over ``ssl.MemoryBIO``: nothing is sent, answered or shut down that a peer's
handler did not ask for. That is what makes a server possible which never answers close_notify.
"""

import functools
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from ._serve import Connection, Handler, Peer, serve
from .certificates import CONTEXTS, server_context
from .raw import OK

T = TypeVar("T")


class TlsConnection(Connection):
    """A connection whose ``receive`` and ``send`` speak TLS, as the server."""

    def __init__(self, plain: Connection, context: ssl.SSLContext) -> None:
        super().__init__(plain.sock, plain.peer)
        self.plain = plain
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    async def handshake(self) -> None:
        await self._until_done(self.tls.do_handshake)

    async def receive(self) -> bytes:
        try:
            return await self._until_done(lambda: self.tls.read(65_536))
        except ssl.SSLZeroReturnError:
            return b""

    async def send(self, data: bytes) -> None:
        await self._until_done(lambda: self.tls.write(data))

    async def _until_done(self, step: Callable[[], T]) -> T:
        """Take the step, carrying bytes between it and the socket as often as it needs."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._flush()
            except ssl.SSLError:
                await self._flush()  # the alert
                raise
            else:
                await self._flush()
                return result
            if data := await self.plain.receive():
                self.incoming.write(data)
            else:
                self.incoming.write_eof()

    async def _flush(self) -> None:
        if data := self.outgoing.read():
            await self.plain.send(data)


async def answers(connection: Connection) -> None:
    """Answer 200 and hang up."""
    await connection.head()
    await connection.send(OK)


async def answers_and_ignores(connection: Connection) -> None:
    """Answer 200, then neither read nor close: a client's close_notify gets no answer."""
    await answers(connection)
    await connection.for_ever()


def over_tls(handler: Handler, context: ssl.SSLContext) -> Handler:
    """The same handler behind a handshake with this context."""

    async def behind(connection: Connection) -> None:
        tls = TlsConnection(connection, context)
        await tls.handshake()
        await handler(tls)

    return behind


def good_at_http(kind: str) -> Handler:
    """Shake hands as this kind does, then answer 200."""
    return over_tls(answers, server_context(kind))


async def silent_handshake(connection: Connection) -> None:
    """Take the client's hello and everything else, and say nothing."""
    await connection.until_gone()


async def reset_in_handshake(connection: Connection) -> None:
    await connection.receive()
    connection.reset()


async def closes_in_handshake(connection: Connection) -> None:
    await connection.receive()


async def alert_in_handshake(connection: Connection) -> None:
    """Answer the client's hello with the fatal alert handshake_failure."""
    await connection.receive()
    await connection.send(b"\x15\x03\x03\x00\x02\x02\x28")


async def plain_on_tls_port(connection: Connection) -> None:
    """Answer the client's hello in plain HTTP, as web servers do."""
    await connection.receive()
    await connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


HANDLERS: dict[str, Callable[[], Handler]] = {
    **{kind: functools.partial(good_at_http, kind) for kind in CONTEXTS},
    "never_close_notify": lambda: over_tls(answers_and_ignores, server_context()),
    "silent_handshake": lambda: silent_handshake,
    "reset_in_handshake": lambda: reset_in_handshake,
    "closes_in_handshake": lambda: closes_in_handshake,
    "alert_in_handshake": lambda: alert_in_handshake,
    "plain_on_tls_port": lambda: plain_on_tls_port,
}
"""The kinds of ``tls_server``: those of ``CONTEXTS`` answer 200 once the handshake is done."""


def tls_server(kind: str = "good", *, host: str = "127.0.0.1") -> AbstractAsyncContextManager[Peer]:
    """A server of one kind: a name in ``HANDLERS``."""
    return serve(HANDLERS[kind](), host=host, scheme="https")
