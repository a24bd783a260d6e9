"""TLS without a socket: encrypted bytes go in and come out, and somebody else moves them.

``ssl.SSLObject`` over two ``ssl.MemoryBIO`` is the standard library's public way to have OpenSSL do
no input and output of its own.
"""

from __future__ import annotations

import ssl

__all__ = ["TlsStream"]

_PIECE = 16_384
"""Bytes: the longest record (RFC 8446, section 5.1)."""


class TlsStream:
    """The client's end of one TLS connection.

    Args:
        context: says what is trusted, and how.
        server_name: whose certificate is wanted; a name has no dot at its end.
    """

    __slots__ = ("_incoming", "_outgoing", "connection")

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.connection = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_name
        )

    def receive(self, data: bytes) -> None:
        """Take what came over the network."""
        self._incoming.write(data)

    def to_send(self) -> bytes:
        """Return what has to go over the network now."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def shake_hands(self) -> bool:
        """Go on with the handshake; return whether it is done.

        Raises:
            ssl.SSLError: it failed; there may be an alert to send all the same.
        """
        try:
            self.connection.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def write(self, data: bytes) -> None:
        """Encrypt what is to be sent."""
        self.connection.write(data)

    def read(self) -> bytes | None:
        """Return decrypted bytes, none at the peer's end, ``None`` while there is nothing.

        Raises:
            ssl.SSLError: the peer sent an alert, or what is no TLS.
        """
        try:
            return self.connection.read(_PIECE)
        except ssl.SSLWantReadError:
            return None
