"""A server process for use without nginx: pages, or silence, on inherited sockets.

``python -m benchmarks.server_process (pages FOLDER | silent)``: the folder has a certificate for
each TLS host; the variable ``LISTENING`` has the descriptors of the sockets.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
from pathlib import Path

from benchmarks.servers import BACKLOG, BODIES, certificate

__all__: list[str] = []


class Pages(asyncio.Protocol):
    """Answers each GET with one of the bodies."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for mypy
        self.transport = transport
        self.held = b""

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        *heads, self.held = (self.held + data).split(b"\r\n\r\n")
        for head in heads:
            self.transport.write(ANSWERS.get(head.split(b" ", 2)[1], MISSING))


def answer(status: str, body: bytes) -> bytes:
    """Return a complete response."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


ANSWERS = {path.encode(): answer("200 OK", body) for path, body in BODIES.items()}
MISSING = answer("404 Not Found", b"")


class Silence(asyncio.Protocol):
    """Never answers."""


async def serve(kind: type[asyncio.Protocol], folder: Path | None) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    for number in os.environ["LISTENING"].split(","):
        sock = socket.socket(fileno=int(number))
        host, _ = sock.getsockname()
        context = None if folder is None else context_for(certificate(folder, host))
        await loop.create_server(kind, sock=sock, ssl=context, backlog=BACKLOG)
    await loop.create_future()


def context_for(file: Path) -> ssl.SSLContext | None:
    """Return the context that presents a certificate; ``None`` if there is none."""
    if not file.exists():
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


if __name__ == "__main__":
    KINDS = {"pages": Pages, "silent": Silence}
    asyncio.run(serve(KINDS[sys.argv[1]], Path(sys.argv[2]) if len(sys.argv) > 2 else None))  # noqa: PLR2004
