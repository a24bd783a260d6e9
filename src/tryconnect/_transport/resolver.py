"""Names become addresses: as this machine's ``getaddrinfo`` would say, and by the deadline.

The hosts file is read, and name servers are asked, as nsswitch.conf and resolv.conf say, without a
thread: a look-up ends with its deadline. What only the system can know is left to its
``getaddrinfo``, in few daemon threads: names of other services that nsswitch.conf names, and
whatever the name servers could not tell. So a name is "not found" only where the system says so or
would say so; what it has not confirmed in time is a failed look-up.

Failures are ``socket.gaierror``, the standard library's word for them: ``EAI_NONAME`` where the
name does not exist or has no address, other numbers where nobody could tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from functools import partial
from typing import TYPE_CHECKING, TypeGuard, cast

import pycares

from tryconnect._transport.answer_cache import shared_answers
from tryconnect._transport.attempt import Phase
from tryconnect._transport.dns_client import DnsClient
from tryconnect._transport.name_lookup import NameLookup
from tryconnect._transport.name_settings import machine_settings, settings_for
from tryconnect._transport.resolv_conf import ResolvConf
from tryconnect._transport.trace import current

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp.abc import AbstractResolver, ResolveResult

    from tryconnect._model.resolver import HostResolver
    from tryconnect._transport.addresses import Address
    from tryconnect._transport.answer_cache import OnDone, Pending
    from tryconnect._transport.name_settings import NameSettings

    _Base = AbstractResolver
else:
    _Base = object  # whoever needs no aiohttp need not load it

__all__ = ["Resolver"]


class Resolver(_Base):
    """The resolver of one event loop, with the methods of ``aiohttp.abc.AbstractResolver``.

    Args:
        resolver: asked instead of all others; stays the caller's, who closes it.
        nameservers: asked instead of this machine's, as ``1.2.3.4:53``. What they say is not
            confirmed by the system, which would ask others.
        domains: the search list that goes with them.
        timeout: seconds that the first of them has for its answer.
        tries: how often each is asked.
    """

    def __init__(
        self,
        resolver: HostResolver | None = None,
        *,
        nameservers: Sequence[str] = (),
        domains: Sequence[str] = (),
        timeout: float = 5,
        tries: int = 2,
    ) -> None:
        self._given = resolver
        self._settings = machine_settings
        if nameservers:
            conf = ResolvConf(tuple(nameservers), tuple(domains), timeout=timeout, attempts=tries)
            self._settings = partial(settings_for, conf)
        self._fresh: NameSettings | None = None
        self._dns: DnsClient | None = None
        self._under_way: set[NameLookup] = set()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name, in the order in which they are to be tried.

        Raises:
            socket.gaierror: it has none, or nobody could tell.
            LocalFault: the system would have to be asked, and there is no thread for it.
        """
        trace = current.get()
        if trace is not None:
            trace.begin(Phase.dns)
        if self._given is not None:
            found = await _asked(self._given, host, port, family)
        else:
            found = _results(host, port, await self._addresses(host, family))
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        if trace is not None:
            trace.end()
        return found

    def look_up(self, host: str, family: int, on_done: OnDone) -> Pending:
        """Begin to look a name up, in the running loop; no caller's own resolver is asked.

        Args:
            host: the name.
            family: of the addresses; ``AF_UNSPEC`` for all.
            on_done: called once, with the addresses in the order in which they are to be tried or
                with the error; maybe before this returns, and not once the look-up is cancelled.
        """
        loop = asyncio.get_running_loop()
        if self._dns is None:
            self._dns = DnsClient(loop)
        lookup = NameLookup(
            loop,
            self._fresh or self._refresh(loop),
            self._dns,
            host,
            family,
            on_done,
            self._under_way.discard,
        )
        self._under_way.add(lookup)
        try:
            lookup.begin()
        except BaseException:
            lookup.cancel()
            raise
        if lookup not in self._under_way:
            self._fresh = None  # the caller may go on without the loop
        return lookup

    async def close(self) -> None:
        """End look-ups under way, and close all sockets."""
        self.abandon()

    def abandon(self) -> None:
        """Do the same without awaiting, also where the loop is closed."""
        for lookup in list(self._under_way):
            with contextlib.suppress(RuntimeError):  # the loop is closed
                lookup.finish([], socket.gaierror(socket.EAI_FAIL, "the resolver was closed"))
        dns, self._dns = self._dns, None
        if dns is not None:
            dns.close()

    def _refresh(self, loop: asyncio.AbstractEventLoop) -> NameSettings:
        """Look at the machine's settings; look-ups that begin in one round of the loop share it."""
        self._fresh = settings = self._settings()
        loop.call_soon(self._age)
        return settings

    def _age(self) -> None:
        self._fresh = None

    async def _addresses(self, host: str, family: int) -> list[Address]:
        answer: asyncio.Future[list[Address]] = asyncio.get_running_loop().create_future()
        on_done = partial(_settle, answer)
        if (answers := shared_answers.get()) is None:
            pending = self.look_up(host, family, on_done)
        else:
            pending = answers.look_up(self, host, family, on_done)
        try:
            return await answer
        except asyncio.CancelledError:
            if (trace := current.get()) is not None:
                trace.unconfirmed = pending.error
            raise
        finally:
            pending.cancel()
            del answer  # an exception and the frame that holds it would keep each other alive


def _settle(
    answer: asyncio.Future[list[Address]], addresses: list[Address], error: OSError | None
) -> None:
    if not answer.done():
        if error is None:
            answer.set_result(addresses)
        else:
            answer.set_exception(error)


def _results(host: str, port: int, addresses: list[Address]) -> list[ResolveResult]:
    """Make aiohttp's records."""
    return [
        {
            "hostname": host,
            # A link-local IPv6 address means nothing without its interface (RFC 4007).
            "host": f"{ip}%25{scope}" if scope else ip,
            "port": port,
            "family": family,
            "proto": 0,
            "flags": _NUMERIC,
        }
        for family, ip, scope, _ in addresses
    ]


_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


async def _asked(resolver: HostResolver, host: str, port: int, family: int) -> list[ResolveResult]:
    """Ask a resolver of the caller's own, and say what it says in our words.

    By aiohttp's contract it raises ``OSError``; aiohttp's own one hides what c-ares said in the
    cause. Zones of its addresses are written as the connector reads them: as in URLs.
    """
    try:
        found = await resolver.resolve(host, port, family=socket.AddressFamily(family))
    except socket.gaierror:
        raise
    except OSError as error:
        cause = error.__cause__
        raise _gaierror(cause if _is_aiodns(cause) else error) from error
    return [
        cast("ResolveResult", {**each, "host": each["host"].replace("%", "%25")}) for each in found
    ]


def _is_aiodns(error: BaseException | None) -> TypeGuard[Exception]:
    """Return whether an error is aiodns', which need not be loaded for that."""
    return type(error).__module__.startswith("aiodns.")


def _gaierror(error: Exception) -> socket.gaierror:
    usual = socket.EAI_AGAIN if isinstance(error, TimeoutError) else socket.EAI_FAIL
    number, text = (error.args[0], error.args[-1]) if error.args else (None, "")
    # c-ares' numbers are small, and so are the system's: 1 is EPERM there.
    return socket.gaierror(_NUMBERS.get(number, usual) if _is_aiodns(error) else usual, text)


_NUMBERS = {
    pycares.errno.ARES_ENODATA: socket.EAI_NONAME,
    pycares.errno.ARES_ENOTFOUND: socket.EAI_NONAME,
    pycares.errno.ARES_EBADNAME: socket.EAI_NONAME,
    pycares.errno.ARES_ETIMEOUT: socket.EAI_AGAIN,
    pycares.errno.ARES_ENOMEM: socket.EAI_MEMORY,
}
