"""TLS over ``ssl.MemoryBIO``, in front of any handler.

Nothing is sent, answered or shut down implicitly, so that a peer may never answer close_notify.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, TypeVar

from tryconnect.testing._serve import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from tryconnect.testing._serve import Handler

__all__ = ["TlsConnection", "over_tls"]

T = TypeVar("T")


class TlsConnection(Connection):
    """A connection whose ``receive`` and ``send`` speak TLS, on the server's side."""

    def __init__(self, plain: Connection, context: ssl.SSLContext) -> None:
        super().__init__(plain.sock, plain.peer)
        self.plain = plain
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    async def handshake(self) -> None:
        await self._until_done(self.tls.do_handshake)

    async def receive(self) -> bytes:
        return await self._until_done(lambda: self.tls.read(65_536))

    async def send(self, data: bytes) -> None:
        await self._until_done(lambda: self.tls.write(data))

    async def _until_done(self, step: Callable[[], T]) -> T:
        """Retry a step, moving bytes between TLS and the socket, until it is done."""
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


def over_tls(handler: Handler, context: ssl.SSLContext) -> Handler:
    """Return the same handler behind a TLS handshake.

    .. versionadded:: 0.1
    """

    async def behind(connection: Connection) -> None:
        tls = TlsConnection(connection, context)
        await tls.handshake()
        await handler(tls)

    return behind
