"""Which loop runs a check: the caller's, or the portal if that one cannot.

Callers cannot tell which loop ran the check. The native loop comes first. If it raises
``NotImplementedError``, the same check goes through the portal, within what is left of its time.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tryconnect._check.network import Network
from tryconnect._model.faults import LocalFault
from tryconnect._runtime.bridge import LoopCall
from tryconnect._runtime.capabilities import LoopCapabilities
from tryconnect._runtime.portal import call, start_soon
from tryconnect._transport.attempt import Attempt
from tryconnect._transport.proxies import Proxies

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tryconnect._address.target import Target
    from tryconnect._check.body import BodyPlan
    from tryconnect._model.resolver import HostResolver
    from tryconnect._options import Options

__all__ = ["Dispatcher"]


class Dispatcher:
    """Runs the checks of one event loop, natively or through the portal.

    Must be made inside the running loop that it is for.

    Args:
        options: The client's; their ``loop`` says where checks may run.
        keep_alive: Keep connections from one check to the next.
    """

    def __init__(self, options: Options, *, keep_alive: bool) -> None:
        loop = asyncio.get_running_loop()
        self._choice = options.loop
        self._kind = type(loop).__qualname__
        self._capabilities = LoopCapabilities(loop)
        self._closed = False
        self._native: Network | None = None
        make = partial(Network, proxies=Proxies(options.proxy), keep_alive=keep_alive)
        self._make = partial(make, options)
        self._portal = _PortalNetwork(partial(make, _asked_at_home(options, loop)))

    async def attempt(
        self, target: Target, *, timeout: float, plan: BodyPlan | None = None
    ) -> Attempt:
        """Try a target, and return what happened; see :meth:`Network.attempt`."""
        deadline = time.monotonic() + timeout
        if self._uses_portal(target):
            return await self._portal.attempt(target, deadline, plan)
        try:
            if self._native is None:
                self._native = self._make()
            native = await self._native.attempt(target, timeout=timeout, plan=plan)
        except (NotImplementedError, AttributeError) as error:  # it cannot even keep a deadline
            native = Attempt(target=target, error=error)
        failed = native.error is not None and not self._closed
        if not failed or not await self._capabilities.is_to_blame(native.error):
            return native
        scheme = _scheme(native.target or target)
        if self._choice == "native":
            return replace(native, error=_unable(self._kind, scheme, native.error))
        through_portal = await self._portal.attempt(target, deadline, plan)
        # If the portal lacks it too, the loop is not to blame.
        if not self._capabilities.is_missing_feature(through_portal.error):
            self._capabilities.lacking(scheme)
        total = native.timings.total + through_portal.timings.total
        return replace(through_portal, timings=through_portal.timings._replace(total=total))

    async def aclose(self) -> None:
        """Close both networks, even if one fails or the caller is cancelled."""
        self._closed = True
        try:
            if self._native is not None:
                await self._native.aclose()
        finally:
            await self._portal.aclose()

    def abandon(self) -> None:
        """Drop both networks without awaiting: the loop is closed already."""
        if self._native is not None:
            self._native.abandon()
        self._portal.abandon()

    def _uses_portal(self, target: Target) -> bool:
        if self._choice == "auto":
            return self._capabilities.lacks(_scheme(target))
        return self._choice == "portal"


class _PortalNetwork:
    """The network that lives in the portal, made there for the first check.

    Args:
        make: Makes it.
    """

    def __init__(self, make: Callable[[], Network]) -> None:
        self._make = make
        self._is_used = False
        self._network: Network | None = None  # the portal's thread alone touches it

    async def attempt(self, target: Target, deadline: float, plan: BodyPlan | None) -> Attempt:
        """Try a target until a moment of ``time.monotonic()``, which is the same in all threads."""
        self._is_used = True

        async def go() -> Attempt:
            if self._network is None:
                self._network = self._make()
            left = max(deadline - time.monotonic(), 0.0)
            return await self._network.attempt(target, timeout=left, plan=plan)

        try:
            return await call(go)
        except LocalFault as error:
            return Attempt(target=target, error=error)

    async def aclose(self) -> None:
        """Close the network, if there is one."""
        if self._is_used:
            with contextlib.suppress(LocalFault):  # no portal, no network in it
                await call(self._close)

    def abandon(self) -> None:
        """Start closing the network without awaiting it: the portal's loop runs on."""
        if self._is_used:
            with contextlib.suppress(LocalFault):
                start_soon(self._close)

    async def _close(self) -> None:
        if self._network is not None:
            await self._network.aclose()
            self._network = None


class _AtHome:
    """A resolver of the caller's, called from the portal in the loop that it belongs to."""

    def __init__(self, resolver: HostResolver, loop: asyncio.AbstractEventLoop) -> None:
        self._resolver = resolver
        self._loop = loop

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> Sequence[Mapping[str, Any]]:
        """Return what the resolver says."""
        ask = partial(self._resolver.resolve, host, port, family=family)
        return await LoopCall(ask, self._loop).wait_or_abandon()

    async def close(self) -> None:
        """Do nothing: the caller closes it."""


def _asked_at_home(options: Options, loop: asyncio.AbstractEventLoop) -> Options:
    if options.resolver is None:
        return options
    return replace(options, resolver=_AtHome(options.resolver, loop))


def _scheme(target: Target) -> str:
    """Return the scheme, by which loops are fit or not: some lack TLS alone, some unix sockets."""
    return target.url.partition(":")[0]


def _unable(kind: str, scheme: str, error: BaseException | None) -> LocalFault:
    fault = LocalFault(
        f"this event loop ({kind}) cannot check {scheme}:// addresses itself: "
        'tryconnect.Client(loop="portal") can, and so can the default'
    )
    fault.__cause__ = error
    return fault
