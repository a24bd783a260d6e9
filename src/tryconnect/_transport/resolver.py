"""Names become IP addresses: c-ares first, the system where c-ares cannot be right.

c-ares (through aiodns) needs no thread per look-up, so a look-up ends with its deadline.  But it
asks DNS only.  Names that the system's name service alone may know (a machine's own single-label
name, mDNS ``.local``) are looked up by ``getaddrinfo``, in a daemon thread of our own: a hung
look-up in the loop's executor would hold ``asyncio.run`` and the process's exit for its whole
length (measured: 10 s for a 1 s deadline).

Failures are ``socket.gaierror``, the standard library's word for them: ``EAI_NONAME`` where the
name does not exist or has no address, other numbers where nobody could tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING, Any, cast

import aiodns
import pycares
from aiohttp.abc import AbstractResolver, ResolveResult

from tryconnect._model.faults import LocalFault
from tryconnect._runtime.threads import ThreadsafeLoop, run_in_daemon_thread
from tryconnect._transport.attempt import Phase
from tryconnect._transport.families import race_families
from tryconnect._transport.trace import current

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tryconnect._model.resolver import HostResolver

__all__ = ["Resolver", "ThreadedResolver"]

TIMEOUT = 2.0
"""Seconds for the first try of a name server; c-ares doubles it for the next."""
TRIES = 2


class Resolver(AbstractResolver):
    """The resolver of a session: notes the time, and asks whom there is to ask.

    Args:
        resolver: asked instead of c-ares and the system; stays the caller's, who closes it.
        ares_options: for ``aiodns.DNSResolver``, for example its ``nameservers``.
    """

    def __init__(self, resolver: HostResolver | None = None, **ares_options: Any) -> None:
        self._given = resolver
        self._ares_options = {"timeout": TIMEOUT, "tries": TRIES, **ares_options}
        self._ares: aiodns.DNSResolver | None = None
        self._system = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name, in the order in which they are to be tried."""
        trace = current.get()
        if trace is not None:
            trace.begin(Phase.dns)
        found = await self._resolve(host, port, family)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        if trace is not None:
            trace.end()
        return found

    async def close(self) -> None:
        """End look-ups under way and let c-ares go."""
        ares, self._ares = self._ares, None
        if ares is not None:
            await ares.close()

    def abandon(self) -> None:
        """End look-ups under way without awaiting; c-ares goes when it is garbage."""
        ares, self._ares = self._ares, None
        if ares is not None:
            with contextlib.suppress(RuntimeError):  # the garbage collector was there before
                ares.cancel()

    async def _resolve(
        self, host: str, port: int, family: socket.AddressFamily
    ) -> list[ResolveResult]:
        if self._given is not None:
            return await _asked(self._given, host, port, family)
        name = host.rstrip(".")
        if name.endswith(".local"):
            return await self._system.resolve(host, port, family)
        try:
            return await self._ask_ares(host, port, family)
        except pycares.AresError:
            pass  # no channel could be made: c-ares cannot say anything
        except socket.gaierror:
            if "." in name:
                raise
        return await self._system.resolve(host, port, family)

    async def _ask_ares(
        self, host: str, port: int, family: socket.AddressFamily
    ) -> list[ResolveResult]:
        question = {"port": port, "type": socket.SOCK_STREAM, "flags": _FLAGS}
        try:
            answer = await self._answer(host, family, question)
        except aiodns.error.DNSError as error:
            raise _gaierror(error) from error
        addresses = [(node.family, node.addr[0].decode(), *node.addr[1:]) for node in answer.nodes]
        return _results(host, port, addresses)

    async def _answer(
        self, host: str, family: socket.AddressFamily, question: dict[str, Any]
    ) -> pycares.AddrInfoResult:
        """Ask c-ares; and once more, apart, where it could not read an answer.

        It shares one socket among its questions, and an answer to any of them that is no DNS at all
        fails them all.
        """
        if self._ares is None:
            self._ares = self._new_ares()
        try:
            if family == socket.AF_UNSPEC:
                return await race_families(self._ares, host, question)
            return await self._ares.getaddrinfo(host, family, **question)
        except aiodns.error.DNSError as error:
            if error.args[0] != aiodns.error.ARES_EBADRESP:
                raise
        apart = self._new_ares()
        try:
            return await apart.getaddrinfo(host, family, **question)
        finally:
            await apart.close()

    def _new_ares(self) -> _CaresResolver:
        loop = cast("asyncio.AbstractEventLoop", ThreadsafeLoop(asyncio.get_running_loop()))
        return _CaresResolver(loop=loop, **self._ares_options)


class _CaresResolver(aiodns.DNSResolver):
    """aiodns without its second way of watching sockets, which needs ``loop.add_reader``.

    Loops without it hang there, and it announces itself by a warning; the system's resolver is the
    better second way.
    """

    def _make_channel(self, **options: Any) -> tuple[bool, pycares.Channel]:
        return True, pycares.Channel(timeout=self._timeout, **options)


class ThreadedResolver(AbstractResolver):
    """``getaddrinfo``, each look-up in a daemon thread that nobody ever waits for.

    A hung look-up keeps its thread until the system gives up, which is after the caller has left:
    so the threads are counted, in the whole process, and who finds none free waits for one.
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name, as the machine's name service orders them."""
        while not _free_threads.acquire(blocking=False):  # noqa: ASYNC110 - threads free it
            await asyncio.sleep(_PAUSE)

        def look_up() -> list[Any]:
            try:
                return socket.getaddrinfo(
                    host, port, family=family, type=socket.SOCK_STREAM, flags=_FLAGS
                )
            finally:
                _free_threads.release()

        try:
            answer = run_in_daemon_thread(look_up, name=f"tryconnect-names-{host}")
        except LocalFault:
            _free_threads.release()
            raise
        infos = await answer
        return _results(host, port, ((info[0], *info[4]) for info in infos))

    async def close(self) -> None:
        """Do nothing: a thread in ``getaddrinfo`` cannot be stopped, and need not be."""


def _results(host: str, port: int, addresses: Iterable[tuple[Any, ...]]) -> list[ResolveResult]:
    """Make aiohttp's records of ``(family, ip, port[, flow, scope])`` tuples."""
    return [
        ResolveResult(
            hostname=host,
            # A link-local IPv6 address means nothing without its interface (RFC 4007).
            host=f"{ip}%25{rest[2]}" if len(rest) > 2 and rest[2] else ip,  # noqa: PLR2004
            port=port,
            family=family,
            proto=0,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for family, ip, *rest in addresses
    ]


async def _asked(
    resolver: HostResolver, host: str, port: int, family: socket.AddressFamily
) -> list[ResolveResult]:
    """Ask a resolver of the caller's own, and say what it says in our words.

    By aiohttp's contract it raises ``OSError``; aiohttp's own one hides what c-ares said in the
    cause.  Zones of its addresses are written as the connector reads them: as in URLs.
    """
    try:
        found = await resolver.resolve(host, port, family=family)
    except socket.gaierror:
        raise
    except OSError as error:
        cause = error.__cause__
        raise _gaierror(cause if isinstance(cause, aiodns.error.DNSError) else error) from error
    return [
        cast("ResolveResult", {**each, "host": each["host"].replace("%", "%25")}) for each in found
    ]


def _gaierror(error: Exception) -> socket.gaierror:
    usual = socket.EAI_AGAIN if isinstance(error, TimeoutError) else socket.EAI_FAIL
    number, text = (error.args[0], error.args[-1]) if error.args else (None, "")
    return socket.gaierror(_NUMBERS.get(number, usual), text)


MOST_THREADS = 32
_free_threads = threading.BoundedSemaphore(MOST_THREADS)


def _begin_anew() -> None:
    """Forget, in the child of a fork, the threads that stayed with the parent.

    pycares, too: it would wait for ever for its thread to take channels apart, and keep them all.
    """
    global _free_threads  # noqa: PLW0603 - it stands for the process, and the process is another
    _free_threads = threading.BoundedSemaphore(MOST_THREADS)
    if hasattr(pycares, "_shutdown_manager"):
        pycares._shutdown_manager = type(pycares._shutdown_manager)()  # noqa: SLF001 - no other way


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)

_PAUSE = 0.01
"""Seconds between two looks for a free thread."""

# Families that this machine has no address of are not worth a try.  AI_MASK: macOS refuses others.
_FLAGS = socket.AI_ADDRCONFIG & getattr(socket, "AI_MASK", socket.AI_ADDRCONFIG)

_NUMBERS = {
    aiodns.error.ARES_ENODATA: socket.EAI_NONAME,
    aiodns.error.ARES_ENOTFOUND: socket.EAI_NONAME,
    aiodns.error.ARES_EBADNAME: socket.EAI_NONAME,
    aiodns.error.ARES_ETIMEOUT: socket.EAI_AGAIN,
    aiodns.error.ARES_ENOMEM: socket.EAI_MEMORY,
}
