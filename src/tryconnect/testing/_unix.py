"""Peers on Unix sockets."""

import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tryconnect.testing._misbehaving import OK
from tryconnect.testing._serve import Connection, Handler, Peer, serve_on


@dataclass
class UnixPeer(Peer):
    """A running ``unix_server``; its ``host`` is the socket's path.

    Example:
        >>> from tryconnect.testing import unix_server
        >>> async with unix_server() as peer:
        ...     print(peer.path.is_socket())
        True

    .. versionadded:: 0.1
    """

    scheme: str = "unix"

    @property
    def path(self) -> Path:
        return Path(self.host)

    @property
    def address(self) -> str:
        return self.host

    @property
    def url(self) -> str:
        """``unix:///path``."""
        return f"unix://{self.host}"


async def answers(connection: Connection) -> None:
    """Answer 200 to a request; ignore clients that only connect.

    .. versionadded:: 0.1
    """
    if await connection.head():
        await connection.send(OK)


@contextlib.asynccontextmanager
async def unix_server(handler: Handler = answers) -> AsyncIterator[UnixPeer]:
    """Listen on a Unix socket in a temporary directory.

    It is not pytest's, since the path of a socket is limited to about 100 bytes (unix(7)).

    Example:
        >>> from tryconnect.testing import unix_server
        >>> async with unix_server() as peer:
        ...     print(await tryconnect.try_connect(peer.url))
        True

    .. versionadded:: 0.1
    """
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = str(Path(folder, "socket"))
        listener.bind(path)
        listener.listen()
        peer = UnixPeer(host=path, port=0)
        async with serve_on(listener, handler, peer):
            yield peer
