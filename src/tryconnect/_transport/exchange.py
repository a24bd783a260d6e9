"""One connection on the reactor: connect, encrypt, ask, read a head, hang up.

A state machine whose states are its methods: the reactor calls the step that waits for the socket.
Nobody reads the body, so what comes behind the head is left to the kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tryconnect._model.faults import Disconnected
from tryconnect._transport.attempt import Phase
from tryconnect._transport.dialer import Dialer
from tryconnect._transport.head_splitter import HeadSplitter
from tryconnect._transport.reactor import READ, WRITE
from tryconnect._transport.tls_stream import TlsStream
from tryconnect._transport.trace import tls_facts

if TYPE_CHECKING:
    import asyncio
    import socket
    import ssl
    from collections.abc import Callable, Sequence

    from tryconnect._model.guard import Guard
    from tryconnect._transport.addr_infos import AddrInfo
    from tryconnect._transport.reactor import Reactor
    from tryconnect._transport.trace import Trace

__all__ = ["Encryption", "Exchange"]

_PIECE = 16_384
"""Bytes that are read at once: most heads, and one TLS record."""


class Encryption(NamedTuple):
    """How a connection is encrypted.

    Attributes:
        context: says what is trusted.
        server_name: whose certificate is wanted.
    """

    context: ssl.SSLContext
    server_name: str


class Exchange:
    """One request on a connection of its own.

    Exactly one of the callbacks is called, perhaps before :meth:`begin` returns, and the connection
    is closed by then; neither is called after :meth:`close`.

    Args:
        reactor: watches the socket.
        loop: counts time between the addresses of a name.
        trace: takes note of phases and of the peer.
        guard: says which peers may be connected to; ``None``: all.
        answered: gets the head; an empty one where nothing was asked.
        failed: gets the error.
    """

    # The class's own until they change.
    _socket: socket.SocketType | None = None
    _stream: TlsStream | None = None
    _send_error: OSError | None = None
    _unsent = b""
    _events = 0
    _over = False

    def __init__(
        self,
        reactor: Reactor,
        loop: asyncio.AbstractEventLoop,
        trace: Trace,
        *,
        guard: Guard | None,
        answered: Callable[[bytes], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._reactor = reactor
        self._trace = trace
        self._answered = answered
        self._failed = failed
        self._head = HeadSplitter()
        self._dialer: Dialer | None = Dialer(
            reactor,
            loop,
            guard=guard,
            opened=self._opened,
            connected=self._connected,
            failed=self._fail,
        )

    def begin(
        self, infos: Sequence[AddrInfo], *, request: bytes, encryption: Encryption | None
    ) -> None:
        """Begin.

        Args:
            infos: the addresses of the peer.
            request: what is asked; nothing, to learn only whether the connection opens.
            encryption: ``None``: none.
        """
        self._request = request
        self._encryption = encryption
        if self._dialer is not None:
            self._dialer.begin(infos)

    def close(self) -> None:
        """Close the connection, or stop opening it; a second call does nothing."""
        self._over = True
        dialer, self._dialer = self._dialer, None  # they hold each other
        if dialer is not None:
            dialer.cancel()
        sock, self._socket = self._socket, None
        if sock is not None:
            self._reactor.hang_up(sock)

    def _opened(self) -> None:
        if self._trace.phase is not Phase.connect:
            self._trace.begin(Phase.connect)

    def _connected(self, sock: socket.SocketType, peer: Any) -> None:
        self._dialer = None
        self._socket = sock
        self._events = WRITE
        try:
            self._trace.ip = peer[0] if isinstance(peer, tuple) else None
            if self._encryption is None:
                self._trace.tls = None
                self._ask()
            else:
                self._trace.begin(Phase.tls)
                self._stream = TlsStream(*self._encryption)
                self._shake_hands(self._stream)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this exchange
            self._fail(error)

    def _shake_hands(self, stream: TlsStream) -> None:
        try:
            done = stream.shake_hands()
        except Exception:
            self._send(stream.to_send())  # an alert
            raise
        if done:
            self._trace.tls = tls_facts(stream.connection)
            self._ask()
        else:
            self._send(stream.to_send())

    def _ask(self) -> None:
        if not self._request:
            self._finish(b"")
            return
        self._trace.begin(Phase.response)
        if self._stream is None:
            self._send(self._request)
        else:  # the handshake's last word goes with the request
            self._stream.write(self._request)
            self._send(self._stream.to_send())

    def _send(self, data: bytes) -> None:
        """Send what can be sent now, and the rest as soon as it can be; meanwhile, read.

        A peer that has hung up may have answered before: that sending failed is told only where
        there is nothing to read.
        """
        self._unsent += data
        if self._unsent:
            try:
                self._unsent = self._unsent[self._open_socket().send(self._unsent) :]
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:
                self._send_error, self._unsent = error, b""
        events = READ | WRITE if self._unsent else READ
        if events != self._events:
            self._events = events
            step = self._receive_plain if self._stream is None else self._receive_tls
            self._reactor.rewatch(self._open_socket().fileno(), events, step, self._fail)

    def _receive(self) -> bytes | None:
        """Return what came, nothing at the peer's end; ``None``: there is nothing to read."""
        try:
            data = self._open_socket().recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            self._send(b"")
            return None
        if not data and self._send_error is not None:
            raise self._send_error
        return data

    def _receive_plain(self) -> None:
        if (data := self._receive()) is not None:
            self._take(data)

    def _receive_tls(self) -> None:
        stream = self._stream
        if stream is None or (data := self._receive()) is None:
            return
        stream.receive(data)
        if self._trace.phase is Phase.tls:
            if not data:  # without words, as asyncio has it
                raise ConnectionResetError
            self._shake_hands(stream)
        if self._trace.phase is Phase.response:
            self._decrypt(stream)
            if not data and self._socket is not None:
                self._take(b"")

    def _decrypt(self, stream: TlsStream) -> None:
        while self._socket is not None and (data := stream.read()) is not None:
            self._take(data)
        if self._socket is not None and (data := stream.to_send()):
            self._send(data)

    def _take(self, data: bytes) -> None:
        """Take what was read, decrypted; nothing: the peer has said all.

        Raises:
            Disconnected: and that was no answer.
        """
        if data:
            if (found := self._head.feed(data)) is not None:
                self._finish(found[0])
        elif head := self._head.finish():
            self._finish(head)
        else:
            raise Disconnected

    def _finish(self, head: bytes) -> None:
        self.close()
        self._answered(head)

    def _fail(self, error: Exception) -> None:
        """Hang up, and say why.

        Raises:
            Exception: the error, where it is of whoever was told already how it ended.
        """
        if self._over:
            raise error
        self.close()
        self._failed(error)

    def _open_socket(self) -> socket.SocketType:
        if self._socket is None:
            raise RuntimeError("the exchange is over")
        return self._socket
