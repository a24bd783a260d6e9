"""One connection on the reactor: connect, encrypt, ask, read a head, hang up.

A state machine whose states are its methods: the reactor calls the step that waits for the socket.
Nobody reads the body, so what comes behind the head is left to the kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tryconnect._model.faults import Blocked, Disconnected
from tryconnect._transport.attempt import Phase
from tryconnect._transport.dialer import (
    Dialer,
    begin_to_connect,
    open_socket,
    peer_already,
    peer_of,
)
from tryconnect._transport.head_splitter import HeadSplitter, whole_head
from tryconnect._transport.reactor import READ, WRITE
from tryconnect._transport.tls_stream import TlsStream
from tryconnect._transport.trace import tls_facts

if TYPE_CHECKING:
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
        trace: takes note of phases and of the peer.
        guard: says which peers may be connected to; ``None``: all.
        answered: gets the head; an empty one where nothing was asked.
        failed: gets the error.
    """

    # The class's own: they seldom change.
    _dialer: Dialer | None = None
    _stream: TlsStream | None = None
    _head: HeadSplitter | None = None
    _send_error: OSError | None = None

    _socket: socket.SocketType

    def __init__(
        self,
        reactor: Reactor,
        trace: Trace,
        guard: Guard | None,
        answered: Callable[[bytes], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._reactor = reactor
        self._trace = trace
        self._guard = guard
        self._answered = answered
        self._failed = failed
        self._let_through = False
        self._unsent = b""
        self._events = WRITE
        self._is_open = self._over = False

    def begin(
        self, infos: Sequence[AddrInfo], request: bytes, encryption: Encryption | None
    ) -> None:
        """Begin.

        Args:
            infos: the addresses of the peer.
            request: what is asked; nothing, to learn only whether the connection opens.
            encryption: ``None``: none.
        """
        self._request = request
        self._encryption = encryption
        if len(infos) > 1:
            self._dial(infos)
            return
        try:
            self._connect(infos[0])
        except BlockingIOError:  # a queue that is full: the dialer tries again
            self._dial(infos)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this exchange
            self._fail(error)

    def close(self) -> None:
        """Close the connection, or stop opening it; a second call does nothing."""
        self._over = True
        if self._dialer is not None:
            dialer, self._dialer = self._dialer, None  # they hold each other
            dialer.cancel()
        if self._is_open:
            self._is_open = False
            self._reactor.hang_up(self._socket)

    def _connect(self, info: AddrInfo) -> None:
        """Begin to connect to the one address that there is, without a dialer: 8 % of a check."""
        sock, self._let_through = open_socket(self._reactor, info, self._guard)
        self._trace.begin(Phase.connect)
        self._address = info[4]
        try:
            begin_to_connect(sock, self._address)
            peer = peer_already(sock)  # on this very machine it is by now: 5 % of a check
            if peer is not None:
                self._events = READ
            step = self._ready if peer is None else self._receiving()
            self._reactor.watch(sock.fileno(), self._events, step, self._fail)
        except BaseException:
            self._reactor.hang_up(sock)
            raise
        self._socket, self._is_open = sock, True
        if peer is not None:
            self._let_in(peer)

    def _ready(self) -> None:
        self._let_in(peer_of(self._socket, self._address))

    def _let_in(self, peer: Any) -> None:
        if self._guard is not None and not self._let_through:
            raise Blocked  # a guard that was not asked, for whatever reason, has not said yes
        self._connected(peer)

    def _dial(self, infos: Sequence[AddrInfo]) -> None:
        self._dialer = Dialer(
            self._reactor,
            guard=self._guard,
            opened=self._opened,
            connected=self._dialed,
            failed=self._fail,
        )
        self._dialer.begin(infos)

    def _dialed(self, sock: socket.SocketType, peer: Any) -> None:
        self._dialer = None
        self._socket, self._is_open = sock, True
        try:
            self._connected(peer)
        except Exception as error:  # noqa: BLE001 - as in begin()
            self._fail(error)

    def _opened(self) -> None:
        if self._trace.phase is not Phase.connect:
            self._trace.begin(Phase.connect)

    def _connected(self, peer: Any) -> None:
        self._trace.ip = peer[0] if isinstance(peer, tuple) else None
        if self._encryption is None:
            self._trace.tls = None
            self._ask()
        else:
            self._trace.begin(Phase.tls)
            self._stream = TlsStream(*self._encryption)
            self._shake_hands(self._stream)

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
        request = self._request
        if not request:
            self._finish(b"")
            return
        self._request = b""  # a silent peer need not keep it in memory
        self._trace.begin(Phase.response)
        if self._stream is not None:  # the handshake's last word goes with the request
            self._stream.write(request)
            request = self._stream.to_send()
        self._send(request)

    def _send(self, data: bytes) -> None:
        """Send what can be sent now, and the rest as soon as it can be; meanwhile, read.

        A peer that has hung up may have answered before: that sending failed is told only where
        there is nothing to read.
        """
        sock, data = self._socket, self._unsent + data
        if data:
            try:
                data = data[sock.send(data) :]
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:
                self._send_error, data = error, b""
        self._unsent = data
        events = READ | WRITE if data else READ
        if events != self._events:
            self._events = events
            self._reactor.rewatch(sock.fileno(), events, self._receiving(), self._fail)

    def _receiving(self) -> Callable[[], None]:
        return self._receive_plain if self._encryption is None else self._receive_tls

    def _receive(self) -> bytes | None:
        """Return what came, nothing at the peer's end; ``None``: there is nothing to read."""
        try:
            data = self._socket.recv(_PIECE)
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
            if not data and self._is_open:
                self._take(b"")

    def _decrypt(self, stream: TlsStream) -> None:
        while self._is_open and (data := stream.read()) is not None:
            self._take(data)
        if self._is_open and (data := stream.to_send()):
            self._send(data)

    def _take(self, data: bytes) -> None:
        """Take what was read, decrypted; nothing: the peer has said all.

        Raises:
            Disconnected: and that was no answer.
        """
        splitter = self._head
        if splitter is None:
            if (head := whole_head(data)) is not None:
                self._finish(head)
                return
            splitter = self._head = HeadSplitter()
        if data:
            if (found := splitter.feed(data)) is not None:
                self._finish(found[0])
        elif head := splitter.finish():
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
