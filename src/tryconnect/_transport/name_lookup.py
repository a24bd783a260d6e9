"""One name is looked up: in the hosts file, by name servers, and where in doubt by the system.

The order of services is nsswitch.conf's, the names that are tried and the errors that end the
search list are those of glibc's ``res_search``.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pycares

from tryconnect._model.faults import LocalFault
from tryconnect._model.lazy_pattern import lazy_pattern
from tryconnect._transport.address_order import sort_addresses
from tryconnect._transport.dns_client import Outcome
from tryconnect._transport.system_lookup import system_lookup

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from tryconnect._transport.addresses import Address
    from tryconnect._transport.answer_cache import OnDone
    from tryconnect._transport.dns_client import DnsClient, NameQuery
    from tryconnect._transport.name_settings import NameSettings
    from tryconnect._transport.system_lookup import SystemLookup

__all__ = ["NameLookup"]


@dataclass(slots=True, eq=False, repr=False)
class NameLookup:
    """A look-up under way; :meth:`begin` begins it.

    Args:
        loop: the running one.
        settings: whom to ask.
        dns: asks name servers.
        host: the name.
        family: of the addresses; ``AF_UNSPEC`` for all.
        on_done: called once, with the addresses or the error; not once the look-up is cancelled.
        on_end: called once with the look-up, before that or when it is cancelled.
    """

    _loop: asyncio.AbstractEventLoop
    _settings: NameSettings
    _dns: DnsClient
    _host: str
    _family: int
    _on_done: OnDone | None
    _on_end: Callable[[NameLookup], object]
    error: socket.gaierror | None = None
    """What is to be said where the system has not confirmed it in time."""
    _services: list[str] = field(init=False)
    _families: tuple[int, ...] = field(init=False)
    _candidates: list[str] = field(default_factory=list)
    _queries: list[NameQuery] = field(default_factory=list)
    _fault: socket.gaierror | None = None
    _system: SystemLookup | None = None

    def __post_init__(self) -> None:
        self._services = list(self._settings.services.ours)
        if self._family != socket.AF_UNSPEC:
            self._families = (self._family,)
        else:
            self._families = _BOTH[:1] if self._settings.conf.no_aaaa else _BOTH

    def begin(self) -> None:
        """Ask the first service."""
        if self._settings.services.mdns and self._host.rstrip(".").lower().endswith(".local"):
            self._ask_system()
        else:
            self._next_service()

    def cancel(self) -> None:
        """Wait no longer."""
        self._on_done = None
        self._stop()

    def finish(self, addresses: list[Address], error: Exception | None = None) -> None:
        """End the look-up with these addresses or this error."""
        on_done, self._on_done = self._on_done, None
        if on_done is not None:
            self._stop()
            on_done(addresses, error)

    def _stop(self) -> None:
        for query in self._queries:
            query.stop()
        self._queries.clear()
        if self._system is not None:
            self._system.cancel()
        self._on_end(self)

    def _next_service(self) -> None:
        while self._services:
            if self._services.pop(0) == "files":
                if found := self._settings.hosts.find(self._host, self._family):
                    self.finish(sort_addresses(found))
                    return
            elif _VALID.fullmatch(self._host):
                self._candidates = list(self._settings.conf.candidates(self._host))
                self._next_candidate()
                return
        if self._settings.services.others and self._settings.confirm:
            self._ask_system(_UNCONFIRMED if self._queries else None)
        else:
            self.finish([], socket.gaierror(socket.EAI_NONAME, _NOT_KNOWN))

    def _next_candidate(self) -> None:
        if self._candidates:
            name = self._candidates.pop(0)
            query = self._dns.ask(self._settings.conf, name, self._families, self._on_outcome)
            self._queries.append(query)
        elif self._fault is None:
            self._next_service()
        elif self._settings.confirm:
            self._ask_system(self._fault.args[1])
        else:
            self.finish([], self._fault)

    def _on_outcome(self, query: NameQuery) -> None:
        try:
            if query.outcome is Outcome.found:
                self.finish(sort_addresses(query.addresses))
            elif query is self._queries[-1] and self._system is None:
                self._weigh(query)
                self._next_candidate()
        except Exception as error:
            if self._on_done is None:
                raise
            self.finish([], error)  # want of memory: it has nobody else to be told

    def _weigh(self, query: NameQuery) -> None:
        """Note what a name without addresses means for the rest.

        SERVFAIL lets the search go on. After other failures of a name that the search list made,
        glibc tries only the name as it is.
        """
        if query.outcome is Outcome.no_address:
            # A server that only refers to others says so too, and pycares does not tell one from
            # the other; glibc asks the next server then (``next_ns`` in res_send.c).
            self._fault = self._fault or socket.gaierror(socket.EAI_NONAME, _NOT_KNOWN)
        elif query.outcome is not Outcome.no_name:
            number = _NUMBERS.get(query.error, socket.EAI_FAIL)
            self._fault = socket.gaierror(number, pycares.errno.strerror(query.error))
            as_is = self._host.rstrip(".")
            if query.outcome is Outcome.failed and query.name != as_is:
                self._candidates = [name for name in self._candidates if name == as_is]

    def _ask_system(self, fault: str | None = None) -> None:
        if fault is not None:
            self.error = socket.gaierror(socket.EAI_AGAIN, fault)
        try:
            self._system = system_lookup(self._loop, self._host, self._family, self._on_system)
        except LocalFault as error:
            self.finish([], error)

    def _on_system(self, addresses: list[Address], error: OSError | None) -> None:
        if error is None and not addresses:
            error = socket.gaierror(socket.EAI_NONAME, _NOT_KNOWN)
        if error is not None and self._fault is not None and error.errno != socket.EAI_NONAME:
            # What the name servers said is more than "temporary failure".
            ours = self._fault.errno == socket.EAI_MEMORY  # nobody was asked
            error = socket.gaierror(self._fault.errno if ours else error.errno, self._fault.args[1])
        self.finish(addresses, error)


_BOTH = (socket.AF_INET, socket.AF_INET6)
_NOT_KNOWN = "the name does not exist or has no address"
_UNCONFIRMED = "no name server knows it, and the system has not confirmed that in time"

_VALID = lazy_pattern(r"(?!-)[A-Za-z0-9_.-]+")
"""What glibc asks name servers for (``res_hnok``)."""

_NUMBERS = {
    pycares.errno.ARES_ETIMEOUT: socket.EAI_AGAIN,
    pycares.errno.ARES_ENOMEM: socket.EAI_MEMORY,
}
