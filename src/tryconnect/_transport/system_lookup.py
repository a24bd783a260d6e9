"""Names that only the system can look up: ``getaddrinfo``, in at most eight daemon threads.

Nobody can interrupt ``getaddrinfo``, and in the loop's executor a hung one would hold
``asyncio.run`` and the exit of the process. So it runs in threads of our own that nobody waits for:
few, shared by whoever asks for the same name, in the whole process. A thread ends when no name is
left.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias

from tryconnect._model.faults import LocalFault
from tryconnect._runtime.threads import ThreadsafeLoop

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from tryconnect._transport.addresses import Address

__all__ = ["MAX_THREADS", "SystemLookup", "system_lookup"]

MAX_THREADS = 8

OnDone: TypeAlias = "Callable[[list[Address], OSError | None], object]"


def system_lookup(
    loop: asyncio.AbstractEventLoop, host: str, family: int, on_done: OnDone
) -> SystemLookup:
    """Look a name up with ``getaddrinfo``.

    Args:
        loop: the running one.
        host: the name.
        family: of the addresses; ``AF_UNSPEC`` for all.
        on_done: called in the loop, once, with the addresses in the system's order, or with the
            error; never before this returns, and not once the look-up is cancelled.

    Raises:
        LocalFault: this machine cannot start a thread.
    """
    lookup = SystemLookup(loop, (host, family), on_done)
    _threads.add(lookup)
    return lookup


class SystemLookup:
    """A look-up under way, or waiting for a thread."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, key: tuple[str, int], on_done: OnDone
    ) -> None:
        self.key = key
        self._threadsafe = ThreadsafeLoop(loop)
        self._on_done: OnDone | None = on_done

    def cancel(self) -> None:
        """Wait no longer; a thread that is in ``getaddrinfo`` stays there until it returns."""
        self._on_done = None
        _threads.discard(self)

    def deliver(self, addresses: list[Address], error: OSError | None) -> None:
        """Hand the answer to the loop; called by the thread."""
        self._threadsafe.call_soon_threadsafe(self._tell, addresses, error)

    def _tell(self, addresses: list[Address], error: OSError | None) -> None:
        if self._on_done is not None:
            self._on_done(addresses, error)


class _Threads:
    """Who waits for which name, and the threads that look them up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, int], list[SystemLookup]] = {}
        self._queue: deque[tuple[str, int]] = deque()
        self._running = 0

    def add(self, lookup: SystemLookup) -> None:
        with self._lock:
            if lookup.key in self._waiting:
                self._waiting[lookup.key].append(lookup)
                return
            if self._running < MAX_THREADS:
                self._start()
            self._waiting[lookup.key] = [lookup]
            self._queue.append(lookup.key)

    def discard(self, lookup: SystemLookup) -> None:
        with self._lock:
            waiting = self._waiting.get(lookup.key, [])
            if lookup in waiting:
                waiting.remove(lookup)
            if not waiting and lookup.key in self._queue:
                self._queue.remove(lookup.key)
                del self._waiting[lookup.key]

    def _start(self) -> None:
        name = f"tryconnect-names-{self._running + 1}"
        try:
            threading.Thread(target=self._run, name=name, daemon=True).start()
        except RuntimeError as error:
            if not self._running:
                raise LocalFault("this machine cannot start another thread") from error
        else:
            self._running += 1

    def _run(self) -> None:
        while (key := self._next()) is not None:
            answer = _getaddrinfo(*key)
            with self._lock:
                waiting = self._waiting.pop(key)
            for lookup in waiting:
                lookup.deliver(*answer)

    def _next(self) -> tuple[str, int] | None:
        with self._lock:
            if self._queue:
                return self._queue.popleft()
            self._running -= 1
            return None


def _getaddrinfo(host: str, family: int) -> tuple[list[Address], OSError | None]:
    try:
        infos: list[Any] = socket.getaddrinfo(
            host, None, family=family, type=socket.SOCK_STREAM, flags=_FLAGS
        )
    except socket.gaierror as error:
        number = socket.EAI_NONAME if error.errno in _NOT_FOUND else error.errno
        return [], socket.gaierror(number, error.args[-1])
    except OSError as error:  # a service that nsswitch.conf names is not installed, for example
        return [], socket.gaierror(socket.EAI_FAIL, str(error))
    except UnicodeError as error:  # a label that is empty or too long
        return [], socket.gaierror(socket.EAI_NONAME, str(error))
    return [
        (each, address[0].partition("%")[0], (*address, 0, 0)[3], 0)
        for each, _, _, _, address in infos
    ], None


# Families that this machine has no address of are not worth a try. AI_MASK: macOS refuses others.
_FLAGS = socket.AI_ADDRCONFIG & getattr(socket, "AI_MASK", socket.AI_ADDRCONFIG)

_NOT_FOUND = {getattr(socket, name, socket.EAI_NONAME) for name in ("EAI_NODATA", "EAI_ADDRFAMILY")}
"""What some systems say where a name has no address, or none of the wanted family."""

_threads = _Threads()


def _after_fork() -> None:
    """Forget, in the child of a fork, the threads that stayed with the parent."""
    global _threads  # noqa: PLW0603 - it stands for the process, and the process is another
    _threads = _Threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
