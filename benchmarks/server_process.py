"""The process of a server, when it is not nginx: pages, or silence, at inherited sockets.

``python -m benchmarks.server_process (pages [CERTIFICATE] | silent)``; ``LISTENING`` in the
environment has the numbers of the sockets.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys

from benchmarks.servers import BACKLOG, BODIES

__all__: list[str] = []


class Pages(asyncio.Protocol):
    """Answers a GET of one of the bodies, again and again."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for mypy
        self.transport = transport
        self.held = b""

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        *heads, self.held = (self.held + data).split(b"\r\n\r\n")
        for head in heads:
            self.transport.write(ANSWERS.get(head.split(b" ", 2)[1], MISSING))


def answer(status: str, body: bytes) -> bytes:
    """Return a whole answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


ANSWERS = {path.encode(): answer("200 OK", body) for path, body in BODIES.items()}
MISSING = answer("404 Not Found", b"")


class Silence(asyncio.Protocol):
    """Says nothing."""


async def serve(kind: type[asyncio.Protocol], certificate: str | None) -> None:
    """Serve until killed."""
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    for number in os.environ["LISTENING"].split(","):
        sock = socket.socket(fileno=int(number))
        await loop.create_server(kind, sock=sock, ssl=context, backlog=BACKLOG)
    await loop.create_future()


if __name__ == "__main__":
    KINDS = {"pages": Pages, "silent": Silence}
    asyncio.run(serve(KINDS[sys.argv[1]], sys.argv[2] if len(sys.argv) > 2 else None))  # noqa: PLR2004
