"""An HTTP proxy that forwards plain requests and tunnels CONNECT, with or without a password.

For proxies that do not work, use ``silent()``, ``reset()``, ``closed_port()`` or ``raw(b"…")``.
"""

import asyncio
import base64
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

from tryconnect.testing._optional import server_context
from tryconnect.testing._serve import END_OF_HEAD, Connection, Peer, listening, serve_on
from tryconnect.testing._tls_connection import over_tls


class Asked(NamedTuple):
    """One request to a proxy: ``CONNECT`` with ``host:port``, others with an absolute URL."""

    method: str
    target: str


@dataclass
class Proxy(Peer):
    """A running ``proxy``.

    Example:
        >>> from tryconnect.testing import http_server, proxy
        >>> async with http_server() as server, proxy() as way:
        ...     async with tryconnect.Client(proxy=way.url_for("http")) as client:
        ...         print(await client.try_connect(server.url))
        True

    .. versionadded:: 0.1
    """

    auth: tuple[str, str] | None = None
    refuses: int | None = None
    hosts: Mapping[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def url_for(self, auth: tuple[str, str] | None) -> str:
        """Return the proxy's URL with user and password, as for environment variables."""
        return self.url.replace("://", f"://{':'.join(auth)}@") if auth else self.url

    def refusal(self, head: bytes) -> bytes | None:
        """Return the response to a request that is refused, or ``None``."""
        if self.auth:
            credentials = base64.b64encode(":".join(self.auth).encode())
            if b"basic " + credentials not in head.replace(b"Basic", b"basic"):
                return answering(407, b'Proxy-Authenticate: Basic realm="test"\r\n')
        return answering(self.refuses) if self.refuses else None


@contextlib.asynccontextmanager
async def proxy(
    *,
    auth: tuple[str, str] | None = None,
    refuses: int | None = None,
    tls: str | None = None,
    hosts: Mapping[str, str] | None = None,
) -> AsyncIterator[Proxy]:
    """Run a proxy.

    Args:
        auth: User and password to require (407 without them).
        refuses: The status that answers every request, such as 403 or 502.
        tls: A kind of ``certificates.CONTEXTS``: an https:// proxy.
        hosts: Addresses of the names that it knows; other names, and failed connections, are
            answered with 502. Literal addresses need not be listed.

    Example:
        >>> from tryconnect.testing import http_server, proxy
        >>> async with http_server() as server, proxy() as way:
        ...     async with tryconnect.Client(proxy=way.url) as client:
        ...         print(await client.try_connect(server.url), way.connections)
        True 1

    .. versionadded:: 0.1
    """
    with listening() as listener:
        peer = Proxy(
            host="127.0.0.1",
            port=listener.getsockname()[1],
            scheme="https" if tls else "http",
            auth=auth,
            refuses=refuses,
            hosts=hosts or {},
        )

        async def handler(connection: Connection) -> None:
            await pass_on(connection, peer)

        served = over_tls(handler, server_context(tls)) if tls else handler
        async with serve_on(listener, served, peer):
            yield peer


async def pass_on(connection: Connection, peer: Proxy) -> None:
    """Serve one client: one request, and what follows in both directions."""
    head = await connection.head()
    if END_OF_HEAD not in head:
        return
    first, rest = head.split(b"\r\n", 1)
    method, target, _ = first.decode("latin-1").split(" ", 2)
    peer.asked.append(Asked(method, target))
    if refusal := peer.refusal(head):
        await connection.send(refusal)
        return
    url = urlsplit(f"//{target}" if method == "CONNECT" else target)
    try:
        upstream = await connected(peer, url.hostname or "", url.port or 80)
    except (OSError, ValueError):
        await connection.send(answering(502))
        return
    with upstream.sock:
        if method == "CONNECT":
            await connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            path = url._replace(scheme="", netloc="").geturl() or "/"
            # One request per connection: the next may be for another host.
            await upstream.send(
                f"{method} {path} HTTP/1.1\r\nConnection: close\r\n".encode("latin-1") + rest
            )
        await relay(connection, upstream)


async def connected(peer: Proxy, host: str, port: int) -> Connection:
    """Connect to a literal address or a known name; others raise ``ValueError``."""
    address = peer.hosts.get(host, host)
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET  # noqa: PLR2004
    sock = socket.socket(family)
    try:
        sock.settimeout(0)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return Connection(sock, peer)


async def relay(one: Connection, other: Connection) -> None:
    """Copy bytes in both directions until either side ends."""

    async def carry(source: Connection, sink: Connection) -> None:
        while data := await source.receive():
            await sink.send(data)

    carriers = [asyncio.ensure_future(carry(*pair)) for pair in ((one, other), (other, one))]
    try:
        await asyncio.wait(carriers, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for carrier in carriers:
            carrier.cancel()
        await asyncio.gather(*carriers, return_exceptions=True)


def answering(status: int, headers: bytes = b"") -> bytes:
    """Return a response without a body, after which the proxy closes."""
    phrase = HTTPStatus(status).phrase
    first = f"HTTP/1.1 {status} {phrase}\r\n".encode("ascii")
    return first + headers + b"Connection: close\r\nContent-Length: 0\r\n\r\n"
