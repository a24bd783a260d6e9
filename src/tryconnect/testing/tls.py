"""The kinds of ``tls_server``, good and bad.

.. versionadded:: 0.1
"""

import functools
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from tryconnect.testing import certificates
from tryconnect.testing._misbehaving import OK
from tryconnect.testing._serve import Connection, Handler, Peer, serve
from tryconnect.testing._tls_connection import over_tls

__all__ = ["KINDS", "answers", "over_tls"]


async def answers(connection: Connection) -> None:
    """Answer 200 and close.

    .. versionadded:: 0.1
    """
    await connection.head()
    await connection.send(OK)


async def answers_and_ignores(connection: Connection) -> None:
    """Answer 200, then neither read nor close: a client's close_notify gets no answer."""
    await answers(connection)
    await connection.for_ever()


def good_at_http(kind: str) -> Handler:
    """Shake hands as this kind does, then answer 200."""
    return over_tls(answers, certificates.context(kind))


async def silent_handshake(connection: Connection) -> None:
    """Read the ClientHello and everything else, and never respond."""
    await connection.until_gone()


async def reset_in_handshake(connection: Connection) -> None:
    """Read the ClientHello and reset the connection."""
    await connection.receive()
    connection.reset()


async def closes_in_handshake(connection: Connection) -> None:
    """Read the ClientHello and close."""
    await connection.receive()


async def alert_in_handshake(connection: Connection) -> None:
    """Answer the ClientHello with the fatal alert handshake_failure."""
    await connection.receive()
    await connection.send(b"\x15\x03\x03\x00\x02\x02\x28")


async def plain_on_tls_port(connection: Connection) -> None:
    """Answer the ClientHello with plain HTTP, as web servers do."""
    await connection.receive()
    await connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


KINDS: dict[str, Callable[[], Handler]] = {
    **{kind: functools.partial(good_at_http, kind) for kind in certificates.CONTEXTS},
    "never_close_notify": lambda: over_tls(answers_and_ignores, certificates.context("good")),
    "silent_handshake": lambda: silent_handshake,
    "reset_in_handshake": lambda: reset_in_handshake,
    "closes_in_handshake": lambda: closes_in_handshake,
    "alert_in_handshake": lambda: alert_in_handshake,
    "plain_on_tls_port": lambda: plain_on_tls_port,
}
"""The kinds of ``tls_server``; those in ``CONTEXTS`` answer 200 after the handshake."""


def server(kind: str, *, host: str) -> AbstractAsyncContextManager[Peer]:
    """Serve as one kind: a name in ``KINDS``."""
    return serve(KINDS[kind](), host=host, scheme="https")
