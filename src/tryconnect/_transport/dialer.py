"""Connecting to the first of a name's addresses that answers, on the reactor.

Happy eyeballs (RFC 8305), with the delay, the order and the words of aiohappyeyeballs, which does
the same for aiohttp: an address that takes long, or fails, is followed by the next; whoever is
connected first wins, and the sockets of the others are closed.
"""

from __future__ import annotations

import errno
import os
import socket
from functools import partial
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any

from tryconnect._model.faults import Blocked
from tryconnect._transport.reactor import WRITE

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from tryconnect._model.guard import Guard
    from tryconnect._transport.addr_infos import AddrInfo
    from tryconnect._transport.reactor import Reactor

__all__ = [
    "CONNECTION_ATTEMPT_DELAY",
    "Dialer",
    "begin_to_connect",
    "interleaved",
    "joined",
    "open_socket",
    "peer_already",
    "peer_of",
]

CONNECTION_ATTEMPT_DELAY = 0.25
"""Seconds until the next address of a name is tried beside the first (RFC 8305, section 5)."""

_QUEUE_FULL_WAIT = 0.02
"""Seconds between two tries at a unix socket whose queue is full."""

_UNIX = getattr(socket, "AF_UNIX", None)

_UNDER_WAY = {0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR}
"""What ``connect`` says that has begun: an interrupted one goes on by itself (connect(2))."""


def open_socket(
    reactor: Reactor, info: AddrInfo, guard: Guard | None
) -> tuple[socket.SocketType, bool]:
    """Return a socket for one address, and whether the guard lets it through.

    Raises:
        Blocked: it does not.
        OSError: no socket can be had.
    """
    family, kind, proto, _, address = info
    if guard is not None and not (family != _UNIX and guard.lets_through(address)):
        raise Blocked
    return reactor.open(family, kind, proto), True


def begin_to_connect(sock: socket.SocketType, address: Any) -> None:
    """Begin; the socket is writable once it is connected, or cannot be.

    Raises:
        BlockingIOError: a unix socket's queue is full.
        OSError: it cannot be connected.
    """
    code = sock.connect_ex(address)
    # Linux refuses when a unix socket's queue is full, and nothing is under way (connect(2)).
    if code not in _UNDER_WAY or (code == errno.EAGAIN and sock.family == _UNIX):
        raise OSError(code, os.strerror(code))


def peer_of(sock: socket.SocketType, address: Any) -> Any:
    """Return the peer that a socket is connected to, now that it is writable.

    Raises:
        OSError: it is not connected.
    """
    try:
        peer = sock.getpeername()
    except OSError:
        # It opened and was reset before we could look, if nothing else is said.
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or errno.ECONNRESET
        raise OSError(code, f"Connect call failed {address}") from None
    return _other_than_itself(sock, peer)


def peer_already(sock: socket.SocketType) -> Any | None:
    """Return the peer, where a socket is connected as soon as that has begun; else ``None``.

    Raises:
        ConnectionRefusedError: it is connected to itself.
    """
    try:
        peer = sock.getpeername()
    except OSError:
        return None
    return _other_than_itself(sock, peer)


def _other_than_itself(sock: socket.SocketType, peer: Any) -> Any:
    # The kernel chooses the port to send from, and now and then it is the very one that is asked:
    # the socket is its own peer then (RFC 9293, section 3.5).
    if peer == sock.getsockname() and isinstance(peer, tuple):
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    return peer


class Dialer:
    """One attempt to connect, to any of several addresses.

    Exactly one of the two callbacks is called, perhaps before :meth:`begin` returns; neither after
    :meth:`cancel`.

    Args:
        reactor: watches the sockets, and its loop counts the time until the next address.
        guard: says which addresses may be connected to; ``None``: all.
        opened: is called for each socket that is opened.
        connected: gets the socket, which the reactor watches, and the peer's address.
        failed: gets the error.
    """

    # The class's own until they change: most names have one address.
    _let_through: tuple[socket.SocketType, ...] = ()
    _failures: tuple[OSError, ...] = ()
    _timer: asyncio.TimerHandle | None = None

    def __init__(
        self,
        reactor: Reactor,
        *,
        guard: Guard | None,
        opened: Callable[[], None],
        connected: Callable[[socket.SocketType, Any], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._reactor = reactor
        self._guard = guard
        self._opened = opened
        self._connected = connected
        self._failed = failed
        self._open: list[socket.SocketType] = []
        self._left: list[AddrInfo] = []

    def begin(self, infos: Sequence[AddrInfo]) -> None:
        """Connect to the first of these addresses that answers."""
        self._left = list(infos) if len(infos) == 1 else interleaved(infos)[::-1]
        self._go_on()

    def cancel(self) -> None:
        """Close the sockets that are not connected yet."""
        self._left = []
        self._let_through = self._failures = ()
        self._stop_waiting()
        while self._open:
            self._reactor.hang_up(self._open.pop())

    def _go_on(self) -> None:
        """Try the next address, and those behind it as long as they fail at once."""
        self._stop_waiting()
        try:
            while self._left:
                try:
                    delay = self._try(self._left.pop())
                except OSError as error:
                    self._failures += (error,)
                    continue
                if self._left:
                    self._timer = self._reactor.loop.call_later(delay, self._go_on)
                return
        except Exception as error:  # noqa: BLE001 - of a guard, for example
            self._give_up(error)
            return
        if not self._open:
            self._give_up(joined(self._failures))

    def _try(self, info: AddrInfo) -> float:
        """Begin with one address; return the seconds that the next one waits for it."""
        address = info[4]
        sock, let_through = open_socket(self._reactor, info, self._guard)
        if let_through:
            self._let_through += (sock,)
        self._opened()
        try:
            begin_to_connect(sock, address)
            step, fail = partial(self._ready, sock, address), partial(self._lost, sock)
            self._reactor.watch(sock.fileno(), WRITE, step, fail)
        except BlockingIOError:  # the queue is full: that is no failure
            self._reactor.hang_up(sock)
            self._left.append(info)
            return _QUEUE_FULL_WAIT
        except BaseException:
            self._reactor.hang_up(sock)
            raise
        self._open.append(sock)
        return CONNECTION_ATTEMPT_DELAY

    def _ready(self, sock: socket.SocketType, address: Any) -> None:
        """Look whether a socket is connected, now that it may be.

        Raises:
            OSError: it is not.
        """
        peer = peer_of(sock, address)
        # A guard that was not asked, for whatever reason, has not said yes.
        if self._guard is not None and sock not in self._let_through:
            raise Blocked
        self._open.remove(sock)
        self.cancel()
        self._connected(sock, peer)

    def _lost(self, sock: socket.SocketType, error: Exception) -> None:
        """Close a socket that could not be connected, and try the next address at once."""
        if sock not in self._open:  # it was connected: what follows is not the dialer's
            raise error
        self._open.remove(sock)
        self._reactor.hang_up(sock)
        if isinstance(error, OSError):
            self._failures += (error,)
            self._go_on()
        else:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self.cancel()
        self._failed(error)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def interleaved(infos: Sequence[AddrInfo]) -> list[AddrInfo]:
    """Return addresses in turns of their families (RFC 8305, section 4)."""
    families: dict[int, list[AddrInfo]] = {}
    for info in infos:
        families.setdefault(info[0], []).append(info)
    return [info for info in chain.from_iterable(zip_longest(*families.values())) if info]


def joined(errors: Sequence[OSError]) -> OSError:
    """Return one error for those of all addresses, in the words of aiohappyeyeballs.

    Where they say the same, it is the first of them; else all are quoted, under the number that
    they have in common, if any.
    """
    first = errors[0]
    if len({str(error) for error in errors}) == 1:
        return first
    text = f"Multiple exceptions: {', '.join(map(str, errors))}"
    if len({error.errno for error in errors}) == 1:
        return OSError(first.errno, text)
    return OSError(text)
