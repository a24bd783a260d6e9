"""One selector of our own, which a running loop watches as a single descriptor.

A loop spends more on a socket than the kernel does: a transport, a handle and a context for each.
Here a socket costs an entry in a table, and the loop sees one descriptor, which is readable while
any of the sockets is ready: epoll(7) and kqueue(2) can both be watched by another selector.

The law of this file: level-triggered, so that nothing is lost by leaving early; and a turn ends
when its time is up, since what is left over is reported again.
"""

from __future__ import annotations

import os
import select
import selectors
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = [
    "LEAST_STEPS",
    "READ",
    "TIME_BUDGET",
    "WRITE",
    "Reactor",
    "new_poller",
]

READ: int = getattr(select, "EPOLLIN", selectors.EVENT_READ)
WRITE: int = getattr(select, "EPOLLOUT", selectors.EVENT_WRITE)

TIME_BUDGET = 0.002
"""Seconds that one callback may hold the loop: nobody sees or hears a delay of a few of them."""

LEAST_STEPS = 8
"""Taken in a callback all the same, or a slow machine spends its time on the rounds of the loop.
The longest, a step of a TLS handshake, takes 0.3 ms."""

_MOST_EVENTS = 64
"""Taken from the kernel at once: more than a turn has time for."""

_NON_BLOCKING = getattr(socket, "SOCK_NONBLOCK", 0)

Step: TypeAlias = "Callable[[], None]"
Fail: TypeAlias = "Callable[[Exception], None]"


class Poller(Protocol):
    """The part of ``select.epoll`` that is used here."""

    @property
    def closed(self) -> bool:
        """Whether it was closed."""

    def register(self, fd: int, eventmask: int, /) -> None:
        """Watch a descriptor."""

    def modify(self, fd: int, eventmask: int, /) -> None:
        """Watch it for something else."""

    def unregister(self, fd: int, /) -> None:
        """Watch it no longer."""

    def poll(self, timeout: float, maxevents: int, /) -> list[tuple[int, int]]:
        """Return what is ready."""

    def fileno(self) -> int:
        """Return the descriptor that is readable while something is ready."""

    def close(self) -> None:
        """Let everything go."""


class Reactor:
    """Watches many sockets on behalf of one running loop.

    Attributes:
        loop: needs nothing but ``add_reader`` and ``remove_reader``.

    Raises:
        NotImplementedError: the loop, or this system, has no way to watch a selector.
        OSError: there is no descriptor to be had.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._process = os.getpid()
        self._watched: dict[int, tuple[Step, Fail]] = {}
        self._fresh: set[int] = set()
        self._ready: deque[tuple[int, int]] = deque()
        self._sockets: set[socket.SocketType] = set()
        self._poller = new_poller()
        try:
            loop.add_reader(self._poller.fileno(), self._turn)
        except BaseException:
            self._poller.close()
            raise

    def open(self, family: int, kind: int, proto: int) -> socket.SocketType:
        """Open a non-blocking socket, which is closed with the reactor at the latest.

        So an interrupt, wherever it comes, leaves none behind.
        """
        # The type itself, without the standard library's class around it, which makes members of
        # enumerations of these numbers: 5 % of a check.
        sock = socket.SocketType(family, kind | _NON_BLOCKING, proto)
        self._sockets.add(sock)
        if not _NON_BLOCKING:
            sock.settimeout(0)
        return sock

    def hang_up(self, sock: socket.SocketType) -> None:
        """Close a socket, and watch it no longer."""
        self.unwatch(sock.fileno())
        sock.close()
        self._sockets.discard(sock)

    def watch(self, descriptor: int, events: int, step: Step, fail: Fail) -> None:
        """Call ``step`` whenever a descriptor is ready, and ``fail`` with what it raises.

        Args:
            descriptor: of a non-blocking socket.
            events: ``READ``, ``WRITE`` or both.
            step: must not block.
            fail: has to unwatch the descriptor.
        """
        self._poller.register(descriptor, events)
        self._watched[descriptor] = step, fail
        self._fresh.add(descriptor)

    def rewatch(self, descriptor: int, events: int, step: Step, fail: Fail) -> None:
        """Wait for something else on a descriptor that is watched."""
        self._poller.modify(descriptor, events)
        self._watched[descriptor] = step, fail

    def unwatch(self, descriptor: int) -> None:
        """Watch a descriptor no longer; to be called before it is closed (see :meth:`hang_up`).

        Closing alone would not do: the kernel goes on reporting a socket that another process, a
        fork of this one, still holds (epoll(7), questions and answers).
        """
        if self._watched.pop(descriptor, None) is not None:
            self._poller.unregister(descriptor)

    def close(self) -> None:
        """Close all sockets, and watch nothing any more; a second call does nothing.

        The child of a fork leaves the loop's selector alone: the parent uses it.
        """
        self._watched.clear()
        self._ready.clear()
        if not self._poller.closed:
            if os.getpid() == self._process and not self.loop.is_closed():
                self.loop.remove_reader(self._poller.fileno())
            self._poller.close()
        while self._sockets:
            self._sockets.pop().close()

    def _turn(self) -> None:
        """Take the next step of what is ready, as far as the time allows."""
        end = time.perf_counter() + TIME_BUDGET
        if not self._ready:
            self._fresh.clear()
            self._ready.extend(self._poller.poll(0, _MOST_EVENTS))
        ready, fresh, watched = self._ready, self._fresh, self._watched
        for taken in range(1, len(ready) + 1):
            if not ready:  # a step has closed the reactor
                break
            descriptor, _ = ready.popleft()
            # An event may be that of a socket which an earlier step has closed, and whose number is
            # another one's by now: what is new has nothing to report yet.
            if descriptor in fresh or (entry := watched.get(descriptor)) is None:
                continue
            step, fail = entry
            try:
                step()
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the check
                fail(error)
            if taken >= LEAST_STEPS and time.perf_counter() > end:
                break


def new_poller() -> Poller:
    """Make the system's selector.

    Raises:
        NotImplementedError: it has none that can be watched.
        OSError: there is no descriptor to be had.
    """
    if hasattr(select, "epoll"):
        return select.epoll()
    if hasattr(selectors, "KqueueSelector"):
        return SelectorPoller(selectors.KqueueSelector())
    raise NotImplementedError("this system has no selector that an event loop can watch")


class SelectorPoller:
    """A selector of the standard library in the shape of ``select.epoll``."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self.closed = False
        self._selector = selector

    def register(self, fd: int, eventmask: int, /) -> None:
        """Watch a descriptor."""
        self._selector.register(fd, _portable(eventmask))

    def modify(self, fd: int, eventmask: int, /) -> None:
        """Watch it for something else."""
        self._selector.modify(fd, _portable(eventmask))

    def unregister(self, fd: int, /) -> None:
        """Watch it no longer."""
        self._selector.unregister(fd)

    def poll(self, timeout: float, maxevents: int, /) -> list[tuple[int, int]]:
        """Return what is ready."""
        return [(key.fd, events) for key, events in self._selector.select(timeout)][:maxevents]

    def fileno(self) -> int:
        """Return the descriptor that is readable while something is ready."""
        number: int = self._selector.fileno()  # type: ignore[attr-defined]
        return number

    def close(self) -> None:
        """Let everything go."""
        self.closed = True
        self._selector.close()


def _portable(events: int) -> int:
    reading = selectors.EVENT_READ if events & READ else 0
    return reading | (selectors.EVENT_WRITE if events & WRITE else 0)
