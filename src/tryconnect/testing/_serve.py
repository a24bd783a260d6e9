"""The base of all peers: a listening socket, its connections, and a record of them.

A peer is an async context manager over ``serve(handler)``. The handler is a coroutine function that
gets a ``Connection`` for each client; when it returns, the connection is closed. Leaving the
context cancels all handlers and closes all sockets at once.

Connections are plain non-blocking sockets, not transports: nothing is buffered, written or shut
down implicitly. They work on the stock loop and on uvloop.
"""

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

END_OF_HEAD = b"\r\n\r\n"
LINGER_NOT = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


@dataclass
class Peer:
    """A running peer: where it listens, and what it has received so far.

    Example:
        >>> from tryconnect.testing import silent
        >>> async with silent() as peer:
        ...     reached = await tryconnect.try_connect(peer.url, timeout=0.1)
        >>> reached, peer.connections
        (False, 1)

    .. versionadded:: 0.1
    """

    host: str
    port: int
    scheme: str = "http"
    connections: int = 0
    """The number of accepted connections."""
    requests: list[bytes] = field(default_factory=list)
    """The heads of the requests in order of arrival, including the empty line."""

    @property
    def address(self) -> str:
        """``host:port``, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """``scheme://host:port/``."""
        return f"{self.scheme}://{self.address}/"


class Connection:
    """One accepted client.

    Example:
        >>> from tryconnect.testing import serve
        >>> async def greet(connection):
        ...     await connection.send(b"hello")
        >>> async with serve(greet, scheme="tcp") as peer:
        ...     print(await tryconnect.try_connect(peer.url))
        True

    .. versionadded:: 0.1
    """

    def __init__(self, sock: socket.socket, peer: Peer) -> None:
        self.sock = sock
        self.peer = peer

    async def receive(self) -> bytes:
        """Receive some bytes; ``b""`` once the client has finished sending."""
        return await asyncio.get_running_loop().sock_recv(self.sock, 65_536)

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def head(self) -> bytes:
        """Read and record the head of a request, or what arrived before the client left."""
        data = bytearray()
        while END_OF_HEAD not in data and (chunk := await self.receive()):
            data += chunk
        head = bytes(data)
        if head:
            self.peer.requests.append(head)
        return head

    async def until_gone(self) -> None:
        """Read and discard until the client closes."""
        while await self.receive():
            pass

    async def for_ever(self) -> None:
        """Hold the connection, without reading, until the peer is closed."""
        await asyncio.get_running_loop().create_future()

    def reset(self) -> None:
        """Close with RST; the client loses what it has not read yet."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        self.sock.close()


Handler = Callable[[Connection], Awaitable[None]]


def listening(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """Open a listening socket; port 0 lets the system choose."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=1024)


def ipv6_loopback() -> bool:
    """Return whether this system can listen on ``::1``.

    Example:
        >>> from tryconnect.testing import http_server, ipv6_loopback
        >>> if ipv6_loopback():
        ...     async with http_server(host="::1") as server:
        ...         assert await tryconnect.try_connect(server.url)

    .. versionadded:: 0.1
    """
    try:
        listening("::1").close()
    except OSError:
        return False
    return True


@contextlib.asynccontextmanager
async def serve(
    handler: Handler, *, host: str = "127.0.0.1", scheme: str = "http"
) -> AsyncIterator[Peer]:
    """Listen on a free port and pass each client to a handler.

    Args:
        handler: Serves one client; when it returns, the connection is closed. It may raise
            ``OSError`` if the client has left.
        host: Where to listen.
        scheme: The scheme of its ``url``.

    Raises:
        ExceptionGroup: When the context ends: any other exceptions of the handler.

    Example:
        >>> from tryconnect.testing import REPLIES, serve
        >>> async def reply(connection):
        ...     await connection.head()
        ...     await connection.send(REPLIES["no_content"].data)
        >>> async with serve(reply) as peer:
        ...     print((await tryconnect.probe(peer.url)).status)
        204

    .. versionadded:: 0.1
    """
    with listening(host) as listener:
        peer = Peer(host=host, port=listener.getsockname()[1], scheme=scheme)
        async with serve_on(listener, handler, peer):
            yield peer


@contextlib.asynccontextmanager
async def serve_on(listener: socket.socket, handler: Handler, peer: Peer) -> AsyncIterator[None]:
    """Pass each client of ``listener`` to ``handler``, and record it in ``peer``.

    A handler may raise ``OSError`` if the client has left. Other exceptions are raised, as a group,
    when the context ends.
    """
    listener.settimeout(0)
    loop = asyncio.get_running_loop()

    # Accepted, but the task may be cancelled before its first step: these must be closed.
    accepted: set[socket.socket] = set()

    async def converse(sock: socket.socket) -> None:
        accepted.discard(sock)
        with sock, contextlib.suppress(OSError):
            await handler(Connection(sock, peer))

    def accept() -> None:
        with contextlib.suppress(OSError):  # the client has left
            sock, _ = listener.accept()
            sock.settimeout(0)
            peer.connections += 1
            accepted.add(sock)
            tasks.append(loop.create_task(converse(sock), name=f"peer {peer.address}"))

    tasks: list[asyncio.Task[None]] = []
    # Not sock_accept: if cancelled at the wrong moment, uvloop's loses the accepted socket.
    loop.add_reader(listener, accept)
    try:
        yield
    finally:
        loop.remove_reader(listener)
        await ended(tasks)
        for sock in accepted:
            sock.close()


async def ended(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel the tasks, and raise their exceptions as a group."""
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    if faults := [end for end in ends if isinstance(end, Exception)]:
        raise ExceptionGroup("a peer's own fault", faults)
